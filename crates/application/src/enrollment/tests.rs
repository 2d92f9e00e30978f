use matricula_domain::catalog::{CourseRun, CourseRunId, CourseRunParts, RunPlan, RunStatus};
use matricula_domain::people::{Person, PersonId};
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::Enrollments;
use crate::testing::{day, id, person, queue, run, world};

mod enroll;
mod hold;
mod sweep;
mod transition;

fn over(repositories: MockRepositories) -> (MockTransactions, Enrollments) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Enrollments::new(world(&transactions)))
}

fn lucia() -> Person {
    person(20, Some("lucia@example.es"), None)
}

/// Repositories that know this person, under the id 20.
fn knowing(person: Option<Person>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.people.expect_find().withf(|asked| *asked == id::<PersonId>(20)).returning(move |_| Ok(person.clone()));
    repositories
}

/// The same repositories with this run, under the id 40, for which so many wait.
fn with_run(mut repositories: MockRepositories, run: Option<CourseRun>, waiting: u32) -> MockRepositories {
    repositories
        .course_runs
        .expect_find_with_queue()
        .withf(|asked| *asked == id::<CourseRunId>(40))
        .returning(move |_| Ok(run.clone().map(|run| queue(run, waiting))));
    repositories
}

/// Runs with free seats into which nobody can enroll, with the reason.
fn closed_runs() -> [(CourseRun, matricula_domain::enrollment::EnrollmentError); 3] {
    use matricula_domain::enrollment::EnrollmentError::{EnrollmentClosed, RunNotOpen};
    let open = run(5, 0);
    let of = |parts| CourseRun::from_parts(parts);
    let late = RunPlan { enrollment_deadline: Some(day("2026-02-28")), ..open.plan().clone() };
    [
        (of(CourseRunParts { plan: late, ..open.parts().clone() }), EnrollmentClosed),
        (of(CourseRunParts { status: RunStatus::Cancelled, ..open.parts().clone() }), RunNotOpen),
        (of(CourseRunParts { archived_at: Some(crate::testing::now()), ..open.parts().clone() }), RunNotOpen),
    ]
}
