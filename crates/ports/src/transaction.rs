use std::any::Any;
use std::ops::Deref;

use async_trait::async_trait;

use crate::catalog::{CourseRepository, CourseRunRepository, RedirectRepository, SeoMetadataRepository};
use crate::enrollment::{EnrollmentRepository, SeatHoldRepository};
use crate::identity::{
    ApiKeyRepository, GroupRepository, IdentityProviderRepository, LinkRepository, LoginSessionRepository, OrganizationRepository,
    ProviderIdentityRepository, ProviderSignInRepository, RoleRepository, SecondFactorRepository, UserRepository,
};
use crate::leads::{FormRepository, LeadRepository};
use crate::notifications::{JobRepository, WebhookEndpointRepository};
use crate::people::PersonRepository;
use crate::privacy::{ConsentRepository, ConsentTextRepository};
use crate::publishing::{BlogPostRepository, MediaAssetRepository};
use crate::records::RecordRepository;
use crate::{PortError, Scope, StoredAnswer};

/// The only door to a repository; a [`Scope`] is the key.
#[async_trait]
pub trait Transactions: Send + Sync {
    /// Begins a unit of work in the scope's organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn begin(&self, scope: &Scope) -> Result<Box<dyn UnitOfWork>, PortError>;

    /// Waits for a turn before a work is done again: those for whom somebody else was faster stand in line instead of meeting each
    /// other once more. The turn is over when what is given is dropped.
    async fn turn(&self, _scope: &Scope) -> Box<dyn Any + Send> {
        Box::new(())
    }
}

/// One transaction of one organization by one actor. Dropped without [`UnitOfWork::commit`], nothing of it stays.
///
/// What is saved is written at the commit, in as few statements as the engine allows, together with the audit and outbox rows of
/// every fact. Reads see what was committed before (and what this unit saved, at the price of an early write). Two units that
/// change the same thing do not both commit: versions, uniqueness and conditional updates are checked in the commit, which then
/// answers [`PortError::Stale`] or [`PortError::Conflict`], and [`transact`] does the work once more.
#[async_trait]
pub trait UnitOfWork: Send + Sync {
    /// Organizations.
    fn organizations(&self) -> &dyn OrganizationRepository;
    /// Users with their memberships.
    fn users(&self) -> &dyn UserRepository;
    /// Roles of the organization's own.
    fn roles(&self) -> &dyn RoleRepository;
    /// Groups of users.
    fn groups(&self) -> &dyn GroupRepository;
    /// Keys for programs.
    fn api_keys(&self) -> &dyn ApiKeyRepository;
    /// Login sessions.
    fn login_sessions(&self) -> &dyn LoginSessionRepository;
    /// Second factors.
    fn second_factors(&self) -> &dyn SecondFactorRepository;
    /// Links that open once.
    fn links(&self) -> &dyn LinkRepository;
    /// Identity providers.
    fn identity_providers(&self) -> &dyn IdentityProviderRepository;
    /// Sign-ins by way of identity providers.
    fn provider_sign_ins(&self) -> &dyn ProviderSignInRepository;
    /// Who users are at identity providers.
    fn provider_identities(&self) -> &dyn ProviderIdentityRepository;
    /// People.
    fn people(&self) -> &dyn PersonRepository;
    /// Courses.
    fn courses(&self) -> &dyn CourseRepository;
    /// Course runs.
    fn course_runs(&self) -> &dyn CourseRunRepository;
    /// Leads.
    fn leads(&self) -> &dyn LeadRepository;
    /// Versions of forms.
    fn forms(&self) -> &dyn FormRepository;
    /// Enrollments.
    fn enrollments(&self) -> &dyn EnrollmentRepository;
    /// Seat holds.
    fn seat_holds(&self) -> &dyn SeatHoldRepository;
    /// The consent ledger.
    fn consents(&self) -> &dyn ConsentRepository;
    /// Consent texts.
    fn consent_texts(&self) -> &dyn ConsentTextRepository;
    /// What search engines are told of things.
    fn seo_metadata(&self) -> &dyn SeoMetadataRepository;
    /// Slugs that things had.
    fn redirects(&self) -> &dyn RedirectRepository;
    /// Blog posts.
    fn blog_posts(&self) -> &dyn BlogPostRepository;
    /// Media assets.
    fn media_assets(&self) -> &dyn MediaAssetRepository;
    /// Records of every kind.
    fn records(&self) -> &dyn RecordRepository;
    /// Jobs to be run once this is committed.
    fn jobs(&self) -> &dyn JobRepository;
    /// Webhook endpoints.
    fn webhook_endpoints(&self) -> &dyn WebhookEndpointRepository;

    /// Keeps an answer under the scope's key, so that a repeat gets it again.
    fn remember(&self, answer: StoredAnswer);

    /// Whether a read has shown already that somebody else was faster, which else only the commit does: a read that comes after a
    /// save writes what was saved, and may be refused for it.
    fn came_too_late(&self) -> bool {
        false
    }

    /// Writes everything that was saved, with audit and outbox, and makes it durable.
    ///
    /// # Errors
    /// [`PortError::Stale`] and [`PortError::Conflict`] when somebody else was faster, [`PortError::Dangling`] for a reference into
    /// nowhere, [`PortError::Unavailable`]. Nothing of the unit stays then.
    async fn commit(self: Box<Self>) -> Result<(), PortError>;
}

/// What use cases see of a unit of work: everything but the commit.
pub struct Tx(Box<dyn UnitOfWork>);

impl Deref for Tx {
    type Target = dyn UnitOfWork;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// How often a work is done again when somebody else was faster.
const TRIES: usize = 8;

/// Does some work in one transaction: commits what it saved if it answers `Ok`, leaves nothing if it answers `Err`.
/// When somebody else changed the same thing meanwhile, the work is done again on what is there now; so the work itself
/// must have no effect but through the transaction.
///
/// # Errors
/// The work's own errors, and those of [`UnitOfWork::commit`]; `Conflict("idempotency_keys")` at once, since the effect happened
/// already and its answer is kept.
pub async fn transact<T, E, F>(transactions: &dyn Transactions, scope: &Scope, work: F) -> Result<T, E>
where
    T: Any,
    E: From<PortError>,
    F: AsyncFn(&Tx) -> Result<T, E>,
{
    let (mut tries, mut turn) = (1, None);
    loop {
        if tries > 1 && turn.is_none() {
            turn = Some(transactions.turn(scope).await);
        }
        let tx = Tx(transactions.begin(scope).await?);
        let done = match work(&tx).await {
            Err(_) if tx.0.came_too_late() && tries < TRIES => {
                tries += 1;
                continue;
            }
            done => done?,
        };
        if let Some(once) = scope.once_key() {
            let answer = (once.render)(&done).ok_or_else(|| PortError::Broken(format!("{} cannot write its answer down", once.route)))?;
            tx.0.remember(answer);
        }
        match tx.0.commit().await {
            Ok(()) => return Ok(done),
            // The same request came twice, and the other one has done it.
            Err(error @ PortError::Conflict("idempotency_keys")) => return Err(error.into()),
            Err(PortError::Stale | PortError::Conflict(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}
