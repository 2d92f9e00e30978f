use async_trait::async_trait;
use matricula_domain::identity::Organization;
use matricula_domain::shared::{Changed, Id};
use matricula_ports::PortError;
use matricula_ports::identity::OrganizationRepository;
use sea_orm::Value;

use crate::convert::{count, time};
use crate::sql::{WhenTaken, Write};
use crate::unit::Session;

#[async_trait]
impl OrganizationRepository for Session {
    async fn save(&self, organization: &Changed<Organization>) -> Result<(), PortError> {
        let state = organization.state();
        let details = &state.details;
        let id: Value = state.id.as_uuid().into();
        let version: i32 = count(i64::from(state.version), "organizations.version")?;
        let mut row: Vec<(&'static str, Value)> = vec![
            ("slug", details.slug.as_str().into()),
            ("name", details.name.as_str().into()),
            ("time_zone", details.time_zone.name().into()),
            ("locale", details.locale.as_str().into()),
            ("country", details.country.as_str().into()),
            ("status", state.status.as_str().into()),
            ("updated_at", time(state.updated_at)),
            ("version", version.into()),
        ];
        if organization.is_new() {
            let settings = serde_json::Value::Object(serde_json::Map::new());
            row.extend([("id", id), ("settings", settings.into()), ("created_at", time(state.created_at))]);
            let (columns, row) = row.into_iter().unzip();
            self.insert_row("organizations", columns, row, WhenTaken::Refuse);
        } else {
            self.write(Write::Update { table: "organizations", key: vec![("id", id)], set: row, version: Some(state.version - 1) });
        }
        self.note(organization);
        Ok(())
    }
}
