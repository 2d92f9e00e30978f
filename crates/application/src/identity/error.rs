use matricula_domain::identity::{LinkError, NoRoom, ProviderRefusal, SecondFactorError};
use matricula_domain::shared::{Faults, Instant};
use matricula_ports::PortError;

/// Why a use case of identity does not happen.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The address, the password or the token is wrong; which one is not told.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The password is right, and a code of the second factor is asked for.
    #[error("a code of the second factor is required")]
    SecondFactorRequired,
    /// What a second factor does not do.
    #[error(transparent)]
    SecondFactor(#[from] SecondFactorError),
    /// There is none such.
    #[error("not found")]
    NotFound,
    /// The organization is suspended: nobody new works there.
    #[error("the organization is suspended")]
    Suspended,
    /// A link does not open.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Nobody says there who people are.
    #[error("there is no identity provider")]
    NoProvider,
    /// A sign-in by way of an identity provider is refused.
    #[error("the sign-in by way of the provider is refused: {0}")]
    Provider(ProviderRefusal),
    /// Nobody gives rights that they lack.
    #[error("the role may more than whoever gives it")]
    ExceedsRights,
    /// Whoever is invited works here already.
    #[error("they work here already")]
    WorksHere,
    /// As many people work there as the organization has subscribed to.
    #[error("the organization has no room for one more")]
    NoRoom,
    /// Somebody else signs in with the address.
    #[error("the address is taken")]
    EmailTaken,
    /// Too many tries; again at this time.
    #[error("too many tries")]
    SlowedDown(Instant),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<NoRoom> for IdentityError {
    fn from(NoRoom: NoRoom) -> Self {
        Self::NoRoom
    }
}
