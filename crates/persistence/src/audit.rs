//! The audit chain (ADR 4): the sealer, which links settled entries in the order of commits and signs the heads; the check of a chain;
//! and what screens read.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use matricula_domain::identity::OrganizationId;
use matricula_domain::people::KeyId;
use matricula_domain::shared::{Field, Id, Instant, RecordId, Value};
use matricula_ports::audit::{AuditChain, AuditLog, AuditQueries, AuditRow, ChainState, Observation, Verification};
use matricula_ports::{Cursor, Order, Page, PortError, Scope, Slice};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult};
use uuid::Uuid;

use crate::convert::{Columns, count, hex, time, value};
use crate::databases::Home;
use crate::error::port;
use crate::feed::{Feed, Place, advance, begin_for_all};
use crate::key_store::KeyStore;
use crate::noted::{Noted, detail_place};
use crate::people::names;
use crate::scoped::{Reader, SCOPED};
use crate::sealing::{commitment, link, open};
use crate::sql::{Sql, WhenTaken, Write};
use crate::unit::Store;

/// The columns of an entry `f`, as [`read_entry`] reads them.
const ENTRY: &str = "f.organization_id, f.id, f.at, f.actor, f.action, f.entity, f.entity_id, f.entity_version, f.subject_ref, f.fields, f.purpose, \
     f.request_id, f.commitment";

/// Entries that are in no chain yet. The cursor says as much, and the filter makes it harmless to lose the cursor. As a value, not as
/// `NOT EXISTS`: so each entry is one step into the index, and no planner that takes an organization for small joins all with all.
const ENTRIES: Feed = Feed {
    table: "audit_entries",
    columns: ENTRY,
    filter: " AND (SELECT s.seq FROM audit_seals s WHERE s.organization_id = f.organization_id AND s.entry_id = f.id) IS NULL",
};

/// The sealer's name among those who follow feeds.
const SEALER: &str = "audit.seal";

/// The key-store secret from which the key that signs heads is made.
const HEAD_SECRET: &str = "audit-head";

/// What the first entry of a chain is linked to.
const GENESIS: [u8; 32] = [0; 32];

/// How many seals are checked, or written, in one statement.
const PAGE: usize = 1_000;

/// Signs the heads of chains, so that whoever can write to the database alone cannot shorten a chain.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    key_id: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Signer {
    /// The signer of this installation.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when the key store is away.
    pub async fn of(keys: &KeyStore) -> Result<Self, PortError> {
        Ok(Self::from_seed(&keys.secret(HEAD_SECRET).await?))
    }

    fn from_seed(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let key_id = hex(key.verifying_key().as_bytes());
        Self { key, key_id }
    }

    /// What names the key in a head: the public key itself, with which anybody can check the signatures.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    fn sign(&self, organization: Uuid, seq: i64, hash: &[u8]) -> Vec<u8> {
        self.key.sign(&head_text(organization, seq, hash)).to_vec()
    }

    fn has_signed(&self, organization: Uuid, seq: i64, hash: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verifying_key().verify_strict(&head_text(organization, seq, hash), &signature).is_ok())
    }
}

fn head_text(organization: Uuid, seq: i64, hash: &[u8]) -> Vec<u8> {
    [organization.as_bytes().as_slice(), &seq.to_be_bytes(), hash].concat()
}

/// The audit.
#[derive(Clone)]
pub struct AuditStore {
    store: Store,
    signer: Signer,
}

/// An entry as it goes into the chain: nothing personal, in a form that the same entry always has.
struct Entry {
    organization: Uuid,
    id: Uuid,
    text: String,
}

/// The end of a chain.
#[derive(Clone, Debug)]
struct End {
    seq: i64,
    hash: Vec<u8>,
}

impl Default for End {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS.to_vec() }
    }
}

impl End {
    /// The end once one entry more is linked.
    fn with(&self, entry: &Entry) -> Self {
        Self { seq: self.seq + 1, hash: link(entry.text.as_bytes(), &self.hash).to_vec() }
    }
}

