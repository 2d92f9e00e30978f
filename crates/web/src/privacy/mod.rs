//! Consent over HTTP: the ledger of a person, what is permitted, and the texts.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManagePrivacy, ReadConsents, RecordConsents};
use matricula_application::privacy::{Decide, PrivacyError, Recorded};
use matricula_domain::people::PersonId;
use matricula_domain::privacy::{Ask, Basis, Channel, ConsentError, ConsentEvent, ConsentText, EvidenceGrade, Purpose, TextBody};
use matricula_domain::shared::{Fault, Id, Instant, Line};
use matricula_ports::PortError;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::Coded;
use crate::input::{Body, Query, path_field};
use crate::page::{Listed, PageQuery, page};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/people/{id}/consents", "getConsents", "privacy", ledger)
            .says("Everything that a person decided, in order, and what holds now.")
            .needs::<ReadConsents>()
            .gives::<LedgerView>(200),
        Route::post("/people/{id}/consents", "recordConsent", "privacy", record)
            .says("Records what a person decided; a repeated no adds nothing and answers 200.")
            .needs::<RecordConsents>()
            .once()
            .takes::<Decide>()
            .gives::<ConsentStateView>(201)
            .gives::<ConsentStateView>(200),
        Route::get("/permission", "getPermission", "privacy", permission)
            .says("Whether something may be done with a person's data, as of any moment.")
            .needs::<ReadConsents>()
            .asks::<PermissionQuery>()
            .gives::<VerdictView>(200),
        Route::get("/consent-texts", "listConsentTexts", "privacy", texts)
            .says("Published texts, newest first.")
            .needs::<ReadConsents>()
            .asks::<PageQuery>()
            .gives_page_of::<ConsentTextView>(),
        Route::post("/consent-texts", "publishConsentText", "privacy", publish)
            .says("Publishes a text; it never changes afterwards.")
            .needs::<ManagePrivacy>()
            .once()
            .takes::<TextBody>()
            .gives::<ConsentTextView>(201),
    ]
}

matricula_domain::form! {
    /// What is asked.
    pub struct PermissionQuery {
        /// Of whom.
        person_id: PersonId,
        /// What for.
        purpose: Purpose,
        /// By which way; the purpose's own where nothing is said.
        channel: Option<Channel>,
        /// As of when; now where nothing is said.
        at: Option<Instant>,
        /// The category of what is offered, for offers to customers.
        category: Option<Line<100>>,
    }
}

/// Whether something may be done.
#[derive(Serialize, ToSchema)]
struct VerdictView {
    /// ALLOW or DENY.
    decision: &'static str,
    /// The legal basis, if it may.
    basis: Option<&'static str>,
    reason: &'static str,
    /// The entry of the ledger that decides.
    evidence_id: Option<Uuid>,
}

/// An entry of the ledger.
#[derive(Serialize, ToSchema)]
struct ConsentEventView {
    id: Uuid,
    purpose: &'static str,
    purpose_version: u32,
    action: &'static str,
    form_version_id: Option<Uuid>,
    text_id: Option<Uuid>,
    wording_sha256: Option<String>,
    at: DateTime<Utc>,
    actor: &'static str,
    channel: &'static str,
    evidence_id: Option<Uuid>,
    grade: Option<&'static str>,
}

impl From<&ConsentEvent> for ConsentEventView {
    fn from(event: &ConsentEvent) -> Self {
        Self {
            id: event.id.as_uuid(),
            purpose: event.purpose.as_str(),
            purpose_version: event.purpose_version,
            action: event.action.as_str(),
            form_version_id: event.form_version,
            text_id: event.text.map(Id::as_uuid),
            wording_sha256: event.wording_sha256.clone(),
            at: event.at,
            actor: event.actor.as_str(),
            channel: event.channel.as_str(),
            evidence_id: event.evidence.map(Id::as_uuid),
            grade: event.grade.map(EvidenceGrade::as_str),
        }
    }
}

/// What the ledger says of a purpose.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentStateView {
    pub(crate) purpose: &'static str,
    pub(crate) state: &'static str,
}

/// The ledger of a person.
#[derive(Serialize, ToSchema)]
struct LedgerView {
    person_id: Uuid,
    /// What holds now, for each purpose that a box decides.
    consents: Vec<ConsentStateView>,
    /// Every entry, oldest first.
    items: Vec<ConsentEventView>,
}

