//! The audit: what happened, and whether the chain is whole.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::ReadAudit;
use matricula_domain::shared::RecordId;
use matricula_ports::audit::{AuditRow, ChainState, Verification};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::input::Query;
use crate::page::{Limit, Listed, Place, page};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/audit/entries", "listAuditEntries", "audit", entries)
            .says("What happened, newest first: who did what to which thing, and which fields changed. No values.")
            .needs::<ReadAudit>()
            .asks::<EntriesQuery>()
            .gives_page_of::<AuditEntryView>(),
        Route::get("/audit/verify", "verifyAudit", "audit", verify)
            .says("Checks the chain from its first entry to its last signed head.")
            .needs::<ReadAudit>()
            .gives::<VerificationView>(200),
    ]
}

matricula_domain::form! {
    /// Which entries.
    pub struct EntriesQuery {
        /// Of this thing.
        entity_id: Option<RecordId>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// An entry.
#[derive(Serialize, ToSchema)]
struct AuditEntryView {
    id: Uuid,
    at: DateTime<Utc>,
    actor: String,
    /// `lead.captured`.
    action: String,
    entity: String,
    entity_id: Uuid,
    /// Names of the fields that changed.
    fields: Vec<String>,
    /// Its number in the chain, once it is sealed.
    seq: Option<u64>,
}

impl From<AuditRow> for AuditEntryView {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            actor: row.actor,
            action: row.action,
            entity: row.entity,
            entity_id: row.entity_id,
            fields: row.fields,
            seq: row.seq,
        }
    }
}

/// What a check of the chain found.
#[derive(Serialize, ToSchema)]
struct VerificationView {
    /// Whether every entry is where it was, and as it was.
    intact: bool,
    /// How many entries are in the chain.
    entries: Option<u64>,
    /// The number of the first entry that is not as it was, or that is missing.
    first_bad_seq: Option<u64>,
    /// What is wrong.
    finding: Option<String>,
    /// When the oldest entry that is not sealed yet was written.
    oldest_unsealed_at: Option<DateTime<Utc>>,
}

impl From<Verification> for VerificationView {
    fn from(found: Verification) -> Self {
        let oldest_unsealed_at = found.oldest_unsealed;
        let broken = |seq, finding| Self { intact: false, entries: None, first_bad_seq: Some(seq), finding: Some(finding), oldest_unsealed_at };
        match found.state {
            ChainState::Intact { entries } => Self { intact: true, entries: Some(entries), first_bad_seq: None, finding: None, oldest_unsealed_at },
            ChainState::Broken { seq, what } => broken(seq, what.to_owned()),
            ChainState::Truncated { head, have } => broken(have + 1, format!("head {head} missing, have {have}")),
        }
    }
}

async fn entries(call: May<ReadAudit>, query: Query<EntriesQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let of = query.entity_id.map(matricula_domain::shared::Id::as_uuid);
    let found = call.api.audit_queries.list(call.who.scope(), of, &page(query.limit, query.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(AuditEntryView::from))))
}

async fn verify(call: May<ReadAudit>) -> Answered {
    let found = call.api.audit_chain.verify(call.who.scope().organization()).await?;
    Ok(Answer::ok(&VerificationView::from(found)))
}