/// The entry that begins at this column.
fn read_entry(columns: &mut Columns<'_>) -> Result<Entry, PortError> {
    let (organization, id): (Uuid, Uuid) = (columns.next()?, columns.next()?);
    let text = Value::Map(vec![
        ("organization_id".to_owned(), Value::Id(organization)),
        ("id".to_owned(), Value::Id(id)),
        ("at".to_owned(), Value::Instant(columns.next()?)),
        ("actor".to_owned(), Value::Text(columns.next()?)),
        ("action".to_owned(), Value::Text(columns.next()?)),
        ("entity".to_owned(), Value::Text(columns.next()?)),
        ("entity_id".to_owned(), Value::Id(columns.next()?)),
        ("entity_version".to_owned(), Value::Int(columns.next::<i32>()?.into())),
        ("subject_ref".to_owned(), columns.next::<Option<Uuid>>()?.map_or(Value::Null, Value::Id)),
        ("fields".to_owned(), value(columns.next()?)),
        ("purpose".to_owned(), columns.next::<Option<String>>()?.map_or(Value::Null, Value::Text)),
        ("request_id".to_owned(), columns.next::<Option<String>>()?.map_or(Value::Null, Value::Text)),
        ("commitment".to_owned(), columns.next::<Option<Vec<u8>>>()?.map_or(Value::Null, |bytes| Value::Text(hex(&bytes)))),
    ])
    .canonical();
    Ok(Entry { organization, id, text })
}

impl AuditStore {
    /// The audit of this store.
    pub fn new(store: Store, signer: Signer) -> Self {
        Self { store, signer }
    }

    /// Where the chains of some organizations end.
    async fn ends(&self, reader: &Reader, organizations: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, End>, PortError> {
        let mut sql = reader.sql();
        // One step into the index for each, where MAX over a group would walk all of it.
        sql.push("SELECT o.id");
        for column in ["seq", "hash"] {
            sql.push(", (SELECT s.").push(column).push(" FROM audit_seals s WHERE s.organization_id = o.id ORDER BY s.seq DESC LIMIT 1)");
        }
        sql.push(" FROM organizations o WHERE ").push(SCOPED).push(" AND o.id IN (").bind_all(organizations).push(")");
        let mut ends = HashMap::new();
        for row in &reader.rows(sql).await? {
            let mut columns = Columns::of(row);
            let (organization, seq, hash): (Uuid, Option<i64>, Option<Vec<u8>>) = (columns.next()?, columns.next()?, columns.next()?);
            if let Some((seq, hash)) = seq.zip(hash) {
                ends.insert(organization, End { seq, hash });
            }
        }
        Ok(ends)
    }

    /// Links entries behind the end of a chain, and signs the new one.
    fn links(&self, organization: Uuid, mut end: End, entries: &[Entry], now: Instant) -> (Vec<Write>, Vec<sea_orm::Value>) {
        let mut seals = Vec::with_capacity(entries.len());
        for entry in entries {
            let next = end.with(entry);
            seals.push(vec![organization.into(), next.seq.into(), entry.id.into(), end.hash.into(), next.hash.clone().into(), time(now)]);
            end = next;
        }
        let signature = self.signer.sign(organization, end.seq, &end.hash);
        let head = vec![organization.into(), end.seq.into(), end.hash.into(), time(now), signature.into(), self.signer.key_id.as_str().into()];
        let writes = seals.chunks(PAGE).map(|rows| Write::Insert {
            table: "audit_seals",
            columns: vec!["organization_id", "seq", "entry_id", "prev_hash", "hash", "sealed_at"],
            rows: rows.to_vec(),
            when_taken: WhenTaken::Refuse,
        });
        (writes.collect(), head)
    }

    async fn execute(&self, tx: &DatabaseTransaction, write: Write) -> Result<(), PortError> {
        let expected = write.expects();
        let mut sql = Sql::new(self.store.databases.directory().database.engine);
        write.write(&mut sql);
        let done = tx.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected();
        match expected {
            Some((rows, _)) if rows != done => Err(PortError::Stale),
            _ => Ok(()),
        }
    }

    /// The last head that was signed.
    async fn newest_head(reader: &Reader, organization: Uuid) -> Result<Option<(End, Vec<u8>)>, PortError> {
        let mut sql = reader.sql();
        sql.push("SELECT h.seq, h.hash, h.signature FROM audit_heads h WHERE ").push(SCOPED).push(" AND h.organization_id = ").bind(organization);
        sql.push(" ORDER BY h.seq DESC LIMIT 1");
        let Some(row) = reader.rows(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some((End { seq: columns.next()?, hash: columns.next()? }, columns.next()?)))
    }

    /// Walks a chain from its first entry to its end.
    async fn walk(&self, reader: &Reader, organization: Uuid) -> Result<ChainState, PortError> {
        // Looked up first: whatever is sealed while we walk stands behind it.
        let head = Self::newest_head(reader, organization).await?;
        let (mut end, mut is_signed) = (End::default(), true);
        loop {
            let rows = page_of_chain(reader, organization, end.seq).await?;
            for row in &rows {
                match self.check(organization, row, &end) {
                    Ok(checked) => (end, is_signed) = checked,
                    Err(what) => return broken(end.seq + 1, what),
                }
            }
            if rows.len() < PAGE {
                break;
            }
        }
        if let Some((head, signature)) = head.filter(|(head, _)| head.seq > end.seq) {
            return if self.signer.has_signed(organization, head.seq, &head.hash, &signature) {
                Ok(ChainState::Truncated { head: count(head.seq, "audit_heads.seq")?, have: count(end.seq, "audit_seals.seq")? })
            } else {
                broken(head.seq, "the head is not signed by this installation")
            };
        }
        // Every batch is written with its head, so a chain never ends without one, unless somebody took it away.
        if !is_signed {
            return broken(end.seq, "the end of the chain is not signed");
        }
        Ok(ChainState::Intact { entries: count(end.seq, "audit_seals.seq")? })
    }

    /// Checks one link, and answers where the chain ends with it and whether a signed head says so; or says what is wrong.
    fn check(&self, organization: Uuid, row: &QueryResult, end: &End) -> Result<(End, bool), &'static str> {
        let mut columns = Columns::of(row);
        let (seq, found): (i64, Option<Uuid>) = (read(&mut columns)?, read(&mut columns)?);
        if seq != end.seq + 1 {
            return Err("the seal is missing");
        }
        if found.is_none() {
            return Err("the entry is missing");
        }
        let (previous, hash): (Vec<u8>, Vec<u8>) = (read(&mut columns)?, read(&mut columns)?);
        let head: Option<(Vec<u8>, Vec<u8>)> = Option::zip(read(&mut columns)?, read(&mut columns)?);
        let next = end.with(&read_entry(&mut columns).map_err(|_| UNREADABLE)?);
        if previous != end.hash {
            return Err("the seal is linked to another one");
        }
        if hash != next.hash {
            return Err("the entry or its seal is not what it was");
        }
        match head {
            Some((said, _)) if said != hash => Err("the signed head says something else"),
            Some((said, signature)) if !self.signer.has_signed(organization, seq, &said, &signature) => {
                Err("the head is not signed by this installation")
            }
            head => Ok((next, head.is_some())),
        }
    }
}