/// A published text.
#[derive(Serialize, ToSchema)]
struct ConsentTextView {
    id: Uuid,
    /// notice, `consent_label` or contract.
    kind: &'static str,
    purpose: Option<&'static str>,
    locale: String,
    number: u32,
    body: String,
    sha256: String,
    material: bool,
    effective_from: DateTime<Utc>,
}

impl From<&ConsentText> for ConsentTextView {
    fn from(text: &ConsentText) -> Self {
        Self {
            id: text.id().as_uuid(),
            kind: text.kind().as_str(),
            purpose: text.purpose().map(Purpose::as_str),
            locale: text.locale().to_owned(),
            number: text.number(),
            body: text.body().to_owned(),
            sha256: text.sha256().to_owned(),
            material: text.material(),
            effective_from: text.effective_from(),
        }
    }
}

async fn ledger(call: May<ReadConsents>) -> Answered {
    let id: PersonId = path_field(&call.request, "id")?;
    let ledger = call.api.privacy.ledger(&call.who, id).await?;
    let now = call.api.world.clock.now();
    let decided = Purpose::ALL.iter().filter(|purpose| purpose.can_be_granted());
    Ok(Answer::ok(&LedgerView {
        person_id: id.as_uuid(),
        consents: decided.map(|purpose| ConsentStateView { purpose: purpose.as_str(), state: ledger.state(*purpose, now).as_str() }).collect(),
        items: ledger.events().iter().map(ConsentEventView::from).collect(),
    }))
}

async fn record(call: May<RecordConsents>, body: Body<Decide>) -> Answered {
    let id: PersonId = path_field(&call.request, "id")?;
    let answer = |recorded: &Recorded| {
        let view = ConsentStateView { purpose: recorded.purpose.as_str(), state: recorded.state.as_str() };
        if recorded.added { Answer::created(&view, String::from("consents")) } else { Answer::ok(&view) }
    };
    call.once(body.fingerprint, answer, async |who| call.api.privacy.record(who, id, &body, &call.circumstances()).await).await
}

async fn permission(call: May<ReadConsents>, query: Query<PermissionQuery>) -> Answered {
    let query = query.0;
    let ask = Ask {
        purpose: query.purpose,
        channel: query.channel.or(query.purpose.channel()).unwrap_or(Channel::Email),
        at: query.at.unwrap_or_else(|| call.api.world.clock.now()),
        category: query.category.map(|category| category.to_string()),
    };
    let verdict = call.api.privacy.permission(&call.who, query.person_id, &ask).await?;
    Ok(Answer::ok(&VerdictView {
        decision: verdict.decision().as_str(),
        basis: verdict.basis().map(Basis::as_str),
        reason: verdict.reason().as_str(),
        evidence_id: verdict.evidence().map(Id::as_uuid),
    }))
}

async fn texts(call: May<ReadConsents>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let found = call.api.text_queries.list(call.who.scope(), &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|text| ConsentTextView::from(&text)))))
}

async fn publish(call: May<ManagePrivacy>, body: Body<TextBody>) -> Answered {
    let answer = |text: &ConsentText| Answer::created(&ConsentTextView::from(text), format!("/api/v1/consent-texts/{}", text.id()));
    call.once(body.fingerprint, answer, async |who| call.api.privacy.publish_text(who, &body).await).await
}

impl Coded for ConsentError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotAConsentPurpose(_) => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_A_CONSENT_PURPOSE"),
            Self::GuardianRequired => (StatusCode::UNPROCESSABLE_ENTITY, "GUARDIAN_REQUIRED"),
            Self::SubjectActionRequired => (StatusCode::FORBIDDEN, "SUBJECT_ACTION_REQUIRED"),
            Self::NothingToConfirm => (StatusCode::CONFLICT, "NOTHING_TO_CONFIRM"),
            Self::NotRefusable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_REFUSABLE"),
            Self::NotDue(_) => (StatusCode::CONFLICT, "NOT_DUE"),
            Self::NotADecision(_) => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_A_DECISION"),
        }
    }
}

impl Coded for PrivacyError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Restricted => (StatusCode::LOCKED, "RESTRICTED"),
            Self::Refused(error) => error.coded(),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
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
}
