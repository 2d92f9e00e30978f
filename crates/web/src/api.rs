use std::sync::Arc;

use async_trait::async_trait;
use matricula_application::World;
use matricula_application::access::Watch;
use matricula_application::catalog::Catalog;
use matricula_application::enrollment::Enrollments;
use matricula_application::identity::{Administration, Identity, Links, Providers};
use matricula_application::leads::Leads;
use matricula_application::notifications::Webhooks;
use matricula_application::people::People;
use matricula_application::privacy::Privacy;
use matricula_application::publishing::{Media, Publishing, Views};
use matricula_ports::audit::{AuditChain, AuditQueries};
use matricula_ports::catalog::{CatalogQueries, SeoQueries};
use matricula_ports::enrollment::EnrollmentQueries;
use matricula_ports::identity::{AccessQueries, Directory, IdentityProviderQueries, LinkQueries};
use matricula_ports::leads::LeadQueries;
use matricula_ports::notifications::{Answers, FactQueries, WebhookQueries};
use matricula_ports::people::PeopleQueries;
use matricula_ports::privacy::ConsentTextQueries;
use matricula_ports::publishing::{MediaQueries, PublishingQueries};
use matricula_ports::records::RecordQueries;
use matricula_ports::reporting::ReportQueries;

use crate::limits::Limits;
use crate::once::InFlight;

/// Everything that a handler can reach: use cases for what changes something, queries for what is only read.
pub struct Api {
    /// The world of the use cases, for records.
    pub world: World,
    /// Signing in and out.
    pub identity: Identity,
    /// Who works here and what they may do.
    pub administration: Administration,
    /// Links that open once.
    pub links: Links,
    /// Identity providers.
    pub providers: Providers,
    /// Leads.
    pub leads: Leads,
    /// Courses and runs.
    pub catalog: Catalog,
    /// Seats.
    pub enrollments: Enrollments,
    /// People.
    pub people: People,
    /// Consent.
    pub privacy: Privacy,
    /// Blog posts.
    pub publishing: Publishing,
    /// How often posts are viewed.
    pub views: Views,
    /// Media.
    pub media: Media,
    /// Who outside is told facts.
    pub webhooks: Webhooks,
    /// Organizations by their slug.
    pub directory: Arc<dyn Directory>,
    /// Kept answers.
    pub answers: Arc<dyn Answers>,
    /// Denials.
    pub watch: Watch,
    /// Reads of who works here and what they may do.
    pub access_queries: Arc<dyn AccessQueries>,
    /// Reads of links.
    pub link_queries: Arc<dyn LinkQueries>,
    /// Reads of identity providers.
    pub provider_queries: Arc<dyn IdentityProviderQueries>,
    /// Reads of leads.
    pub lead_queries: Arc<dyn LeadQueries>,
    /// Reads of the catalog.
    pub catalog_queries: Arc<dyn CatalogQueries>,
    /// Reads of how pages are found.
    pub seo_queries: Arc<dyn SeoQueries>,
    /// Reads of what is published.
    pub publishing_queries: Arc<dyn PublishingQueries>,
    /// Reads of seats.
    pub enrollment_queries: Arc<dyn EnrollmentQueries>,
    /// Reads of people.
    pub people_queries: Arc<dyn PeopleQueries>,
    /// Reads of texts.
    pub text_queries: Arc<dyn ConsentTextQueries>,
    /// Reads of media.
    pub media_queries: Arc<dyn MediaQueries>,
    /// Reads of records.
    pub record_queries: Arc<dyn RecordQueries>,
    /// Reads of facts.
    pub fact_queries: Arc<dyn FactQueries>,
    /// Reads of webhooks.
    pub webhook_queries: Arc<dyn WebhookQueries>,
    /// Reports.
    pub reports: Arc<dyn ReportQueries>,
    /// Reads of the audit.
    pub audit_queries: Arc<dyn AuditQueries>,
    /// The audit chain.
    pub audit_chain: Arc<dyn AuditChain>,
    /// Where the program is to be found from outside, without a slash at the end.
    pub public_url: String,
    /// How much is too much.
    pub limits: Limits,
    /// Whether the program can serve.
    pub health: Arc<dyn Health>,
    /// Keys whose first request is not answered yet.
    pub in_flight: InFlight,
}

/// What a look at the program's own state found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether requests can be served.
    pub ready: bool,
    /// What was looked at, and whether it is well.
    pub checks: Vec<(&'static str, bool)>,
}

/// Whether the program can serve.
#[async_trait]
pub trait Health: Send + Sync {
    /// Looks.
    async fn look(&self) -> HealthReport;
}