/// What was changed so that it is no value of its column any more, which `SQLite` keeps too.
const UNREADABLE: &str = "the entry or its seal cannot be read";

fn read<T: sea_orm::TryGetable>(columns: &mut Columns<'_>) -> Result<T, &'static str> {
    columns.next().map_err(|_| UNREADABLE)
}

fn broken(seq: i64, what: &'static str) -> Result<ChainState, PortError> {
    Ok(ChainState::Broken { seq: count(seq, "audit_seals.seq")?, what })
}

/// The next seals of a chain, with what they seal and the heads that end with them. The page is cut first, and only its rows are joined.
async fn page_of_chain(reader: &Reader, organization: Uuid, after: i64) -> Result<Vec<QueryResult>, PortError> {
    let mut sql = reader.sql();
    sql.push("SELECT s.seq, f.id AS found, s.prev_hash, s.hash, h.hash AS head_hash, h.signature, ").push(ENTRY);
    sql.push(" FROM (SELECT * FROM audit_seals c WHERE ").push(SCOPED).push(" AND c.organization_id = ").bind(organization);
    sql.push(" AND c.seq > ").bind(after).push(&format!(" ORDER BY c.seq LIMIT {PAGE}) s "));
    sql.push("LEFT JOIN audit_entries f ON f.organization_id = s.organization_id AND f.id = s.entry_id ");
    sql.push("LEFT JOIN audit_heads h ON h.organization_id = s.organization_id AND h.seq = s.seq ORDER BY s.seq");
    reader.rows(sql).await
}

async fn oldest_unsealed(reader: &Reader, organization: Uuid) -> Result<Option<Instant>, PortError> {
    let mut sql = reader.sql();
    sql.push("SELECT MIN(f.at) FROM audit_entries f WHERE ").push(SCOPED).push(" AND f.organization_id = ").bind(organization).push(ENTRIES.filter);
    match reader.rows(sql).await?.pop() {
        Some(row) => Columns::of(&row).next(),
        None => Ok(None),
    }
}

#[async_trait]
impl AuditChain for AuditStore {
    async fn seal(&self, now: Instant, most: u32) -> Result<u32, PortError> {
        let database = &self.store.databases.directory().database;
        let reader = &Reader::system(database);
        // Read before the transaction, which is short so: entries do not change, and a seal or a cursor that does fails the write.
        let from = ENTRIES.place(reader, SEALER).await?;
        let rows = ENTRIES.read(reader, from, most).await?;
        let Some(last) = rows.last() else { return Ok(0) };
        let to = Place::of(last)?;
        let mut chains: BTreeMap<Uuid, Vec<Entry>> = BTreeMap::new();
        for row in &rows {
            let entry = read_entry(&mut Columns::of(row))?;
            chains.entry(entry.organization).or_default().push(entry);
        }
        let mut ends = self.ends(reader, chains.keys().copied()).await?;

        let tx = begin_for_all(database).await?;
        let mut heads = Vec::with_capacity(chains.len());
        for (organization, entries) in chains {
            let (writes, head) = self.links(organization, ends.remove(&organization).unwrap_or_default(), &entries, now);
            for write in writes {
                self.execute(&tx, write).await?;
            }
            heads.push(head);
        }
        let columns = vec!["organization_id", "seq", "hash", "signed_at", "signature", "key_id"];
        // A head that is there already can only be one of a chain that was cut: it stays as the witness, and sealing goes on.
        self.execute(&tx, Write::Insert { table: "audit_heads", columns, rows: heads, when_taken: WhenTaken::Leave }).await?;
        if !advance(&tx, database.engine, SEALER, from, to, now).await? {
            return Err(PortError::Stale);
        }
        tx.commit().await.map_err(port)?;
        Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
    }

    async fn verify(&self, organization: OrganizationId) -> Result<Verification, PortError> {
        let mut found = Verification { organization, state: ChainState::Intact { entries: 0 }, oldest_unsealed: None };
        // An organization has a chain in each database that it has rows in; the first that is not intact is told.
        for home in self.store.databases.homes_of(organization).await? {
            let reader = &Reader::of(&home.database, organization);
            found.state = match (found.state, self.walk(reader, organization.as_uuid()).await?) {
                (ChainState::Intact { entries }, ChainState::Intact { entries: more }) => ChainState::Intact { entries: entries + more },
                (ChainState::Intact { .. }, bad) | (bad, _) => bad,
            };
            let unsealed = oldest_unsealed(reader, organization.as_uuid()).await?;
            found.oldest_unsealed = found.oldest_unsealed.into_iter().chain(unsealed).min();
        }
        Ok(found)
    }
}

#[async_trait]
impl AuditQueries for AuditStore {
    async fn list(&self, scope: &Scope, entity_id: Option<Uuid>, page: &Page) -> Result<Slice<AuditRow>, PortError> {
        let mut items = Vec::new();
        for home in self.store.databases.homes_of(scope.organization()).await? {
            items.extend(entries(&Reader::of(&home.database, scope.organization()), scope.organization(), entity_id, page).await?);
        }
        // Where there are two chains, their entries are shown as one story: ids are in the order of time everywhere.
        match page.order {
            Order::Descending => items.sort_unstable_by_key(|row| Reverse(row.id)),
            Order::Ascending => items.sort_unstable_by_key(|row| row.id),
        }
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Id(last.id)]))
    }

    async fn detail(&self, scope: &Scope, entry: Uuid) -> Result<Option<String>, PortError> {
        for home in self.store.databases.homes_of(scope.organization()).await? {
            if let Some(detail) = detail_in(&home, scope.organization(), entry).await? {
                return Ok(Some(detail));
            }
        }
        Ok(None)
    }
}

