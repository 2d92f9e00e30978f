//! Signing in and out; organizations, and who may do what in them.

mod administration;
mod admit;
mod api_keys;
mod error;
mod found;
mod groups;
mod links;
mod login_sessions;
mod organization;
mod providers;
mod quality;
mod refresh;
mod roles;
mod second_factor;
mod sign_in;
mod sign_out;
mod tokens;
mod tries;
mod users;

#[cfg(test)]
mod tests;

pub use administration::{Administration, AdministrationError};
pub use api_keys::MadeKey;
pub use error::IdentityError;
pub use links::{Acceptance, EmailChange, Invitation, Links, NewPassword, PasswordChange, PasswordResetRequest, SetUp, link_token};
pub use login_sessions::MOST_LOGIN_SESSIONS;
pub use organization::MoveError;
pub use providers::{ProviderAnswer, ProviderSignInRequest, Providers, SetOut};
pub use second_factor::{RecoveryCodes, SecondFactorSetup};
pub use sign_in::{Credentials, Door};
pub use tokens::{Tokens, hash_of, hash_of_key};
pub(crate) use users::works_here;

use std::sync::Arc;

use matricula_ports::Passwords;
use matricula_ports::identity::Directory;

use crate::World;
use crate::access::Watch;

/// The use cases of identity.
#[derive(Clone)]
pub struct Identity {
    world: World,
    directory: Arc<dyn Directory>,
    passwords: Arc<dyn Passwords>,
    watch: Watch,
}

impl Identity {
    /// Over this world.
    pub fn new(world: World, directory: Arc<dyn Directory>, passwords: Arc<dyn Passwords>, watch: Watch) -> Self {
        Self { world, directory, passwords, watch }
    }

    /// Who has an access token, if it opens now.
    ///
    /// # Errors
    /// [`IdentityError::Port`].
    pub async fn principal(&self, token: &str) -> Result<Option<matricula_ports::identity::Principal>, IdentityError> {
        match hash_of(token) {
            Some(hash) => Ok(self.directory.principal(hash, self.world.now()).await?),
            None => Ok(None),
        }
    }

    /// Which program has a key, if it opens now.
    ///
    /// # Errors
    /// [`IdentityError::Port`].
    pub async fn key_holder(&self, key: &str) -> Result<Option<matricula_ports::identity::KeyHolder>, IdentityError> {
        match hash_of_key(key) {
            Some(hash) => Ok(self.directory.key_holder(hash, self.world.now()).await?),
            None => Ok(None),
        }
    }
}
