use uuid::Uuid;

use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fields, Form, Id, Instant, Line, Noun, Slug, TimeZone};

crate::id!(
    /// An organization: a tenant, and the controller of its people's data.
    OrganizationId
);

crate::choice! {
    /// Where an organization stands.
    pub enum OrganizationStatus {
        /// Trying.
        Trial = "trial",
        /// Working.
        Active = "active",
        /// Keeps its data and does no work.
        Suspended = "suspended",
        /// Gone.
        Closed = "closed",
    }
}

crate::form! {
    /// What an organization is called and where it is.
    pub struct OrganizationDetails {
        /// Its name in addresses.
        slug: Slug,
        /// Its name.
        name: Line<200>,
        /// IANA time zone in which its legal deadlines are counted.
        time_zone: TimeZone,
        /// Its language.
        locale: Line<10>,
        /// ISO 3166-1 alpha-2.
        country: Line<2>,
    }
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Id.
    pub id: OrganizationId,
    /// What it is called.
    pub details: OrganizationDetails,
    /// Where it stands.
    pub status: OrganizationStatus,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl Organization {
    /// A new organization.
    pub fn found(id: OrganizationId, details: OrganizationDetails, now: Instant) -> Changed<Self> {
        Changed::created(
            Self { id, details, status: OrganizationStatus::Active, created_at: now, updated_at: now, version: 0 },
            OrganizationFact::Founded,
            now,
        )
    }
}

impl Aggregate for Organization {
    type Fact = OrganizationFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "organization", many: "organizations" }
    }
    fn id(&self) -> Uuid {
        self.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn set_version(&mut self, version: u32) {
        self.version = version;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let mut fields = self.details.fields();
        fields.push(("status".to_owned(), self.status.as_str().into()));
        fields
    }
}

/// What can happen to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganizationFact {
    /// It is there.
    Founded,
}

impl Fact for OrganizationFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Founded => "founded",
        }
    }
}
