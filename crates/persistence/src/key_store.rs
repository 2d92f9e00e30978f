//! The key store: a database of its own (a file beside the `SQLite` one, a schema of its own on `PostgreSQL`), with backups of its own,
//! so that a key that was destroyed here is gone (`privacy.md` §1, §2.5).

use std::sync::{Arc, Mutex, PoisonError};

use matricula_domain::people::KeyId;
use matricula_domain::shared::Id;
use matricula_ports::{Clock, Ids, PortError};
use moka::sync::Cache;
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::database::{Database, Engine};
use crate::error::port;
use crate::sealing::{Material, random};
use crate::sql::Sql;

/// How many keys are made at once. An unused key is a row that nothing points to.
const BATCH: usize = 256;

/// The keys of people and of organizations.
pub struct KeyStore {
    database: Database,
    ids: Arc<dyn Ids>,
    clock: Arc<dyn Clock>,
    spare: Mutex<Vec<KeyId>>,
    making: tokio::sync::Mutex<()>,
    known: Cache<KeyId, Arc<Zeroizing<Material>>>,
    secrets: Cache<String, Material>,
}

impl KeyStore {
    /// A key store in this database, which must be migrated.
    pub fn new(database: Database, ids: Arc<dyn Ids>, clock: Arc<dyn Clock>) -> Self {
        let known = Cache::builder().max_capacity(20_000).time_to_live(std::time::Duration::from_mins(5)).build();
        Self { database, ids, clock, spare: Mutex::default(), making: tokio::sync::Mutex::default(), known, secrets: Cache::new(100) }
    }

    /// The key store in another database, of the same program.
    pub(crate) fn beside(&self, database: Database) -> Self {
        Self::new(database, Arc::clone(&self.ids), Arc::clone(&self.clock))
    }

    /// The connection that migrations run on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<KeyId>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn execute(&self, sql: Sql) -> Result<u64, PortError> {
        Ok(self.database.write.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected())
    }

    fn sql(&self) -> Sql {
        Sql::new(self.database.engine)
    }

    async fn insert(&self, keys: &[(KeyId, Material)]) -> Result<(), PortError> {
        let mut sql = self.sql();
        sql.push("INSERT INTO person_keys (id, material, created_at) VALUES ");
        for (n, (id, material)) in keys.iter().enumerate() {
            sql.push(if n > 0 { ", (" } else { "(" })
                .bind(id.as_uuid())
                .push(", ")
                .bind(material.to_vec())
                .push(", ")
                .bind(self.clock.now())
                .push(")");
        }
        sql.push(" ON CONFLICT DO NOTHING");
        self.execute(sql).await.map(|_| ())
    }

    /// What a key is made of.
    pub(crate) async fn material(&self, key: KeyId) -> Result<Arc<Zeroizing<Material>>, PortError> {
        if let Some(known) = self.known.get(&key) {
            return Ok(known);
        }
        let found = self.look_up(key).await?.ok_or(PortError::KeyDestroyed)?;
        self.known.insert(key, Arc::clone(&found));
        Ok(found)
    }

    async fn look_up(&self, key: KeyId) -> Result<Option<Arc<Zeroizing<Material>>>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT material FROM person_keys WHERE id = ").bind(key.as_uuid());
        let Some(row) = self.database.read.query_one_raw(sql.into_statement()).await.map_err(port)? else { return Ok(None) };
        let material: Option<Vec<u8>> = row.try_get_by_index(0).map_err(port)?;
        let Some(material) = material else { return Ok(None) };
        let material = Material::try_from(material.as_slice()).map_err(|_| PortError::Broken("a key has another length".to_owned()))?;
        Ok(Some(Arc::new(Zeroizing::new(material))))
    }

    /// The key under which what concerns no person is sealed: the organization's own, made when it is first needed.
    pub(crate) async fn material_of_organization(&self, organization: Uuid) -> Result<Arc<Zeroizing<Material>>, PortError> {
        let key = KeyId::from_uuid(organization);
        match self.material(key).await {
            Err(PortError::KeyDestroyed) => {
                self.insert(&[(key, random())]).await?;
                self.material(key).await
            }
            other => other,
        }
    }

    /// A secret of the installation itself, made when it is first asked for.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn secret(&self, name: &str) -> Result<Material, PortError> {
        if let Some(known) = self.secrets.get(name) {
            return Ok(known);
        }
        let mut sql = self.sql();
        sql.push("INSERT INTO secrets (name, material, created_at) VALUES (").bind(name).push(", ").bind(random::<32>().to_vec()).push(", ");
        sql.bind(self.clock.now()).push(") ON CONFLICT DO NOTHING");
        self.execute(sql).await?;
        let mut sql = self.sql();
        sql.push("SELECT material FROM secrets WHERE name = ").bind(name);
        let row = self.database.write.query_one_raw(sql.into_statement()).await.map_err(port)?;
        let material: Vec<u8> = row.ok_or(PortError::KeyDestroyed)?.try_get_by_index(0).map_err(port)?;
        let material = Material::try_from(material.as_slice()).map_err(|_| PortError::Broken("a secret has another length".to_owned()))?;
        self.secrets.insert(name.to_owned(), material);
        Ok(material)
    }

    /// Makes the schema of its own on `PostgreSQL`, before its migrations run.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn prepare(database: &Database) -> Result<(), PortError> {
        if database.engine == Engine::Postgres {
            let statement = Statement::from_string(database.engine.backend(), "CREATE SCHEMA IF NOT EXISTS keystore");
            database.write.execute_raw(statement).await.map_err(port)?;
        }
        Ok(())
    }
}

impl KeyStore {
    /// A fresh key that is durable already.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn issue(&self) -> Result<KeyId, PortError> {
        if let Some(key) = self.spare().pop() {
            return Ok(key);
        }
        // One makes a batch, the others wait for it.
        let _making = self.making.lock().await;
        if let Some(key) = self.spare().pop() {
            return Ok(key);
        }
        let keys: Vec<(KeyId, Material)> = (0..BATCH).map(|_| (KeyId::from_uuid(self.ids.next()), random())).collect();
        self.insert(&keys).await?;
        for (key, material) in &keys {
            self.known.insert(*key, Arc::new(Zeroizing::new(*material)));
        }
        let mut spare = self.spare();
        spare.extend(keys.iter().map(|(key, _)| *key));
        spare.pop().ok_or_else(|| PortError::Broken("no key was made".to_owned()))
    }

    /// Destroys a key for good. Destroying it again changes nothing.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn destroy(&self, key: KeyId) -> Result<(), PortError> {
        self.known.invalidate(&key);
        let mut sql = self.sql();
        sql.push("UPDATE person_keys SET material = NULL, destroyed_at = ").bind(self.clock.now());
        sql.push(" WHERE id = ").bind(key.as_uuid()).push(" AND material IS NOT NULL");
        self.execute(sql).await.map(|_| ())
    }
}
