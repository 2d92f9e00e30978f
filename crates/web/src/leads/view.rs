use chrono::{DateTime, Utc};
use matricula_application::leads::{Captured, Converted};
use matricula_domain::leads::Lead;
use matricula_domain::shared::Id;
use matricula_ports::leads::{LeadDetail, LeadRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

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