/// The values of an entry that is in this database.
async fn detail_in(home: &Home, of: OrganizationId, entry: Uuid) -> Result<Option<String>, PortError> {
    let reader = Reader::of(&home.database, of);
    let organization = of.as_uuid();
    let mut sql = reader.sql();
    sql.push("SELECT f.subject_ref, f.commitment, d.key_id, d.sealed FROM audit_entries f ");
    sql.push("JOIN audit_details d ON d.organization_id = f.organization_id AND d.entry_id = f.id WHERE ").push(SCOPED);
    sql.push(" AND f.organization_id = ").bind(organization).push(" AND f.id = ").bind(entry);
    let Some(row) = reader.rows(sql).await?.pop() else { return Ok(None) };
    let mut columns = Columns::of(&row);
    let (subject, committed): (Option<Uuid>, Option<Vec<u8>>) = (columns.next()?, columns.next()?);
    let (key, sealed): (Uuid, Vec<u8>) = (columns.next()?, columns.next()?);
    let key = home.keys.material(KeyId::from_uuid(key)).await?;
    let plain = open(&key, &detail_place(organization, entry, subject), &sealed)?;
    let changed = || PortError::Broken("a detail is not what its entry committed to".to_owned());
    let (r, detail) = plain.split_first_chunk::<32>().ok_or_else(changed)?;
    if committed.as_deref() != Some(commitment(r, detail).as_slice()) {
        return Err(changed());
    }
    String::from_utf8(detail.to_vec()).map(Some).map_err(|_| changed())
}

