use chrono::{DateTime, NaiveDate, Utc};
use matricula_application::leads::{Captured, Converted, Logged};
use matricula_domain::leads::Lead;
use matricula_domain::shared::Id;
use matricula_ports::leads::{ActivityRow, LeadDetail, LeadRow, SuggestedRun};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::catalog::courses::MoneyView;
use crate::enrollment::EnrollmentView;
use crate::privacy::ConsentStateView;

/// Whose lead it is.
#[derive(Serialize, ToSchema)]
pub(super) struct LeadPerson {
    id: Uuid,
    name: String,
    email: Option<String>,
    phone: Option<String>,
}

/// A course by its title.
#[derive(Serialize, ToSchema)]
pub(super) struct LeadCourse {
    id: Uuid,
    title: String,
}

/// A campaign by its name.
#[derive(Serialize, ToSchema)]
pub(super) struct LeadCampaign {
    id: Uuid,
    name: String,
}

/// A lead as a list shows it.
#[derive(Serialize, ToSchema)]
pub(super) struct LeadView {
    id: Uuid,
    person: LeadPerson,
    course: Option<LeadCourse>,
    campaign: Option<LeadCampaign>,
    /// new, contacted, qualified, converted, rejected or spam.
    status: String,
    source: Option<String>,
    assigned_to: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<LeadRow> for LeadView {
    fn from(row: LeadRow) -> Self {
        Self {
            id: row.id,
            person: LeadPerson { id: row.person.0, name: row.person.1, email: row.email, phone: row.phone },
            course: row.course.map(|(id, title)| LeadCourse { id, title }),
            campaign: row.campaign.map(|(id, name)| LeadCampaign { id, name }),
            status: row.status,
            source: row.source,
            assigned_to: row.assigned_to,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A lead about which something is to be done.
#[derive(Serialize, ToSchema)]
pub(super) struct InboxView {
    #[serde(flatten)]
    lead: LeadView,
    /// When something is to be done.
    due_at: Option<DateTime<Utc>>,
    /// Whether that is past.
    is_overdue: bool,
    /// Whether nobody has tried to answer yet.
    awaits_response: bool,
    /// Until when somebody should answer: two hours in which the campus is open.
    response_due_at: Option<DateTime<Utc>>,
    /// What is to be done next.
    next_action: Option<String>,
    next_action_at: Option<DateTime<Utc>>,
}

impl InboxView {
    pub(super) fn of(row: LeadRow, now: DateTime<Utc>) -> Self {
        Self {
            due_at: row.due_at,
            is_overdue: row.due_at.is_some_and(|due| due < now),
            awaits_response: row.responded_at.is_none(),
            response_due_at: row.response_due_at,
            next_action: row.next_action.0.clone(),
            next_action_at: row.next_action.1,
            lead: row.into(),
        }
    }
}

/// Something that was done about a lead.
#[derive(Serialize, ToSchema)]
pub(super) struct ActivityView {
    id: Uuid,
    /// note, call, email, message or meeting.
    kind: String,
    /// `reached`, `no_answer`, `busy`, `voicemail` or `wrong_number`.
    outcome: Option<String>,
    /// Only for who may read internal notes.
    text: Option<String>,
    made_by: Option<Uuid>,
    at: DateTime<Utc>,
}

impl From<ActivityRow> for ActivityView {
    fn from(row: ActivityRow) -> Self {
        Self { id: row.id, kind: row.kind, outcome: row.outcome, text: row.text, made_by: row.made_by, at: row.at }
    }
}

/// What was noted, and the lead after it.
#[derive(Serialize, ToSchema)]
pub(super) struct LoggedView {
    id: Uuid,
    lead: LeadDetailView,
}

impl LoggedView {
    pub(super) fn of(logged: &Logged) -> Self {
        Self { id: logged.activity.as_uuid(), lead: LeadDetailView::of(&logged.lead) }
    }
}

/// A run that the person of a lead could go into.
#[derive(Serialize, ToSchema)]
pub(super) struct SuggestionView {
    course_run_id: Uuid,
    course: LeadCourse,
    /// presencial, online or hibrido.
    modality: String,
    campus: Option<LeadCampaign>,
    start_date: NaiveDate,
    end_date: NaiveDate,
    enrollment_deadline: Option<NaiveDate>,
    price: Option<MoneyView>,
    seats_max: u32,
    seats_free: u32,
    /// How many wait before them, if no seat is free.
    waitlisted: u32,
    /// Their place on the waitlist if they joined now; nothing, where a seat is free.
    waitlist_place: Option<u32>,
    /// Whether it is the run that they asked for.
    is_asked_for: bool,
}

impl From<SuggestedRun> for SuggestionView {
    fn from(row: SuggestedRun) -> Self {
        // Who waits comes before who asks: a seat is free for them once nobody waits.
        let free = if row.waitlisted == 0 { row.seats.free() } else { 0 };
        Self {
            course_run_id: row.run,
            course: LeadCourse { id: row.course.0, title: row.course.1 },
            modality: row.modality,
            campus: row.campus.map(|(id, name)| LeadCampaign { id, name }),
            start_date: row.start_date,
            end_date: row.end_date,
            enrollment_deadline: row.enrollment_deadline,
            price: row.price.map(MoneyView::from),
            seats_max: row.seats.max,
            seats_free: free,
            waitlisted: row.waitlisted,
            waitlist_place: (free == 0).then_some(row.waitlisted + 1),
            is_asked_for: row.is_asked_for,
        }
    }
}

/// A lead on its own.
#[derive(Serialize, ToSchema)]
pub(super) struct LeadDetailView {
    id: Uuid,
    person_id: Uuid,
    /// Name and addresses; only where the lead was read, not where it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<LeadPerson>,
    course_id: Option<Uuid>,
    course_run_id: Option<Uuid>,
    campaign_id: Option<Uuid>,
    /// new, contacted, qualified, converted, rejected or spam.
    status: String,
    status_reason: Option<String>,
    message: Option<String>,
    /// What those who work on it note for each other; only for who may read it.
    internal_notes: Option<String>,
    source: Option<String>,
    locale: Option<String>,
    assigned_to: Option<Uuid>,
    /// What is to be done next.
    next_action: Option<String>,
    next_action_at: Option<DateTime<Utc>>,
    /// Until when somebody should answer, and since when somebody has tried to.
    response_due_at: Option<DateTime<Utc>>,
    responded_at: Option<DateTime<Utc>>,
    enrollment_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<LeadDetail> for LeadDetailView {
    fn from(detail: LeadDetail) -> Self {
        let row = detail.row;
        Self {
            id: row.id,
            person_id: row.person.0,
            person: Some(LeadPerson { id: row.person.0, name: row.person.1, email: row.email, phone: row.phone }),
            course_id: row.course.map(|(id, _)| id),
            course_run_id: detail.course_run,
            campaign_id: row.campaign.map(|(id, _)| id),
            status: row.status,
            status_reason: detail.status_reason,
            message: detail.message,
            internal_notes: detail.internal_notes,
            source: row.source,
            locale: detail.locale,
            assigned_to: row.assigned_to,
            next_action: row.next_action.0,
            next_action_at: row.next_action.1,
            response_due_at: row.response_due_at,
            responded_at: row.responded_at,
            enrollment_id: detail.enrollment,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl LeadDetailView {
    pub(super) fn of(lead: &Lead) -> Self {
        let parts = lead.parts();
        let details = &parts.details;
        Self {
            id: parts.id.as_uuid(),
            person_id: parts.person.as_uuid(),
            person: None,
            course_id: details.course_id.map(Id::as_uuid),
            course_run_id: details.course_run_id.map(Id::as_uuid),
            campaign_id: details.campaign_id.map(Id::as_uuid),
            status: parts.status.to_string(),
            status_reason: parts.status_reason.clone(),
            message: details.message.as_ref().map(|message| message.as_str().to_owned()),
            internal_notes: details.internal_notes.as_ref().map(|notes| notes.as_str().to_owned()),
            source: details.source.as_ref().map(ToString::to_string),
            locale: parts.locale.clone(),
            assigned_to: parts.assigned_to.map(Id::as_uuid),
            next_action: details.next_action.as_ref().map(ToString::to_string),
            next_action_at: details.next_action_at,
            response_due_at: parts.response_due_at,
            responded_at: parts.responded_at,
            enrollment_id: parts.enrollment,
            created_at: parts.created_at,
            updated_at: parts.updated_at,
        }
    }
}

/// What a visitor learns of the lead that they left.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicLeadView {
    id: Uuid,
    status: &'static str,
}

impl PublicLeadView {
    pub(super) fn of(lead: &Lead) -> Self {
        Self { id: lead.id().as_uuid(), status: lead.status().as_str() }
    }
}

/// A lead that arrived.
#[derive(Serialize, ToSchema)]
pub(super) struct CapturedView {
    id: Uuid,
    status: &'static str,
    person_id: Uuid,
    created_at: DateTime<Utc>,
    /// What the ledger says of the purposes whose boxes were ticked.
    consents: Vec<ConsentStateView>,
}

impl CapturedView {
    pub(super) fn of(captured: &Captured) -> Self {
        let parts = captured.lead.parts();
        Self {
            id: parts.id.as_uuid(),
            status: parts.status.as_str(),
            person_id: parts.person.as_uuid(),
            created_at: parts.created_at,
            consents: captured
                .consents
                .iter()
                .map(|(purpose, state)| ConsentStateView { purpose: purpose.as_str(), state: state.as_str() })
                .collect(),
        }
    }
}

/// A lead that became a place.
#[derive(Serialize, ToSchema)]
pub(super) struct ConvertedView {
    lead: LeadDetailView,
    pub(super) enrollment: EnrollmentView,
}

impl ConvertedView {
    pub(super) fn of(converted: &Converted) -> Self {
        Self { lead: LeadDetailView::of(&converted.lead), enrollment: EnrollmentView::of(&converted.enrollment, None) }
    }
}
