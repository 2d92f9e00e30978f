use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use matricula_domain::people::{KeyId, PersonId};
use matricula_domain::privacy::{
    AgeRule, AgeRules, ConsentEvent, ConsentEventId, ConsentTextId, Evidence, EvidenceId, Ledger, LedgerParts, Purpose, Suppression,
};
use matricula_domain::shared::{Changed, Id, Instant, SubjectRef};
use matricula_entity::privacy::{consent_events, consent_evidence};
use matricula_ports::PortError;
use matricula_ports::privacy::ConsentRepository;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use sha2::Sha256;
use uuid::Uuid;

use crate::convert::{Columns, count, parsed, parsed_or_none};
use crate::scoped::SCOPED;
use crate::sealing::{Material, seal};
use crate::sql::Sql;
use crate::unit::Session;

/// The key-store secret under which addresses stand on the list of those that get no marketing. It is no person's key, since the
/// list outlives the people (LOPDGDD art. 15.2).
const SUPPRESSION_SECRET: &str = "suppression";

#[async_trait]
impl ConsentRepository for Session {
    async fn ledger(&self, person: PersonId) -> Result<Option<Ledger>, PortError> {
        let Some((mut parts, listed)) = self.person_of_ledger(person).await? else { return Ok(None) };
        let select = self.select::<consent_events::Entity>().filter(consent_events::Column::PersonId.eq(person.as_uuid()));
        let select = select.order_by_asc(consent_events::Column::At).order_by_asc(consent_events::Column::Id);
        parts.events = self.all(select).await?.into_iter().map(event_of).collect::<Result<_, _>>()?;
        self.add_texts_and_suppressions(&mut parts, listed).await?;
        Ok(Some(Ledger::load(parts)))
    }

    async fn age_rules(&self) -> Result<AgeRules, PortError> {
        let mut sql = self.sql();
        sql.push(
            "SELECT o.time_zone, l.country, l.effective_from, l.age FROM organizations o LEFT JOIN age_limits l ON l.organization_id = o.id WHERE ",
        );
        sql.push(SCOPED).push(" AND o.id = ").bind(self.organization).push(" ORDER BY l.effective_from");
        let mut rules = AgeRules::default();
        for (n, row) in self.rows(sql).await?.iter().enumerate() {
            let mut columns = Columns::of(row);
            let time_zone = parsed(columns.next::<String>()?, "organizations.time_zone")?;
            if n == 0 {
                rules = rules.in_zone(time_zone);
            }
            if let Some(country) = columns.next()? {
                rules = rules.with(AgeRule { country, effective_from: columns.next()?, age: count(columns.next::<i32>()?, "age_limits.age")? });
            }
        }
        Ok(rules)
    }

    async fn append(&self, ledger: &Changed<Ledger>) -> Result<(), PortError> {
        let person = ledger.state().person();
        let fact = ledger.fact();
        for event in &fact.events {
            self.append::<consent_events::Entity>(event_model(self.organization, person, event)?);
        }
        if let Some(evidence) = &fact.evidence {
            let sealed = self.seal_evidence(person, evidence).await?;
            self.append::<consent_evidence::Entity>(consent_evidence::Model {
                organization_id: self.organization,
                id: evidence.id.as_uuid(),
                person_id: person.as_uuid(),
                sealed,
                at: ledger.at(),
                expires_at: None,
            });
        }
        self.note(ledger);
        Ok(())
    }
}

/// By what a person can be found on the list of those that get no marketing: nothing, if nobody is on it.
type Listed = Vec<String>;