/// A page of the entries in one database, and one more if there is a next page.
async fn entries(reader: &Reader, organization: OrganizationId, entity_id: Option<Uuid>, page: &Page) -> Result<Vec<AuditRow>, PortError> {
    let mut sql = reader.sql();
    sql.push("SELECT f.id, f.at, f.actor, f.action, f.entity, f.entity_id, f.fields, s.seq FROM (SELECT * FROM audit_entries e WHERE ").push(SCOPED);
    sql.push(" AND e.organization_id = ").bind(organization.as_uuid());
    if let Some(entity_id) = entity_id {
        sql.push(" AND e.entity_id = ").bind(entity_id);
    }
    // Ids are made in the order of time, and the primary key has them in order: no page has to be sorted.
    let (comparison, way) = match page.order {
        Order::Descending => ("<", "DESC"),
        Order::Ascending => (">", "ASC"),
    };
    if let Some(cursor) = &page.after {
        sql.push(&format!(" AND e.id {comparison} ")).bind(last_id(cursor)?);
    }
    sql.push(&format!(" ORDER BY e.id {way} LIMIT ")).bind(i64::from(page.limit) + 1);
    sql.push(") f LEFT JOIN audit_seals s ON s.organization_id = f.organization_id AND s.entry_id = f.id");
    sql.push(&format!(" ORDER BY f.id {way}"));
    let rows = reader.rows(sql).await?;
    rows.iter().map(audit_row).collect()
}

fn last_id(cursor: &Cursor) -> Result<Uuid, PortError> {
    let [last] = cursor.0.as_slice() else { return Err(PortError::Dangling("cursor")) };
    <RecordId as Field>::parse(last).map(Id::as_uuid).map_err(|_| PortError::Dangling("cursor"))
}

fn audit_row(row: &QueryResult) -> Result<AuditRow, PortError> {
    let mut columns = Columns::of(row);
    Ok(AuditRow {
        id: columns.next()?,
        at: columns.next()?,
        actor: columns.next()?,
        action: columns.next()?,
        entity: columns.next()?,
        entity_id: columns.next()?,
        fields: names(columns.next()?),
        seq: columns.next::<Option<i64>>()?.map(|seq| count(seq, "audit_seals.seq")).transpose()?,
    })
}

#[async_trait]
impl AuditLog for AuditStore {
    async fn observe(&self, scope: &Scope, observation: &Observation, now: Instant) -> Result<(), PortError> {
        let noted = Noted {
            at: now,
            action: observation.action.to_owned(),
            entity: observation.entity,
            entity_id: observation.entity_id.unwrap_or_default(),
            version: 0,
            subject: observation.subject,
            purpose: observation.purpose.clone(),
            changes: Vec::new(),
            data: None,
        };
        self.store.note(scope, noted).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_one_head_alone() {
        let (signer, here) = (Signer::from_seed(&[7; 32]), Uuid::from_u128(1));
        let signature = signer.sign(here, 3, &[9; 32]);
        assert!(signer.has_signed(here, 3, &[9; 32], &signature));
        assert!(!signer.has_signed(Uuid::from_u128(2), 3, &[9; 32], &signature), "another organization");
        assert!(!signer.has_signed(here, 4, &[9; 32], &signature), "another number");
        assert!(!signer.has_signed(here, 3, &[8; 32], &signature), "another hash");
        assert!(!signer.has_signed(here, 3, &[9; 32], &signature[1..]), "no signature");
        assert!(!Signer::from_seed(&[8; 32]).has_signed(here, 3, &[9; 32], &signature), "another key");
    }
}
