//! Signing in and out; organizations and users.

mod admit;
mod error;
mod found;
mod links;
mod login_sessions;
mod quality;
mod refresh;
mod second_factor;
mod sign_in;
mod sign_out;
mod tokens;

#[cfg(test)]
mod tests;

pub use error::IdentityError;
pub use links::{Acceptance, EmailChange, Invitation, Links, NewPassword, PasswordChange, PasswordResetRequest, SetUp, link_token};
pub use login_sessions::MOST_LOGIN_SESSIONS;
pub use second_factor::{RecoveryCodes, SecondFactorSetup};
pub use sign_in::{Credentials, Door};
pub use tokens::{Tokens, hash_of};

use std::sync::Arc;

use matricula_ports::Passwords;
use matricula_ports::identity::Directory;

use crate::World;

/// The use cases of identity.
#[derive(Clone)]
pub struct Identity {
    world: World,
    directory: Arc<dyn Directory>,
    passwords: Arc<dyn Passwords>,
}

impl Identity {
    /// Over this world.
    pub fn new(world: World, directory: Arc<dyn Directory>, passwords: Arc<dyn Passwords>) -> Self {
        Self { world, directory, passwords }
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
}