impl Session {
    async fn person_of_ledger(&self, person: PersonId) -> Result<Option<(LedgerParts, Listed)>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT p.subject_ref, p.key_id, p.state, p.birth_date, p.age_band, o.country, ");
        sql.push("EXISTS (SELECT 1 FROM suppressions s WHERE s.organization_id = p.organization_id), i.value ");
        sql.push("FROM people p JOIN organizations o ON o.id = p.organization_id ");
        sql.push("LEFT JOIN person_identifiers i ON i.organization_id = p.organization_id AND i.person_id = p.id WHERE ").push(SCOPED);
        sql.push(" AND p.organization_id = ").bind(self.organization).push(" AND p.id = ").bind(person.as_uuid());
        let mut found = None;
        for row in &self.rows(sql).await? {
            let mut columns = Columns::of(row);
            let (subject, key) = (SubjectRef::from_uuid(columns.next()?), KeyId::from_uuid(columns.next()?));
            self.knows(person, subject, key);
            let parts = LedgerParts {
                person,
                standing: parsed(columns.next::<String>()?, "people.state")?,
                birth_date: columns.next()?,
                age_band: parsed_or_none(columns.next::<Option<String>>()?, "people.age_band")?,
                country: columns.next()?,
                events: Vec::new(),
                suppressions: Vec::new(),
                material_texts: Vec::new(),
                relations: Vec::new(),
            };
            let (some_are_listed, identifier): (bool, Option<String>) = (columns.next()?, columns.next()?);
            let (_, listed) = found.get_or_insert((parts, Listed::new()));
            listed.extend(identifier.filter(|_| some_are_listed));
        }
        Ok(found)
    }

    /// What permission depends on beside the entries. Every material text counts, not the newest alone: that one may not hold yet.
    async fn add_texts_and_suppressions(&self, parts: &mut LedgerParts, listed: Listed) -> Result<(), PortError> {
        let mut sql = self.sql();
        sql.push("SELECT 'text', t.purpose, '', t.effective_from FROM consent_texts t WHERE ").push(SCOPED);
        sql.push(" AND t.organization_id = ").bind(self.organization);
        // The first text of a purpose changes nothing that anybody agreed to.
        sql.push(" AND t.kind = 'consent_label' AND t.material AND t.number > 1");
        if !listed.is_empty() {
            let secret = self.home.keys.secret(SUPPRESSION_SECRET).await?;
            suppressions_of(&mut sql, self.organization, &secret, &listed)?;
        }
        for row in &self.rows(sql).await? {
            let mut columns = Columns::of(row);
            let (kind, word, reason, at): (String, String, String, Instant) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
            if kind == "text" {
                parts.material_texts.push((parsed::<Purpose>(word, "consent_texts.purpose")?, at));
            } else {
                let (channel, reason) = (parsed(word, "suppressions.channel")?, parsed(reason, "suppressions.reason")?);
                parts.suppressions.push(Suppression { channel, reason, at });
            }
        }
        Ok(())
    }

    /// Seals evidence under the person's key, for its own place alone.
    async fn seal_evidence(&self, person: PersonId, evidence: &Evidence) -> Result<Vec<u8>, PortError> {
        let key = self.home.keys.material(self.key_of(person).await?).await?;
        seal(&key, &evidence_place(self.organization, evidence.id), evidence.to_value().canonical().as_bytes())
    }
}

/// Where sealed evidence stands: it opens nowhere else.
pub(crate) fn evidence_place(organization: Uuid, evidence: EvidenceId) -> Vec<u8> {
    [organization.as_bytes().as_slice(), evidence.as_uuid().as_bytes(), b"consent_evidence"].concat()
}

fn suppressions_of(sql: &mut Sql, organization: Uuid, secret: &Material, identifiers: &[String]) -> Result<(), PortError> {
    let hashes = identifiers.iter().map(|identifier| suppression_hash(secret, identifier)).collect::<Result<Vec<_>, _>>()?;
    sql.push(" UNION ALL SELECT 'suppression', s.channel, s.reason, s.at FROM suppressions s WHERE ").push(SCOPED);
    sql.push(" AND s.organization_id = ").bind(organization).push(" AND s.scope = 'all' AND s.vhash IN (").bind_all(hashes).push(")");
    Ok(())
}

/// What stands on the list in place of an address or number in its normal form.
fn suppression_hash(secret: &Material, identifier: &str) -> Result<Vec<u8>, PortError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| PortError::Broken("a secret has another length".to_owned()))?;
    mac.update(identifier.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

fn event_model(organization: Uuid, person: PersonId, event: &ConsentEvent) -> Result<consent_events::Model, PortError> {
    Ok(consent_events::Model {
        organization_id: organization,
        id: event.id.as_uuid(),
        person_id: person.as_uuid(),
        purpose: event.purpose.as_str().to_owned(),
        purpose_version: count(i64::from(event.purpose_version), "consent_events.purpose_version")?,
        action: event.action.as_str().to_owned(),
        form_version_id: event.form_version,
        text_id: event.text.map(Id::as_uuid),
        wording_sha256: event.wording_sha256.clone(),
        at: event.at,
        actor: event.actor.as_str().to_owned(),
        channel: event.channel.as_str().to_owned(),
        evidence_id: event.evidence.map(Id::as_uuid),
        grade: event.grade.map(|grade| grade.as_str().to_owned()),
        supersedes: event.supersedes.map(Id::as_uuid),
    })
}

fn event_of(row: consent_events::Model) -> Result<ConsentEvent, PortError> {
    Ok(ConsentEvent {
        id: ConsentEventId::from_uuid(row.id),
        purpose: parsed(row.purpose, "consent_events.purpose")?,
        purpose_version: count(row.purpose_version, "consent_events.purpose_version")?,
        action: parsed(row.action, "consent_events.action")?,
        form_version: row.form_version_id,
        text: row.text_id.map(ConsentTextId::from_uuid),
        wording_sha256: row.wording_sha256,
        at: row.at,
        actor: parsed(row.actor, "consent_events.actor")?,
        channel: parsed(row.channel, "consent_events.channel")?,
        evidence: row.evidence_id.map(EvidenceId::from_uuid),
        grade: parsed_or_none(row.grade, "consent_events.grade")?,
        supersedes: row.supersedes.map(ConsentEventId::from_uuid),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_on_the_list_as_its_hmac() {
        let hash = suppression_hash(&[0; 32], "ana@example.es").unwrap();
        // Reckoned by `openssl dgst -sha256 -mac HMAC`.
        assert_eq!((hash.len(), &hash[..8]), (32, [0xdb, 0x1d, 0x4f, 0x11, 0x59, 0x22, 0x16, 0x9f].as_slice()));
    }
}
