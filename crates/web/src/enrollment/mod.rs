//! Seats: enroll, hold, move.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManageEnrollments, ReadEnrollments};
use matricula_application::enrollment::{EnrollmentsError, Placed, Wanted};
use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentId, EnrollmentStatus, SeatHold, SeatHoldId};
use matricula_domain::people::{PersonDetails, PersonId};
use matricula_domain::shared::{Fault, Faults, Flag, Id, Line};
use matricula_ports::PortError;
use matricula_ports::enrollment::EnrollmentFilter;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::{ApiError, Coded};
use crate::input::{Body, Query, path_field};
use crate::page::{Limit, Listed, Place, Sort, page};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/course-runs/{id}/enrollments", "enroll", "enrollment", enroll)
            .says("Enrolls somebody into a run, or puts them into its queue if it is full and `waitlist` is asked for.")
            .needs::<ManageEnrollments>()
            .once()
            .takes::<NewEnrollment>()
            .gives::<EnrollmentView>(201),
        Route::post("/course-runs/{id}/holds", "holdSeat", "enrollment", hold)
            .says("Keeps a seat for somebody for some hours.")
            .needs::<ManageEnrollments>()
            .once()
            .takes::<NewHold>()
            .gives::<SeatHoldView>(201),
        Route::get("/enrollments", "listEnrollments", "enrollment", list)
            .says("Enrollments, newest first.")
            .needs::<ReadEnrollments>()
            .asks::<EnrollmentsQuery>()
            .gives_page_of::<EnrollmentView>(),
        Route::get("/enrollments/{id}", "getEnrollment", "enrollment", get)
            .says("One enrollment.")
            .needs::<ReadEnrollments>()
            .gives::<EnrollmentView>(200),
        Route::post("/enrollments/{id}/transitions", "moveEnrollment", "enrollment", transition)
            .says("Moves an enrollment; a seat that is freed is offered to the next in line.")
            .needs::<ManageEnrollments>()
            .once()
            .takes::<Move>()
            .gives::<EnrollmentView>(200),
    ]
}

matricula_domain::form! {
    /// Who is to be enrolled: somebody who is known, or somebody by name and address.
    pub struct NewEnrollment {
        /// Somebody who is known.
        person_id: Option<PersonId>,
        /// Somebody by name and address.
        person: Option<PersonDetails>,
        /// Whether to queue if the run is full.
        waitlist: Flag,
        /// A seat that is held for them.
        hold_id: Option<SeatHoldId>,
    }
    check |this, faults| {
        if this.person_id.is_some() == this.person.is_some() {
            faults.add(Fault::new("REQUIRED", "either person_id or person is required").under("person_id"));
        }
    }
}

matricula_domain::form! {
    /// A seat to be held.
    pub struct NewHold {
        /// For whom.
        person_id: PersonId,
        /// For how long (1–168, default 48).
        hours: Option<u32>,
    }
}

matricula_domain::form! {
    /// Where an enrollment goes.
    pub struct Move {
        /// The state.
        to: EnrollmentStatus,
        /// Why.
        reason: Option<Line<300>>,
    }
}

matricula_domain::form! {
    /// Which enrollments.
    pub struct EnrollmentsQuery {
        /// In this run.
        course_run_id: Option<CourseRunId>,
        /// Of this person.
        person_id: Option<PersonId>,
        /// In this state.
        status: Option<EnrollmentStatus>,
        /// Which way the list runs.
        sort: Option<Sort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// A person's place in a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrollmentView {
    pub(crate) id: Uuid,
    course_run_id: Uuid,
    person_id: Uuid,
    /// active, waitlisted, offered, completed, dropped or suspended.
    status: &'static str,
    status_reason: Option<String>,
    attempt: u32,
    /// The place in the queue; 1 is next.
    #[serde(skip_serializing_if = "Option::is_none")]
    waitlist_position: Option<u32>,
    /// Until when an offered seat waits.
    offer_expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl EnrollmentView {
    pub(crate) fn of(enrollment: &Enrollment, waitlist_position: Option<u32>) -> Self {
        Self {
            id: enrollment.id().as_uuid(),
            course_run_id: enrollment.run().as_uuid(),
            person_id: enrollment.person().as_uuid(),
            status: enrollment.status().as_str(),
            status_reason: enrollment.reason().map(str::to_owned),
            attempt: enrollment.attempt(),
            waitlist_position,
            offer_expires_at: enrollment.offer_expires_at(),
            created_at: enrollment.created_at(),
            updated_at: enrollment.updated_at(),
        }
    }
}

/// A seat that is held.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeatHoldView {
    id: Uuid,
    course_run_id: Uuid,
    person_id: Uuid,
    status: &'static str,
    expires_at: DateTime<Utc>,
}

async fn enroll(call: May<ManageEnrollments>, body: Body<NewEnrollment>) -> Answered {
    let run: CourseRunId = path_field(&call.request, "id")?;
    let wanted = match (body.person_id, &body.person) {
        (Some(id), _) => Wanted::Person(id),
        (None, Some(details)) => Wanted::Details(details.clone()),
        (None, None) => return Err(Faults::from(Fault::new("REQUIRED", "either person_id or person is required").under("person_id")).into()),
    };
    let answer = |placed: &Placed| {
        let view = EnrollmentView::of(&placed.enrollment, placed.waitlist_position);
        let location = format!("/api/v1/enrollments/{}", view.id);
        Answer::created(&view, location)
    };
    call.once(body.fingerprint, answer, async |who| call.api.enrollments.enroll(who, run, &wanted, body.hold_id, body.waitlist.0).await).await
}

async fn hold(call: May<ManageEnrollments>, body: Body<NewHold>) -> Answered {
    let run: CourseRunId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, held, async |who| call.api.enrollments.hold(who, run, body.person_id, body.hours.unwrap_or(HOLD_HOURS)).await).await
}

