use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use matricula_domain::shared::Instant;
use matricula_ports::Clock;

/// A moment so many seconds after 2026-03-01T10:00:00Z, when every test begins.
pub fn at(seconds: i64) -> Instant {
    "2026-03-01T10:00:00Z".parse::<Instant>().unwrap() + TimeDelta::seconds(seconds)
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<Instant>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(at(0)))
    }
}

impl TestClock {
    /// Sets it to so many seconds after the beginning.
    pub fn set(&self, seconds: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at(seconds);
    }

    /// Lets time go by.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
