use actix_web::HttpRequest;
use matricula_application::access::{AssignLeads, CaptureLeads, ReadLeads, WorkLeads};
use matricula_application::leads::{Captured, Logged};
use matricula_domain::catalog::{CourseId, CourseRunId, Modality};
use matricula_domain::identity::UserId;
use matricula_domain::leads::{Capture, Lead, LeadId, LeadStatus, NewActivity};
use matricula_domain::people::PersonId;
use matricula_domain::shared::{Flag, Id, Instant, Line, LocalDate, Prose, RecordId};
use matricula_ports::leads::{LeadFilter, RunWish};

use super::view::{ActivityView, CapturedView, ConvertedView, InboxView, LeadDetailView, LeadView, LoggedView, PublicLeadView, SuggestionView};
use crate::answer::{Answer, Answered};
use crate::call::{May, Public};
use crate::enrollment::{HOLD_HOURS, held};
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{Limit, Listed, PageQuery, Place, Sort, most, page};

matricula_domain::form! {
    /// Which leads.
    pub struct LeadsQuery {
        /// In one of these states.
        status: Vec<LeadStatus>,
        /// Of this course.
        course_id: Option<CourseId>,
        /// Of this campaign.
        campaign_id: Option<RecordId>,
        /// Worked on by this user.
        assigned_to: Option<UserId>,
        /// Of this person.
        person_id: Option<PersonId>,
        /// Part of the name, or a whole e-mail address or phone number.
        q: Option<Line<200>>,
        /// Arrived after this.
        created_after: Option<Instant>,
        /// Which way the list runs.
        sort: Option<Sort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

matricula_domain::form! {
    /// Which leads about which something is to be done.
    pub struct InboxQuery {
        /// In one of these states.
        status: Vec<LeadStatus>,
        /// Of this course.
        course_id: Option<CourseId>,
        /// Of this campaign.
        campaign_id: Option<RecordId>,
        /// Worked on by this user.
        assigned_to: Option<UserId>,
        /// Worked on by nobody.
        unassigned: Flag,
        /// Those alone that are past due.
        overdue: Flag,
        /// Part of the name, or a whole e-mail address or phone number.
        q: Option<Line<200>>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

matricula_domain::form! {
    /// What a run should be like.
    pub struct SuggestionsQuery {
        /// Of another course than the one that they asked for.
        course_id: Option<CourseId>,
        /// At this campus.
        campus_id: Option<RecordId>,
        /// Taught this way.
        modality: Option<Modality>,
        /// Starting on or after this day.
        starts_from: Option<LocalDate>,
        /// Starting on or before this day.
        starts_until: Option<LocalDate>,
        /// At most so many (1–100, default 10).
        limit: Option<Limit>,
    }
}

matricula_domain::form! {
    /// A seat to be held for the person of a lead.
    pub struct LeadHold {
        /// Of which run.
        course_run_id: CourseRunId,
        /// For how long (1–168, default 48).
        hours: Option<u32>,
    }
}

matricula_domain::form! {
    /// Where a lead goes.
    pub struct Move {
        /// The state.
        to: LeadStatus,
        /// Why; required for `rejected`.
        reason: Option<Line<300>>,
        /// What else there is to say.
        note: Option<Prose<5000>>,
    }
}

matricula_domain::form! {
    /// Who works on a lead.
    pub struct Assignee {
        /// The user; nobody, if empty.
        user_id: Option<UserId>,
    }
}

matricula_domain::form! {
    /// Which run a lead goes into.
    pub struct Conversion {
        /// The run.
        course_run_id: CourseRunId,
    }
}

pub(super) async fn leave(call: Public, body: Body<Capture>) -> Answered {
    call.api.limits.public(call.ip())?;
    call.api.limits.lead(call.visitor.organization().id.as_uuid())?;
    let answer = |captured: &Captured| answer(captured, &PublicLeadView::of(&captured.lead));
    call.once(body.fingerprint, answer, async |who| call.api.leads.capture_from_visitor(who, &body, &call.circumstances()).await).await
}

pub(super) async fn capture(call: May<CaptureLeads>, body: Body<Capture>) -> Answered {
    let answer = |captured: &Captured| answer(captured, &CapturedView::of(captured));
    call.once(body.fingerprint, answer, async |who| call.api.leads.capture_by_staff(who, &body, &call.circumstances()).await).await
}

fn answer(captured: &Captured, view: &impl serde::Serialize) -> Answer {
    if captured.new { Answer::created(view, format!("/api/v1/leads/{}", captured.lead.id())) } else { Answer::ok(view) }
}

pub(super) async fn list(call: May<ReadLeads>, query: Query<LeadsQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let filter = LeadFilter {
        statuses: query.status,
        course: query.course_id,
        campaign: query.campaign_id,
        assigned_to: query.assigned_to,
        person: query.person_id,
        q: query.q.map(|q| q.to_string()),
        created_after: query.created_after,
        ..LeadFilter::default()
    };
    let found = call.api.lead_queries.list(call.who.scope(), &call.who.reach(), &filter, &page(query.limit, query.cursor, query.sort)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(LeadView::from))))
}

pub(super) async fn inbox(call: May<ReadLeads>, query: Query<InboxQuery>, request: HttpRequest) -> Answered {
    let (query, now) = (query.0, call.api.world.clock.now());
    let filter = LeadFilter {
        statuses: query.status,
        course: query.course_id,
        campaign: query.campaign_id,
        assigned_to: query.assigned_to,
        unassigned: query.unassigned.0,
        q: query.q.map(|q| q.to_string()),
        due: true,
        due_before: query.overdue.0.then_some(now),
        ..LeadFilter::default()
    };
    let part = page(query.limit, query.cursor, Some(Sort::OldestFirst));
    let found = call.api.lead_queries.list(call.who.scope(), &call.who.reach(), &filter, &part).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|row| InboxView::of(row, now)))))
}

