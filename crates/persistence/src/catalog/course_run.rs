use async_trait::async_trait;
use matricula_domain::catalog::{CourseId, CourseRun, CourseRunId, CourseRunParts, RunPlan, Seats};
use matricula_domain::shared::{Aggregate, Changed, Field, Id, RecordId};
use matricula_entity::catalog::course_runs;
use matricula_ports::PortError;
use matricula_ports::catalog::{CourseRunRepository, RunWithQueue};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};

use crate::convert::{count, json, parsed, parsed_or_none, value};
use crate::error::port;
use crate::paging::columns;
use crate::scoped::SCOPED;
use crate::unit::Session;

pub(super) fn run_of(row: course_runs::Model) -> Result<CourseRun, PortError> {
    let plan = RunPlan {
        course_id: CourseId::from_uuid(row.course_id),
        cycle_id: row.cycle_id.map(RecordId::from_uuid),
        campus_id: row.campus_id.map(RecordId::from_uuid),
        start_date: row.start_date,
        end_date: row.end_date,
        enrollment_deadline: row.enrollment_deadline,
        max_students: count(row.max_students, "course_runs.max_students")?,
        min_students: row.min_students.map(|min| count(min, "course_runs.min_students")).transpose()?,
        prices: parsed(value(row.prices), "course_runs.prices")?,
        seats_left_policy: parsed_or_none(row.seats_left_policy, "course_runs.seats_left_policy")?,
    };
    let seats = Seats {
        max: plan.max_students,
        taken: count(row.seats_taken, "course_runs.seats_taken")?,
        held: count(row.seats_held, "course_runs.seats_held")?,
    };
    Ok(CourseRun::from_parts(CourseRunParts {
        id: CourseRunId::from_uuid(row.id),
        plan,
        status: parsed(row.status, "course_runs.status")?,
        status_reason: row.status_reason,
        merged_into: row.merged_into.map(CourseRunId::from_uuid),
        seats,
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "course_runs.version")?,
    }))
}

#[async_trait]
impl CourseRunRepository for Session {
    async fn find(&self, id: CourseRunId) -> Result<Option<CourseRun>, PortError> {
        self.one(self.select::<course_runs::Entity>().filter(course_runs::Column::Id.eq(id.as_uuid()))).await?.map(run_of).transpose()
    }

    async fn find_with_queue(&self, id: CourseRunId) -> Result<Option<RunWithQueue>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT ").push(&columns::<course_runs::Entity>("r")).push(", (SELECT count(*) FROM enrollments e ");
        sql.push("WHERE e.organization_id = r.organization_id AND e.course_run_id = r.id AND e.status = 'waitlisted') AS waiting, ");
        sql.push("COALESCE(k.time_zone, o.time_zone) AS time_zone FROM course_runs r JOIN organizations o ON o.id = r.organization_id ");
        sql.push("LEFT JOIN campuses k ON k.organization_id = r.organization_id AND k.id = r.campus_id WHERE ").push(SCOPED);
        sql.push(" AND r.organization_id = ").bind(self.organization).push(" AND r.id = ").bind(id.as_uuid());
        let Some(row) = self.rows(sql).await?.pop() else { return Ok(None) };
        Ok(Some(RunWithQueue {
            run: run_of(course_runs::Model::from_query_result(&row, "").map_err(port)?)?,
            waiting: count(row.try_get::<i64>("", "waiting").map_err(port)?, "the queue")?,
            time_zone: parsed(row.try_get::<String>("", "time_zone").map_err(port)?, "time_zone")?,
        }))
    }

    async fn save(&self, run: &Changed<CourseRun>) -> Result<(), PortError> {
        let parts = run.state().parts();
        let plan = &parts.plan;
        let model = course_runs::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            course_id: plan.course_id.as_uuid(),
            cycle_id: plan.cycle_id.map(Id::as_uuid),
            campus_id: plan.campus_id.map(Id::as_uuid),
            start_date: plan.start_date,
            end_date: plan.end_date,
            enrollment_deadline: plan.enrollment_deadline,
            max_students: count(plan.max_students, "course_runs.max_students")?,
            min_students: plan.min_students.map(|min| count(min, "course_runs.min_students")).transpose()?,
            prices: json(&plan.prices.value()),
            seats_left_policy: plan.seats_left_policy.map(|policy| policy.as_str().to_owned()),
            // A new run's seats are all free; afterwards only enrollments and holds move them.
            seats_taken: 0,
            seats_held: 0,
            status: parts.status.as_str().to_owned(),
            status_reason: parts.status_reason.clone(),
            merged_into: parts.merged_into.map(Id::as_uuid),
            archived_at: parts.archived_at,
            created_at: parts.created_at,
            updated_at: parts.updated_at,
            version: count(parts.version, "course_runs.version")?,
        };
        if run.is_new() {
            self.insert::<course_runs::Entity>(model);
        } else {
            self.update::<course_runs::Entity>(model, run.state().version(), &[course_runs::Column::SeatsTaken, course_runs::Column::SeatsHeld]);
        }
        self.note(run);
        Ok(())
    }
}
