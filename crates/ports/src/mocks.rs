//! Mocked repositories and a unit of work over them that remembers how it ended.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::catalog::{
    CourseRepository, CourseRunRepository, MockCourseRepository, MockCourseRunRepository, MockRedirectRepository, MockSeoMetadataRepository,
    RedirectRepository, SeoMetadataRepository,
};
use crate::enrollment::{EnrollmentRepository, MockEnrollmentRepository, MockSeatHoldRepository, SeatHoldRepository};
use crate::identity::{
    ApiKeyRepository, GroupRepository, IdentityProviderRepository, LinkRepository, LoginSessionRepository, MockApiKeyRepository, MockGroupRepository,
    MockIdentityProviderRepository, MockLinkRepository, MockLoginSessionRepository, MockOrganizationRepository, MockProviderIdentityRepository,
    MockProviderSignInRepository, MockRoleRepository, MockSecondFactorRepository, MockUserRepository, OrganizationRepository,
    ProviderIdentityRepository, ProviderSignInRepository, RoleRepository, SecondFactorRepository, UserRepository,
};
use crate::leads::{FormRepository, LeadRepository, MockFormRepository, MockLeadRepository};
use crate::notifications::{JobRepository, MockJobRepository, MockWebhookEndpointRepository, WebhookEndpointRepository};
use crate::people::{MockPersonRepository, PersonRepository};
use crate::privacy::{ConsentRepository, ConsentTextRepository, MockConsentRepository, MockConsentTextRepository};
use crate::publishing::{BlogPostRepository, MediaAssetRepository, MockBlogPostRepository, MockMediaAssetRepository};
use crate::records::{MockRecordRepository, RecordRepository};
use crate::{PortError, Scope, StoredAnswer, Transactions, UnitOfWork};

pub use crate::world::{MockClock, MockPasswords};

macro_rules! repositories {
    ($($(#[$doc:meta])* $field:ident: $mock:ident as $port:ident),+ $(,)?) => {
        /// The mocked repositories of one test; what is not expected panics when it is called.
        #[derive(Default)]
        pub struct MockRepositories { $($(#[$doc])* pub $field: $mock),+ }

        #[async_trait]
        impl UnitOfWork for MockUnit {
            $(fn $field(&self) -> &dyn $port { &self.repositories.$field })+

            fn remember(&self, answer: StoredAnswer) {
                if let Ok(mut ended) = self.ended.lock() {
                    ended.remembered = Some(answer);
                }
            }

            async fn commit(self: Box<Self>) -> Result<(), PortError> {
                let Ok(mut ended) = self.ended.lock() else { return Err(PortError::Stale) };
                ended.commits += 1;
                match ended.refusals.pop() {
                    Some(refusal) => Err(refusal),
                    None => Ok(()),
                }
            }
        }
    };
}

repositories! {
    /// Organizations.
    organizations: MockOrganizationRepository as OrganizationRepository,
    /// Users.
    users: MockUserRepository as UserRepository,
    /// Roles.
    roles: MockRoleRepository as RoleRepository,
    /// Groups.
    groups: MockGroupRepository as GroupRepository,
    /// Keys for programs.
    api_keys: MockApiKeyRepository as ApiKeyRepository,
    /// Login sessions.
    login_sessions: MockLoginSessionRepository as LoginSessionRepository,
    /// Second factors.
    second_factors: MockSecondFactorRepository as SecondFactorRepository,
    /// Links.
    links: MockLinkRepository as LinkRepository,
    /// Identity providers.
    identity_providers: MockIdentityProviderRepository as IdentityProviderRepository,
    /// Sign-ins by way of identity providers.
    provider_sign_ins: MockProviderSignInRepository as ProviderSignInRepository,
    /// Who users are at identity providers.
    provider_identities: MockProviderIdentityRepository as ProviderIdentityRepository,
    /// People.
    people: MockPersonRepository as PersonRepository,
    /// Courses.
    courses: MockCourseRepository as CourseRepository,
    /// Course runs.
    course_runs: MockCourseRunRepository as CourseRunRepository,
    /// Leads.
    leads: MockLeadRepository as LeadRepository,
    /// Forms.
    forms: MockFormRepository as FormRepository,
    /// Enrollments.
    enrollments: MockEnrollmentRepository as EnrollmentRepository,
    /// Seat holds.
    seat_holds: MockSeatHoldRepository as SeatHoldRepository,
    /// The consent ledger.
    consents: MockConsentRepository as ConsentRepository,
    /// Consent texts.
    consent_texts: MockConsentTextRepository as ConsentTextRepository,
    /// What search engines are told.
    seo_metadata: MockSeoMetadataRepository as SeoMetadataRepository,
    /// Redirects.
    redirects: MockRedirectRepository as RedirectRepository,
    /// Blog posts.
    blog_posts: MockBlogPostRepository as BlogPostRepository,
    /// Media assets.
    media_assets: MockMediaAssetRepository as MediaAssetRepository,
    /// Records.
    records: MockRecordRepository as RecordRepository,
    /// Jobs.
    jobs: MockJobRepository as JobRepository,
    /// Webhook endpoints.
    webhook_endpoints: MockWebhookEndpointRepository as WebhookEndpointRepository,
}

/// How the units of work of a test ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// How many units began.
    pub begun: usize,
    /// How many commits were tried.
    pub commits: usize,
    /// What the next commits answer instead of `Ok`, last first.
    pub refusals: Vec<PortError>,
    /// The answer that was kept for a repeat.
    pub remembered: Option<StoredAnswer>,
}

/// One unit of work over the mocked repositories.
pub struct MockUnit {
    repositories: Arc<MockRepositories>,
    ended: Arc<Mutex<Ended>>,
}

/// Transactions over mocked repositories.
#[derive(Clone)]
pub struct MockTransactions {
    repositories: Arc<MockRepositories>,
    ended: Arc<Mutex<Ended>>,
}

impl MockTransactions {
    /// Transactions over these repositories.
    pub fn over(repositories: MockRepositories) -> Self {
        Self { repositories: Arc::new(repositories), ended: Arc::default() }
    }

    /// The next commit answers this once.
    #[must_use]
    pub fn refusing(self, refusal: PortError) -> Self {
        if let Ok(mut ended) = self.ended.lock() {
            ended.refusals.push(refusal);
        }
        self
    }

    /// How many commits were tried.
    pub fn commits(&self) -> usize {
        self.ended.lock().map(|ended| ended.commits).unwrap_or_default()
    }

    /// The answer that was kept for a repeat.
    pub fn remembered(&self) -> Option<StoredAnswer> {
        self.ended.lock().ok().and_then(|ended| ended.remembered.clone())
    }
}

#[async_trait]
impl Transactions for MockTransactions {
    async fn begin(&self, _: &Scope) -> Result<Box<dyn UnitOfWork>, PortError> {
        if let Ok(mut ended) = self.ended.lock() {
            ended.begun += 1;
        }
        Ok(Box::new(MockUnit { repositories: Arc::clone(&self.repositories), ended: Arc::clone(&self.ended) }))
    }
}
