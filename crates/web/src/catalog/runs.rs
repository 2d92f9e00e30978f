use actix_web::HttpRequest;
use chrono::{DateTime, NaiveDate, Utc};
use matricula_application::access::{ManageCatalog, ReadCatalog};
use matricula_application::catalog::Merged;
use matricula_domain::catalog::{CourseId, CourseRun, CourseRunId, RunCopy, RunPlan, RunShift, RunStatus, SeatsLeftPolicy};
use matricula_domain::shared::{Aggregate, Flag, Id, Line, LocalDate, RecordId};
use matricula_ports::catalog::{RunFilter, RunRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::courses::AudiencePriceView;
use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{Limit, Listed, Place, Sort, page};

matricula_domain::form! {
    /// Which runs.
    pub struct RunsQuery {
        /// Of this course.
        course_id: Option<CourseId>,
        /// At this campus.
        campus_id: Option<RecordId>,
        /// In this state.
        status: Option<RunStatus>,
        /// Starting on or after this day.
        starts_from: Option<LocalDate>,
        /// Starting on or before this day.
        starts_until: Option<LocalDate>,
        /// With free seats, or without.
        has_seats: Option<bool>,
        /// Yet to start and with fewer people than it is worth teaching for, or not so.
        below_minimum: Option<bool>,
        /// Which way the list runs.
        sort: Option<Sort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

matricula_domain::form! {
    /// Where a run goes.
    pub struct Move {
        /// The state.
        to: RunStatus,
        /// Why.
        reason: Option<Line<300>>,
    }
}

matricula_domain::form! {
    /// To which run the people of a run go.
    pub struct MergeRun {
        /// That run; it is of the same course.
        into: CourseRunId,
        /// Whether to say what would happen, and do nothing.
        dry_run: Flag,
    }
}

/// The seats of a run.
#[derive(Serialize, ToSchema)]
pub(super) struct SeatsView {
    max: u32,
    taken: u32,
    held: u32,
    free: u32,
    /// Left out where a run was changed, not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    waitlisted: Option<u32>,
}

/// A course run.
#[derive(Serialize, ToSchema)]
pub(super) struct CourseRunView {
    id: Uuid,
    course_id: Uuid,
    cycle_id: Option<Uuid>,
    campus_id: Option<Uuid>,
    start_date: NaiveDate,
    end_date: NaiveDate,
    enrollment_deadline: Option<NaiveDate>,
    max_students: u32,
    min_students: Option<u32>,
    /// Whether it is yet to start, and fewer people have a seat than it is worth teaching for.
    below_minimum: bool,
    /// What those pay here who do not pay what the course says.
    prices: Vec<AudiencePriceView>,
    /// What everybody may know of the seats that are left: exact, few or hidden; what the organization says, if it is nothing.
    seats_left_policy: Option<&'static str>,
    /// scheduled, ongoing, completed or cancelled.
    status: &'static str,
    status_reason: Option<String>,
    /// The run to which its people went when it was cancelled.
    merged_into: Option<Uuid>,
    seats: SeatsView,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl CourseRunView {
    fn of(run: &CourseRun, waitlisted: Option<u32>) -> Self {
        let (plan, seats) = (run.plan(), run.seats());
        Self {
            id: run.id().as_uuid(),
            course_id: plan.course_id.as_uuid(),
            cycle_id: plan.cycle_id.map(Id::as_uuid),
            campus_id: plan.campus_id.map(Id::as_uuid),
            start_date: plan.start_date,
            end_date: plan.end_date,
            enrollment_deadline: plan.enrollment_deadline,
            max_students: plan.max_students,
            min_students: plan.min_students,
            below_minimum: run.is_below_minimum(),
            prices: plan.prices.iter().map(AudiencePriceView::from).collect(),
            seats_left_policy: plan.seats_left_policy.map(SeatsLeftPolicy::as_str),
            status: run.status().as_str(),
            status_reason: run.status_reason().map(str::to_owned),
            merged_into: run.merged_into().map(Id::as_uuid),
            seats: SeatsView { max: seats.max, taken: seats.taken, held: seats.held, free: seats.free(), waitlisted },
            archived_at: run.archived_at(),
            created_at: run.created_at(),
            updated_at: run.updated_at(),
        }
    }
}

impl From<RunRow> for CourseRunView {
    fn from(row: RunRow) -> Self {
        Self::of(&row.run, Some(row.waitlisted))
    }
}

/// What became of two runs, or would become of them.
#[derive(Serialize, ToSchema)]
pub(super) struct MergeView {
    /// The run that was cancelled; as it is, in a dry run.
    run: CourseRunView,
    /// The run to which its people went; as it is, in a dry run.
    into: CourseRunView,
    /// How many enrollments moved, those that wait included.
    moved: usize,
    /// How many held seats moved.
    holds_moved: usize,
    /// How many enrollments and holds ended, since the person has a better place in the other run, or had a worse one.
    ended: usize,
}

impl From<&Merged> for MergeView {
    fn from(merged: &Merged) -> Self {
        let Merged { run, into, merge } = merged;
        Self {
            run: CourseRunView::of(run, None),
            into: CourseRunView::of(into, None),
            moved: merge.moved.enrollments.len(),
            holds_moved: merge.moved.holds.len(),
            ended: merge.ended.enrollments.len() + merge.ended.holds.len(),
        }
    }
}

fn answer(run: &CourseRun) -> Answer {
    Answer::ok(&CourseRunView::of(run, None)).etag(run.version())
}

fn created(run: &CourseRun) -> Answer {
    Answer::created(&CourseRunView::of(run, Some(0)), format!("/api/v1/course-runs/{}", run.id())).etag(run.version())
}

pub(super) async fn list(call: May<ReadCatalog>, query: Query<RunsQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let filter = RunFilter {
        course: query.course_id,
        campus: query.campus_id,
        status: query.status,
        starts_from: query.starts_from,
        starts_until: query.starts_until,
        has_seats: query.has_seats,
        below_minimum: query.below_minimum,
        published: false,
    };
    let found = call.api.catalog_queries.runs(call.who.scope(), &filter, &page(query.limit, query.cursor, query.sort)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(CourseRunView::from))))
}

pub(super) async fn schedule(call: May<ManageCatalog>, body: Body<RunPlan>) -> Answered {
    call.once(body.fingerprint, created, async |who| call.api.catalog.schedule_run(who, &body).await).await
}

pub(super) async fn get(call: May<ReadCatalog>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    let row = call.api.catalog_queries.run(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let version = row.run.version();
    Ok(Answer::ok(&CourseRunView::from(row)).etag(version))
}

pub(super) async fn change(call: May<ManageCatalog>, body: Raw) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.catalog.change_run(&call.who, id, &body.value, expected).await?))
}

pub(super) async fn transition(call: May<ManageCatalog>, body: Body<Move>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.catalog.move_run(who, id, body.to, body.reason.as_ref()).await).await
}

pub(super) async fn copy(call: May<ManageCatalog>, body: Body<RunCopy>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, created, async |who| call.api.catalog.copy_run(who, id, &body).await).await
}

pub(super) async fn shift(call: May<ManageCatalog>, body: Body<RunShift>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.catalog.shift_run(who, id, &body).await).await
}

pub(super) async fn merge(call: May<ManageCatalog>, body: Body<MergeRun>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    let answer = |merged: &Merged| Answer::ok(&MergeView::from(merged));
    call.once(body.fingerprint, answer, async |who| call.api.catalog.merge_run(who, id, body.into, body.dry_run.0).await).await
}

pub(super) async fn archive(call: May<ManageCatalog>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.catalog.archive_run(&call.who, id).await?))
}

pub(super) async fn restore(call: May<ManageCatalog>) -> Answered {
    let id: CourseRunId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.catalog.restore_run(&call.who, id).await?))
}
