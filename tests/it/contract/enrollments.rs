use matricula_domain::enrollment::{Enrollment, EnrollmentStatus, SeatHold};
use matricula_domain::identity::Reach;
use matricula_domain::shared::{Aggregate as _, Changed, Line};
use matricula_ports::enrollment::{EnrollmentFilter, EnrollmentQueries};
use matricula_ports::{Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, on_both};

use super::filled::{enroll, hold};
use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    an_enrollment_is_read_back_as_it_was_saved,
    a_hold_is_read_back_as_it_was_saved,
    attempts_are_those_of_one_person_in_one_run_oldest_first,
    the_queue_is_in_the_order_of_asking,
    what_has_run_out_is_found_oldest_first,
    enrollments_are_listed_newest_first_while_others_come,
    enrollments_are_filtered,
);

async fn save(here: &Tenant, enrollment: &Changed<Enrollment>) {
    here.in_unit(async |tx| tx.enrollments().save(enrollment).await).await;
}

async fn an_enrollment_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let run = here.run(&course, 1).await;
    let people = here.crowd(2).await;
    let (active, waitlisted) = (enroll(&here, &run, people[0].id()).await, enroll(&here, &run, people[1].id()).await);
    assert_eq!((active.queued_at(), waitlisted.queued_at()), (None, Some(at(0))));
    let reason = Some(Line::parse(&longest(300)).unwrap());
    let dropped = active.transition(EnrollmentStatus::Dropped, reason, at(1)).unwrap();
    save(&here, &dropped).await;
    let offered = waitlisted.offer(at(3600), at(2)).unwrap();
    save(&here, &offered).await;
    for (enrollment, place) in [(dropped.state(), None), (offered.state(), None)] {
        assert_eq!(here.in_unit(async |tx| tx.enrollments().find(enrollment.id(), &Reach::All).await).await.as_ref(), Some(enrollment));
        let shown = EnrollmentQueries::one(&db.queries, &here.scope, &Reach::All, enrollment.id()).await.unwrap().unwrap();
        assert_eq!((&shown.enrollment, shown.waitlist_position), (enrollment, place));
    }
    assert!(here.in_unit(async |tx| tx.enrollments().find(db.id(), &Reach::All).await).await.is_none());
    assert!(EnrollmentQueries::one(&db.queries, &here.scope, &Reach::All, db.id()).await.unwrap().is_none());
    // Nobody can take the seat that was offered, and then nothing of it stays.
    let carla = here.person("Carla").await;
    let unit = here.begin().await;
    let late = SeatHold::hold(db.id(), &run, 0, carla.id(), 1, "2026-03-01".parse().unwrap(), at(3)).unwrap();
    unit.seat_holds().save(&late).await.unwrap();
    let refused = unit.commit().await;
    assert!(matches!(refused, Err(PortError::Conflict("seats"))), "{refused:?}");
    assert_eq!(db.raw.count("seat_holds").await, 0);
}

async fn a_hold_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let run = here.run(&course, 2).await;
    let held = hold(&here, &run, here.person("Ana").await.id()).await;
    let find = async || here.in_unit(async |tx| tx.seat_holds().find(held.id()).await).await.unwrap();
    assert_eq!(find().await, held);
    let released = held.release(at(5)).unwrap();
    here.in_unit(async |tx| tx.seat_holds().save(&released).await).await;
    assert_eq!((find().await, released.state().version()), (released.state().clone(), 2));
    let run = here.in_unit(async |tx| tx.course_runs().find(run.id()).await).await.unwrap();
    assert_eq!(run.seats().held, 0);
    assert!(here.in_unit(async |tx| tx.seat_holds().find(db.id()).await).await.is_none());
}

async fn attempts_are_those_of_one_person_in_one_run_oldest_first(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let (run, other) = (here.run(&course, 9).await, here.run(&course, 9).await);
    let people = here.crowd(2).await;
    let mut expected = Vec::new();
    for n in 0..3 {
        db.clock.set(n);
        let enrolled = enroll(&here, &run, people[0].id()).await;
        let dropped = enrolled.transition(EnrollmentStatus::Dropped, None, at(n)).unwrap();
        save(&here, &dropped).await;
        expected.push(dropped.into_state());
    }
    enroll(&here, &other, people[0].id()).await;
    enroll(&here, &run, people[1].id()).await;
    let found = here.in_unit(async |tx| tx.enrollments().attempts(run.id(), people[0].id()).await).await;
    assert_eq!(found, expected);
    assert_eq!(found.iter().map(Enrollment::attempt).collect::<Vec<_>>(), [1, 2, 3]);
}

async fn the_queue_is_in_the_order_of_asking(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let (run, other) = (here.run(&course, 0).await, here.run(&course, 0).await);
    let mut line = Vec::new();
    for (n, person) in here.crowd(5).await.iter().enumerate() {
        // Two at the same moment each: the id decides.
        db.clock.set(i64::try_from(n / 2).unwrap());
        line.push(enroll(&here, &run, person.id()).await);
        enroll(&here, &other, person.id()).await;
    }
    for most in [0, 1, 3, 9] {
        let next = here.in_unit(async |tx| tx.enrollments().next_in_line(run.id(), most).await).await;
        assert_eq!(next, line[..line.len().min(usize::try_from(most).unwrap())]);
    }
    for (n, enrollment) in line.iter().enumerate() {
        let place = here.in_unit(async |tx| tx.enrollments().waitlist_position(enrollment).await).await;
        let shown = EnrollmentQueries::one(&db.queries, &here.scope, &Reach::All, enrollment.id()).await.unwrap().unwrap();
        assert_eq!((place, shown.waitlist_position), (u32::try_from(n + 1).unwrap(), Some(place)));
    }
    // Who leaves the queue makes it shorter for those behind.
    save(&here, &line[1].transition(EnrollmentStatus::Dropped, None, at(9)).unwrap()).await;
    assert_eq!(here.in_unit(async |tx| tx.enrollments().waitlist_position(&line[4]).await).await, 4);
    let gone = here.try_in_unit(async |tx| tx.enrollments().find(line[1].id(), &Reach::All).await).await.unwrap().unwrap();
    let refused = here.try_in_unit(async |tx| tx.enrollments().waitlist_position(&gone).await).await;
    assert!(matches!(refused, Err(PortError::Broken(_))), "{refused:?}");
}

