//! The HTTP API, black box: the real program on a free port, on both engines.

/// Makes of each function over a service a test on `SQLite` and a test on `PostgreSQL`, against the program that all tests share.
macro_rules! over_http {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn sqlite() {
                matricula_tests::program::shared(matricula_tests::Engine::Sqlite, super::$test);
            }

            #[test]
            fn postgres() {
                matricula_tests::program::shared(matricula_tests::Engine::Postgres, super::$test);
            }
        }
    )+};
}

/// The same, each against a program of its own whose clock stands still.
macro_rules! over_http_alone {
    ($($test:ident),+ $(,)?) => { over_http_with! { |_| (); $($test),+ } };
}

/// The same, with settings that are adjusted first.
macro_rules! over_http_with {
    ($adjust:expr; $($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn sqlite() {
                matricula_tests::program::alone(matricula_tests::Engine::Sqlite, $adjust, super::$test);
            }

            #[test]
            fn postgres() {
                matricula_tests::program::alone(matricula_tests::Engine::Postgres, $adjust, super::$test);
            }
        }
    )+};
}

mod access;
mod bad_input;
mod browser;
mod catalog;
mod conventions;
mod coverage;
mod crowds;
mod dedicated;
mod facts;
mod idempotency;
mod identity;
mod inbox;
mod leads;
mod links;
mod lists;
mod logs;
mod media;
mod office;
mod outage;
mod privacy;
mod provider_sign_in;
mod publishing;
mod records;
mod reports;
mod seats;
mod second_factor;
mod site;
mod thieves;
mod webhooks;
mod wishes;
