//! What the audit and the outbox are told of a commit, as rows.

use matricula_domain::people::{KeyId, PersonId};
use matricula_domain::shared::{Aggregate, Change, Changed, Fact, Fields, Id, Instant, Noun, SubjectRef, Value};
use matricula_ports::{PortError, Scope};
use uuid::Uuid;

use crate::convert::{json, time};
use crate::key_store::KeyStore;
use crate::sealing::{commitment, random, seal};
use crate::sql::{WhenTaken, Write};

/// Something that the audit (and, if it is a fact, the outbox) will be told.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    pub(crate) at: Instant,
    pub(crate) action: String,
    pub(crate) entity: &'static str,
    pub(crate) entity_id: Uuid,
    pub(crate) version: u32,
    pub(crate) subject: Option<PersonId>,
    pub(crate) purpose: Option<String>,
    pub(crate) changes: Vec<Change>,
    /// What the outbox carries; `None` for what is no fact.
    pub(crate) data: Option<Fields>,
}

impl Noted {
    pub(crate) fn of<A: Aggregate>(changed: &Changed<A>) -> Self {
        let (state, Noun { one, .. }) = (changed.state(), changed.state().noun());
        Self {
            at: changed.at(),
            action: format!("{one}.{}", changed.fact().verb()),
            entity: one,
            entity_id: state.id(),
            version: state.version(),
            subject: state.subject(),
            purpose: None,
            changes: changed.changes().to_vec(),
            data: Some(changed.fact().data()),
        }
    }
}

/// The rows of several things that happened.
#[derive(Default)]
pub(crate) struct Rows {
    entries: Vec<Vec<sea_orm::Value>>,
    details: Vec<Vec<sea_orm::Value>>,
    outbox: Vec<Vec<sea_orm::Value>>,
}

impl Rows {
    /// Adds the rows of something that happened in a scope, sealed under a key of these; `subject` is the person whom it concerns.
    pub(crate) async fn add(
        &mut self,
        noted: Noted,
        id: Uuid,
        scope: &Scope,
        subject: Option<(SubjectRef, KeyId)>,
        keys: &KeyStore,
    ) -> Result<(), PortError> {
        let organization = scope.organization().as_uuid();
        let names = Value::List(noted.changes.iter().map(|change| change.field.as_str().into()).collect());
        let subject_ref = subject.map(|(subject, _)| subject.as_uuid());
        let mut committed = None;
        if !noted.changes.is_empty() {
            let detail = Value::Map(
                noted
                    .changes
                    .into_iter()
                    .map(|change| (change.field, Value::Map(vec![("from".to_owned(), change.from), ("to".to_owned(), change.to)])))
                    .collect(),
            )
            .canonical();
            let r: [u8; 32] = random();
            committed = Some(commitment(&r, detail.as_bytes()));
            let key = subject.map_or_else(|| KeyId::from_uuid(organization), |(_, key)| key);
            let material = match subject {
                Some(_) => keys.material(key).await?,
                None => keys.material_of_organization(organization).await?,
            };
            let place = detail_place(organization, id, subject_ref);
            let sealed = seal(&material, &place, &[&r[..], detail.as_bytes()].concat())?;
            self.details.push(vec![organization.into(), id.into(), subject_ref.into(), key.as_uuid().into(), sealed.into()]);
        }
        self.entries.push(vec![
            organization.into(),
            id.into(),
            time(noted.at),
            scope.actor().to_string().into(),
            noted.action.clone().into(),
            noted.entity.into(),
            noted.entity_id.into(),
            i64::from(noted.version).into(),
            subject_ref.into(),
            json(&names).into(),
            noted.purpose.into(),
            scope.request_id().map(str::to_owned).into(),
            committed.map(|bytes| bytes.to_vec()).into(),
        ]);
        if let Some(data) = noted.data {
            let payload = Value::Map(vec![("data".to_owned(), Value::Map(data)), ("changed".to_owned(), names)]);
            self.outbox.push(vec![
                organization.into(),
                id.into(),
                time(noted.at),
                noted.action.into(),
                noted.entity.into(),
                noted.entity_id.into(),
                i64::from(noted.version).into(),
                json(&payload).into(),
            ]);
        }
        Ok(())
    }

    pub(crate) fn into_writes(self) -> Vec<Write> {
        let tables = [
            (
                "audit_entries",
                vec![
                    "organization_id",
                    "id",
                    "at",
                    "actor",
                    "action",
                    "entity",
                    "entity_id",
                    "entity_version",
                    "subject_ref",
                    "fields",
                    "purpose",
                    "request_id",
                    "commitment",
                ],
                self.entries,
            ),
            ("audit_details", vec!["organization_id", "entry_id", "subject_ref", "key_id", "sealed"], self.details),
            ("outbox", vec!["organization_id", "id", "at", "fact", "entity", "entity_id", "entity_version", "payload"], self.outbox),
        ];
        tables
            .into_iter()
            .filter(|(_, _, rows)| !rows.is_empty())
            .map(|(table, columns, rows)| Write::Insert { table, columns, rows, when_taken: WhenTaken::Never })
            .collect()
    }
}

/// Where a sealed detail stands: it opens nowhere else.
pub(crate) fn detail_place(organization: Uuid, entry: Uuid, subject: Option<Uuid>) -> Vec<u8> {
    [organization.as_bytes().as_slice(), entry.as_bytes(), subject.unwrap_or_default().as_bytes()].concat()
}

/// A kept answer is as old as the audit entry of its effect. (One that had none is as old as its id.)
pub(crate) fn answer_time(writes: &[Write]) -> Option<Instant> {
    writes.iter().find_map(|write| match write {
        Write::Insert { table: "audit_entries", rows, .. } => rows.first().and_then(|row| match row.get(2) {
            Some(sea_orm::Value::ChronoDateTimeUtc(at)) => at.as_ref().map(|at| Instant::from(*at)),
            _ => None,
        }),
        _ => None,
    })
}