pub(super) async fn activities(call: May<ReadLeads>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let part = page(query.0.limit, query.0.cursor, None);
    let found = call.api.lead_queries.activities(call.who.scope(), &call.who.reach(), id, &part).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::list(&request, &Listed::of(found.map(ActivityView::from))).open_to(call.who.grants(), "lead_activity"))
}

pub(super) async fn log(call: May<WorkLeads>, body: Body<NewActivity>) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let answer = |logged: &Logged| Answer::created(&LoggedView::of(logged), format!("/api/v1/leads/{}/activities", logged.lead.id()));
    let logged = call.once(body.fingerprint, answer, async |who| call.api.leads.log(who, id, &body).await).await?;
    Ok(logged.open_to(call.who.grants(), LEAD))
}

pub(super) async fn suggestions(call: May<ReadLeads>, query: Query<SuggestionsQuery>) -> Answered {
    let (id, query): (LeadId, _) = (path_field(&call.request, "id")?, query.0);
    let wish = RunWish {
        today: call.who.organization().time_zone.date_of(call.api.world.clock.now()),
        course: query.course_id,
        campus: query.campus_id,
        modality: query.modality,
        starts_from: query.starts_from,
        starts_until: query.starts_until,
    };
    let most = most(query.limit, 10);
    let found = call.api.lead_queries.suggestions(call.who.scope(), &call.who.reach(), id, &wish, most).await?.ok_or_else(ApiError::not_found)?;
    let shown = Listed { items: found.into_iter().map(SuggestionView::from).collect(), next_cursor: None };
    // What it costs is guarded as it is with the course.
    Ok(Answer::ok(&shown).open_to(call.who.grants(), "course"))
}

pub(super) async fn hold(call: May<WorkLeads>, body: Body<LeadHold>) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let hours = body.hours.unwrap_or(HOLD_HOURS);
    call.once(body.fingerprint, held, async |who| call.api.leads.hold(who, id, body.course_run_id, hours).await).await
}

pub(super) async fn get(call: May<ReadLeads>) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let found = call.api.lead_queries.one(call.who.scope(), &call.who.reach(), id).await?.ok_or_else(ApiError::not_found)?;
    let version = found.row.version;
    Ok(Answer::ok(&LeadDetailView::from(found)).etag(version).open_to(call.who.grants(), LEAD))
}

pub(super) async fn change(call: May<WorkLeads>, body: Raw) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    let lead = call.api.leads.change(&call.who, id, &body.value, expected).await?;
    Ok(changed(&lead).open_to(call.who.grants(), LEAD))
}

pub(super) async fn assign(call: May<AssignLeads>, body: Body<Assignee>) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let assigned = call.once(body.fingerprint, changed, async |who| call.api.leads.assign(who, id, body.user_id).await).await?;
    Ok(assigned.open_to(call.who.grants(), LEAD))
}

pub(super) async fn transition(call: May<WorkLeads>, body: Body<Move>) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let moved = call
        .once(body.fingerprint, changed, async |who| call.api.leads.transition(who, id, body.to, body.reason.as_ref(), body.note.as_ref()).await)
        .await?;
    Ok(moved.open_to(call.who.grants(), LEAD))
}

pub(super) async fn convert(call: May<WorkLeads>, body: Body<Conversion>) -> Answered {
    let id: LeadId = path_field(&call.request, "id")?;
    let answer = |converted: &_| {
        let view = ConvertedView::of(converted);
        let location = format!("/api/v1/enrollments/{}", view.enrollment.id);
        Answer::created(&view, location)
    };
    let converted = call.once(body.fingerprint, answer, async |who| call.api.leads.convert(who, id, body.course_run_id).await).await?;
    Ok(converted.open_to(call.who.grants(), LEAD))
}

/// The noun under which fields of a lead are guarded.
const LEAD: &str = "lead";

fn changed(lead: &Lead) -> Answer {
    Answer::ok(&LeadDetailView::of(lead)).etag(lead.parts().version)
}