/// For how many hours a seat is held where nothing else is said.
pub(crate) const HOLD_HOURS: u32 = 48;

/// A seat that is held now.
pub(crate) fn held(hold: &SeatHold) -> Answer {
    let view = SeatHoldView {
        id: hold.id().as_uuid(),
        course_run_id: hold.run().as_uuid(),
        person_id: hold.person().as_uuid(),
        status: hold.status().as_str(),
        expires_at: hold.expires_at(),
    };
    let location = format!("/api/v1/course-runs/{}/holds/{}", view.course_run_id, view.id);
    Answer::created(&view, location)
}

async fn list(call: May<ReadEnrollments>, query: Query<EnrollmentsQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let filter = EnrollmentFilter { run: query.course_run_id, person: query.person_id, status: query.status };
    let found = call.api.enrollment_queries.list(call.who.scope(), &call.who.reach(), &filter, &page(query.limit, query.cursor, query.sort)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|row| EnrollmentView::of(&row.enrollment, row.waitlist_position)))))
}

async fn get(call: May<ReadEnrollments>) -> Answered {
    let id: EnrollmentId = path_field(&call.request, "id")?;
    let row = call.api.enrollment_queries.one(call.who.scope(), &call.who.reach(), id).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::ok(&EnrollmentView::of(&row.enrollment, row.waitlist_position)).etag(row.enrollment.parts().version))
}

async fn transition(call: May<ManageEnrollments>, body: Body<Move>) -> Answered {
    let id: EnrollmentId = path_field(&call.request, "id")?;
    let answer = |enrollment: &Enrollment| Answer::ok(&EnrollmentView::of(enrollment, None)).etag(enrollment.parts().version);
    call.once(body.fingerprint, answer, async |who| call.api.enrollments.transition(who, id, body.to, body.reason.as_ref()).await).await
}

impl Coded for EnrollmentError {
    fn coded(&self) -> (StatusCode, &'static str) {
        let code = match self {
            Self::RunFull => "RUN_FULL",
            Self::AlreadyEnrolled => "ALREADY_ENROLLED",
            Self::EnrollmentClosed => "ENROLLMENT_CLOSED",
            Self::RunNotOpen => "RUN_NOT_OPEN",
            Self::HoldNotUsable => "HOLD_NOT_USABLE",
            Self::OfferExpired => "OFFER_EXPIRED",
            Self::NotExpired => "NOT_EXPIRED",
            Self::InvalidTransition { .. } => "INVALID_TRANSITION",
            Self::Invalid(faults) => return (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
        };
        (StatusCode::CONFLICT, code)
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::InvalidTransition { possible, .. } => crate::error::possible(possible),
            _ => Map::new(),
        }
    }
}

impl Coded for EnrollmentsError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Refused(error) => error.coded(),
            Self::Restricted => (StatusCode::LOCKED, "RESTRICTED"),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            // The seat was there when it was read, again and again, and gone when it was taken.
            Self::Port(PortError::Conflict("seats")) => (StatusCode::CONFLICT, "RUN_FULL"),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Refused(error) => error.faults(),
            Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::Refused(error) => error.hints(),
            _ => Map::new(),
        }
    }
}
