use async_trait::async_trait;
use matricula_domain::identity::Password;
use matricula_domain::shared::Field;
use matricula_ports::PortError;
use matricula_ports::audit::{MockAuditLog, Observation};
use matricula_ports::identity::MockDirectory;
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::*;
use crate::access::Watch;
use crate::testing::{FixedClock, Seen, now, world};

mod administration;
mod links;
mod login_sessions;
mod members;
mod providers;
mod second_factor;
mod session;
mod sign_in;
mod tries;

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
    watched(&Seen::nothing(), repositories, directory, passwords)
}

/// What was written down without a change: the action, what it is about, and why.
type Written = (&'static str, Option<uuid::Uuid>, Option<String>);

/// The use cases over these ports, and what they write down.
fn watched(
    written: &Seen<Written>,
    repositories: MockRepositories,
    directory: MockDirectory,
    passwords: MockPasswords,
) -> (MockTransactions, Identity) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Identity::new(world(&transactions), Arc::new(directory), Arc::new(passwords), watch(written)))
}

fn watch(written: &Seen<Written>) -> Watch {
    let (mut log, keep) = (MockAuditLog::new(), written.keep());
    log.expect_observe().returning(move |_, observation: &Observation, at| {
        assert_eq!(at, now());
        keep((observation.action, observation.entity_id, observation.purpose.clone()))
    });
    Watch { log: Arc::new(log), clock: Arc::new(FixedClock(now())) }
}

/// Where nobody has to wait, and each try is counted.
fn patient(mut directory: MockDirectory) -> MockDirectory {
    directory.expect_throttles().returning(|_| Ok(Vec::new()));
    directory.expect_count_try().returning(|_, _| Ok(true));
    directory
}

/// Where somebody signs in well, once.
fn welcoming(mut directory: MockDirectory) -> MockDirectory {
    directory.expect_forget_tries().times(1).returning(|_| Ok(()));
    directory.expect_trust().returning(|_, _, _| Ok(()));
    directory
}

fn password() -> Password {
    Field::parse(&"contraseña larga".into()).unwrap()
}
