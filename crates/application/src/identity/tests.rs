use async_trait::async_trait;
use matricula_domain::identity::Password;
use matricula_domain::shared::Field;
use matricula_ports::PortError;
use matricula_ports::identity::MockDirectory;
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::*;
use crate::testing::world;

mod administration;
mod links;
mod login_sessions;
mod members;
mod second_factor;
mod session;
mod sign_in;

mod hasher {
    #![expect(clippy::ref_option_ref, reason = "what mockall makes of an optional reference")]

    use super::*;

    mockall::mock! {
        /// A hasher that does what is expected of it.
        pub(super) Passwords {}

        #[async_trait]
        impl Passwords for Passwords {
            async fn hash(&self, password: &Password) -> Result<String, PortError>;
            async fn verify<'a>(&self, password: &Password, hash: Option<&'a str>) -> Result<bool, PortError>;
            fn is_outdated(&self, hash: &str) -> bool;
        }
    }
}
use hasher::MockPasswords;

/// The use cases over these ports.
fn over(repositories: MockRepositories, directory: MockDirectory, passwords: MockPasswords) -> (MockTransactions, Identity) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Identity::new(world(&transactions), Arc::new(directory), Arc::new(passwords)))
}

fn password() -> Password {
    Field::parse(&"contraseña larga".into()).unwrap()
}
