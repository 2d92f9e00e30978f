use async_trait::async_trait;
use matricula_domain::identity::{SecondFactor, SecondFactorParts, Seed, UserId};
use matricula_domain::shared::{Changed, Id};
use matricula_ports::PortError;
use matricula_ports::identity::SecondFactorRepository;
use sea_orm::Value;
use uuid::Uuid;

use crate::convert::{Columns, count, digest, time};
use crate::scoped::SCOPED;
use crate::sealing::{Material, open, seal};
use crate::sql::{WhenTaken, Write};
use crate::unit::Session;

/// The secret of the installation under which seeds are sealed.
const SECRET: &str = "second_factors";

#[async_trait]
impl SecondFactorRepository for Session {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT f.sealed_seed, f.confirmed_at, f.last_step, f.recovery_hashes, f.removed_at, f.created_at, f.version ");
        // As with users, it is the membership that says whether this organization may see one.
        sql.push("FROM memberships m JOIN second_factors f ON f.user_id = m.user_id WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(self.organization).push(" AND m.user_id = ").bind(user.as_uuid());
        let Some(row) = self.rows_of_directory(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let sealed: Vec<u8> = columns.next()?;
        let seed = open(&self.directory.keys.secret(SECRET).await?, &place(user.as_uuid()), &sealed)?;
        let seed = seed.try_into().map_err(|_| PortError::Broken("second_factors.sealed_seed has another length".to_owned()))?;
        Ok(Some(SecondFactor::from_parts(SecondFactorParts {
            user,
            seed: Seed(seed),
            confirmed_at: columns.next()?,
            last_step: columns.next()?,
            recovery_hashes: hashes(&columns.next::<Vec<u8>>()?)?,
            removed_at: columns.next()?,
            created_at: columns.next()?,
            version: count(columns.next::<i32>()?, "second_factors.version")?,
        })))
    }

    async fn save(&self, factor: &Changed<SecondFactor>) -> Result<(), PortError> {
        let parts = factor.state().parts();
        let key: Vec<(&'static str, Value)> = vec![("user_id", parts.user.as_uuid().into())];
        let material: Material = self.directory.keys.secret(SECRET).await?;
        let set = vec![
            ("sealed_seed", seal(&material, &place(parts.user.as_uuid()), &parts.seed.0)?.into()),
            ("confirmed_at", parts.confirmed_at.into()),
            ("last_step", parts.last_step.into()),
            ("recovery_hashes", parts.recovery_hashes.concat().into()),
            ("removed_at", parts.removed_at.into()),
            ("version", i64::from(parts.version).into()),
        ];
        if factor.is_new() {
            let (columns, row) = key.into_iter().chain(set).chain([("created_at", time(parts.created_at))]).unzip();
            self.insert_row("second_factors", columns, row, WhenTaken::Refuse);
        } else {
            self.write(Write::Update { table: "second_factors", key, set, version: Some(parts.version - 1) });
        }
        self.rights_changed(parts.user.as_uuid());
        self.note(factor);
        Ok(())
    }
}

/// Where a sealed seed stands: it opens for no other user.
fn place(user: Uuid) -> Vec<u8> {
    [b"second_factors.seed", user.as_bytes().as_slice()].concat()
}

/// They stand one behind the other.
fn hashes(bytes: &[u8]) -> Result<Vec<[u8; 32]>, PortError> {
    bytes.chunks(32).map(|hash| digest(hash, "second_factors.recovery_hashes")).collect()
}
