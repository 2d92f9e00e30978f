use std::any::Any;
use std::fmt;
use std::sync::Arc;

use matricula_domain::identity::{ApiKeyId, OrganizationId, UserId};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who signed in.
    User(UserId),
    /// A program with a key.
    Key(ApiKeyId),
    /// Somebody who did not: a public form.
    Public,
    /// The program itself: which job.
    System(&'static str),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Public => f.write_str("public"),
            Self::System(job) => write!(f, "system:{job}"),
        }
    }
}

/// In which organization, and for whom, something happens: the key to every repository. Authentication makes one, and jobs get one
/// for each organization; nobody else does (clippy's `disallowed-methods`).
#[derive(Clone, Debug)]
pub struct Scope {
    organization: OrganizationId,
    actor: Actor,
    request_id: Option<Arc<str>>,
    once: Option<Arc<Once>>,
}

impl Scope {
    /// A scope. Only authentication and the job runner call this.
    pub fn new(organization: OrganizationId, actor: Actor) -> Self {
        Self { organization, actor, request_id: None, once: None }
    }

    /// The same scope, of a request that has an id.
    #[must_use]
    pub fn of_request(mut self, id: impl Into<Arc<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// The same scope, for an effect that must happen once under a key.
    #[must_use]
    pub fn once(mut self, once: Once) -> Self {
        self.once = Some(Arc::new(once));
        self
    }

    /// The organization.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }
    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Who signed in, if it is somebody who did.
    pub fn user(&self) -> Option<UserId> {
        if let Actor::User(user) = self.actor { Some(user) } else { None }
    }
    /// The request, for the audit.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
    /// The key under which the effect happens once.
    pub fn once_key(&self) -> Option<&Once> {
        self.once.as_deref()
    }
}

/// An answer as it is kept for a repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Status code.
    pub status: u16,
    /// Headers that belong to the answer itself: `Location`, `ETag`.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

type Render = Box<dyn Fn(&dyn Any) -> Option<StoredAnswer> + Send + Sync>;

/// An effect that must happen once (`Idempotency-Key`): its key, and how its answer is written down in the transaction of the effect.
pub struct Once {
    /// Who asked, on which route, with which key.
    pub principal: String,
    /// Method and route.
    pub route: String,
    /// The key.
    pub key: String,
    /// SHA-256 of the body.
    pub fingerprint: [u8; 32],
    /// Turns the result of the use case into the answer.
    pub render: Render,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("route", &self.route).finish_non_exhaustive()
    }
}