async fn what_has_run_out_is_found_oldest_first(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let (queue, holds) = (here.run(&course, 0).await, here.run(&course, 9).await);
    // Offers need seats that the waiting did not see.
    let mut offers = Vec::new();
    for (n, person) in here.crowd(3).await.iter().enumerate() {
        offers.push((3 - i64::try_from(n).unwrap(), enroll(&here, &queue, person.id()).await, person.id()));
    }
    let more = here.in_unit(async |tx| tx.course_runs().find(queue.id()).await).await.unwrap();
    let more = more.change(&matricula_tests::value(serde_json::json!({"max_students": 9})), at(1)).unwrap();
    here.in_unit(async |tx| tx.course_runs().save(&more).await).await;
    let mut held = Vec::new();
    for (until, waiting, person) in &offers {
        save(&here, &waiting.offer(at(*until * 100), at(1)).unwrap()).await;
        db.clock.set(*until * 100 - 3600);
        held.push(hold(&here, &holds, *person).await);
    }
    let lapsed = async |when, most| here.in_unit(async |tx| tx.enrollments().lapsed_offers(at(when), most).await).await;
    let run_out = async |when, most| here.in_unit(async |tx| tx.seat_holds().run_out(at(when), most).await).await;
    for (when, most, found) in [(99, 9, &[][..]), (100, 9, &[2]), (200, 9, &[2, 1]), (299, 9, &[2, 1]), (300, 9, &[2, 1, 0]), (300, 2, &[2, 1])] {
        let expected: Vec<_> = found.iter().map(|n: &usize| offers[*n].1.id()).collect();
        assert_eq!(lapsed(when, most).await.iter().map(Enrollment::id).collect::<Vec<_>>(), expected);
        let expected: Vec<_> = found.iter().map(|n| held[*n].clone()).collect();
        assert_eq!(run_out(when, most).await, expected);
    }
    // What was ended is not found again.
    here.in_unit(async |tx| tx.seat_holds().save(&held[2].expire(at(300)).unwrap()).await).await;
    assert_eq!(run_out(300, 9).await.len(), 2);
}

async fn enrollments_are_listed_newest_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let run = here.run(&course, 3).await;
    let mut newest_first = Vec::new();
    for (n, person) in here.crowd(7).await.iter().enumerate() {
        db.clock.set(i64::try_from(n / 2).unwrap());
        newest_first.insert(0, enroll(&here, &run, person.id()).await);
    }
    let list = async |page: &Page| EnrollmentQueries::list(&db.queries, &here.scope, &Reach::All, &EnrollmentFilter::default(), page).await;
    for limit in [1, 2, 3, 7, 8] {
        let all = walk(Page::first(limit), list, async |_| ()).await;
        assert_eq!(all.iter().map(|row| row.enrollment.clone()).collect::<Vec<_>>(), newest_first);
        assert_eq!(all.iter().map(|row| row.waitlist_position).collect::<Vec<_>>(), [Some(4), Some(3), Some(2), Some(1), None, None, None]);
    }
    let new = async |n: usize| {
        db.clock.set(100);
        enroll(&here, &run, here.person(&format!("Nueva {n}")).await.id()).await;
    };
    let all = walk(Page::first(2), list, new).await;
    assert_eq!(all.into_iter().map(|row| row.enrollment).collect::<Vec<_>>(), newest_first);
    assert_refuses_foreign_cursors(list).await;
}

async fn enrollments_are_filtered(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let (run, other) = (here.run(&course, 1).await, here.run(&course, 1).await);
    let people = here.crowd(2).await;
    for run in [&run, &other] {
        for person in &people {
            enroll(&here, run, person.id()).await;
        }
    }
    let any = EnrollmentFilter::default();
    for (filter, hits) in [
        (any.clone(), 4),
        (EnrollmentFilter { run: Some(run.id()), ..any.clone() }, 2),
        (EnrollmentFilter { person: Some(people[1].id()), ..any.clone() }, 2),
        (EnrollmentFilter { status: Some(EnrollmentStatus::Waitlisted), ..any.clone() }, 2),
        (EnrollmentFilter { status: Some(EnrollmentStatus::Offered), ..any.clone() }, 0),
        (EnrollmentFilter { run: Some(run.id()), person: Some(people[1].id()), status: Some(EnrollmentStatus::Waitlisted) }, 1),
        (EnrollmentFilter { run: Some(run.id()), person: Some(people[1].id()), status: Some(EnrollmentStatus::Active) }, 0),
    ] {
        assert_eq!(
            EnrollmentQueries::list(&db.queries, &here.scope, &Reach::All, &filter, &Page::first(9)).await.unwrap().items.len(),
            hits,
            "{filter:?}"
        );
    }
}
