use async_trait::async_trait;
use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{Enrollment, EnrollmentFact, EnrollmentId, EnrollmentParts};
use matricula_domain::identity::Reach;
use matricula_domain::people::PersonId;
use matricula_domain::shared::{Aggregate, Changed, Id, Instant};
use matricula_entity::enrollment::enrollments;
use matricula_ports::PortError;
use matricula_ports::enrollment::EnrollmentRepository;

use crate::convert::{Columns, count, parsed};
use crate::paging::columns;
use crate::scoped::{SCOPED, models};
use crate::sql::{Sql, Write};
use crate::unit::Session;

pub(super) fn enrollment_of(row: enrollments::Model) -> Result<Enrollment, PortError> {
    Ok(Enrollment::from_parts(EnrollmentParts {
        id: EnrollmentId::from_uuid(row.id),
        run: CourseRunId::from_uuid(row.course_run_id),
        person: PersonId::from_uuid(row.person_id),
        status: parsed(row.status, "enrollments.status")?,
        reason: row.status_reason,
        attempt: count(row.attempt, "enrollments.attempt")?,
        queued_at: row.queued_at,
        offer_expires_at: row.offer_expires_at,
        lead: row.lead_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "enrollments.version")?,
    }))
}

/// Adds the condition that an enrollment `e` is in reach: its campus is that of its run.
pub(super) fn within(sql: &mut Sql, reach: &Reach) {
    let Reach::Within(post) = reach else { return };
    if post.campuses.is_empty() {
        sql.push(" AND FALSE");
        return;
    }
    sql.push(" AND e.course_run_id IN (SELECT r.id FROM course_runs r WHERE r.organization_id = e.organization_id AND r.campus_id IN (");
    sql.bind_all(post.campuses.iter().map(|campus| campus.as_uuid())).push("))");
}

impl Session {
    /// States are written into the statements as they are, since a bound one would keep the planner from the partial indexes.
    fn enrollments_where(&self) -> Sql {
        let mut sql = self.sql();
        sql.push("SELECT ").push(&columns::<enrollments::Entity>("e")).push(" FROM enrollments e WHERE ").push(SCOPED);
        sql.push(" AND e.organization_id = ").bind(self.organization);
        sql
    }

    async fn read_enrollments(&self, sql: Sql) -> Result<Vec<Enrollment>, PortError> {
        models::<enrollments::Entity>(&self.rows(sql).await?)?.into_iter().map(enrollment_of).collect()
    }
}

#[async_trait]
impl EnrollmentRepository for Session {
    async fn find(&self, id: EnrollmentId, reach: &Reach) -> Result<Option<Enrollment>, PortError> {
        let mut sql = self.enrollments_where();
        sql.push(" AND e.id = ").bind(id.as_uuid());
        within(&mut sql, reach);
        Ok(self.read_enrollments(sql).await?.pop())
    }

    async fn attempts(&self, run: CourseRunId, person: PersonId) -> Result<Vec<Enrollment>, PortError> {
        let mut sql = self.enrollments_where();
        sql.push(" AND e.course_run_id = ").bind(run.as_uuid()).push(" AND e.person_id = ").bind(person.as_uuid());
        sql.push(" ORDER BY e.created_at, e.id");
        self.read_enrollments(sql).await
    }

    async fn of_run(&self, run: CourseRunId) -> Result<Vec<Enrollment>, PortError> {
        let mut sql = self.enrollments_where();
        sql.push(" AND e.course_run_id = ").bind(run.as_uuid()).push(" ORDER BY e.created_at, e.id");
        self.read_enrollments(sql).await
    }

    async fn next_in_line(&self, run: CourseRunId, most: u32) -> Result<Vec<Enrollment>, PortError> {
        let mut sql = self.enrollments_where();
        sql.push(" AND e.course_run_id = ").bind(run.as_uuid()).push(" AND e.status = 'waitlisted'");
        sql.push(" ORDER BY e.queued_at, e.id LIMIT ").bind(i64::from(most));
        self.read_enrollments(sql).await
    }

    async fn waitlist_position(&self, enrollment: &Enrollment) -> Result<u32, PortError> {
        let Some(since) = enrollment.queued_at() else { return Err(PortError::Broken("who does not queue has no place in the queue".to_owned())) };
        let mut sql = self.sql();
        // One more than stand before it, which is so before and after it is saved.
        sql.push("SELECT count(*) + 1 FROM enrollments e WHERE ").push(SCOPED).push(" AND e.organization_id = ").bind(self.organization);
        sql.push(" AND e.course_run_id = ").bind(enrollment.run().as_uuid()).push(" AND e.status = 'waitlisted'");
        sql.push(" AND (e.queued_at, e.id) < (").bind(since).push(", ").bind(enrollment.id().as_uuid()).push(")");
        let rows = self.rows(sql).await?;
        let row = rows.first().ok_or_else(|| PortError::Broken("a count without a row".to_owned()))?;
        count(Columns::last::<i64>(row)?, "the queue")
    }

    async fn lapsed_offers(&self, now: Instant, most: u32) -> Result<Vec<Enrollment>, PortError> {
        let mut sql = self.enrollments_where();
        sql.push(" AND e.status = 'offered' AND e.offer_expires_at <= ").bind(now);
        sql.push(" ORDER BY e.offer_expires_at, e.id LIMIT ").bind(i64::from(most));
        self.read_enrollments(sql).await
    }

    async fn save(&self, enrollment: &Changed<Enrollment>) -> Result<(), PortError> {
        let parts = enrollment.state().parts();
        let model = enrollments::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            course_run_id: parts.run.as_uuid(),
            person_id: parts.person.as_uuid(),
            status: parts.status.as_str().to_owned(),
            status_reason: parts.reason.clone(),
            attempt: count(parts.attempt, "enrollments.attempt")?,
            queued_at: parts.queued_at,
            offer_expires_at: parts.offer_expires_at,
            lead_id: parts.lead,
            created_at: parts.created_at,
            updated_at: parts.updated_at,
            version: count(parts.version, "enrollments.version")?,
        };
        if enrollment.is_new() {
            self.insert::<enrollments::Entity>(model);
        } else {
            self.update::<enrollments::Entity>(model, enrollment.state().version(), &[]);
        }
        if matches!(enrollment.fact(), EnrollmentFact::Waitlisted { .. }) {
            // Else somebody could begin to wait while the last seat is freed, and nobody would offer it.
            self.write(Write::Full { organization: self.organization, run: parts.run.as_uuid() });
        }
        for (run, moved) in enrollment.fact().seat_moves() {
            self.move_seats(run.as_uuid(), moved.taken, moved.held);
        }
        self.note(enrollment);
        Ok(())
    }
}
