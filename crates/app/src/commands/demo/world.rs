//! Time and ids of the year that the demo tells: a clock that is set, and ids that follow it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use matricula_domain::shared::Instant;
use matricula_ports::{Clock, Ids};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use uuid::{Builder, Uuid};

/// A clock that stands where it was set. It never goes back.
#[derive(Debug)]
pub(super) struct DemoClock(AtomicI64);

impl DemoClock {
    /// A clock that stands at a moment.
    pub(super) fn at(moment: Instant) -> Self {
        Self(AtomicI64::new(moment.timestamp_micros()))
    }

    /// Moves it on; a moment that is over changes nothing.
    pub(super) fn set(&self, moment: Instant) {
        self.0.fetch_max(moment.timestamp_micros(), Ordering::Relaxed);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Instant {
        Instant::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// Ids as they would have been made at the clock's time: they rise, and the same seed makes the same ones.
pub(super) struct DemoIds {
    clock: Arc<DemoClock>,
    made: Mutex<Made>,
}

/// What the last id was made of.
struct Made {
    random: StdRng,
    millis: u64,
    count: u16,
}

/// The twelve bits that an `UUIDv7` has for counting within a millisecond.
const MOST: u16 = 0x0fff;

impl DemoIds {
    /// Ids from a seed, at the time of a clock.
    pub(super) fn from_seed(seed: u64, clock: Arc<DemoClock>) -> Self {
        Self { clock, made: Mutex::new(Made { random: StdRng::seed_from_u64(seed), millis: 0, count: 0 }) }
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ids for DemoIds {
    fn next(&self) -> Uuid {
        let now = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        let mut made = self.made();
        if now > made.millis {
            (made.millis, made.count) = (now, made.random.random_range(0..256));
        } else if made.count < MOST {
            made.count += 1;
        } else {
            (made.millis, made.count) = (made.millis + 1, 0);
        }
        let mut bytes = [0; 10];
        made.random.fill_bytes(&mut bytes);
        bytes[..2].copy_from_slice(&made.count.to_be_bytes());
        Builder::from_unix_timestamp_millis(made.millis, &bytes).into_uuid()
    }

    fn random(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.made().random.fill_bytes(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.made().random.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn ids(seed: u64) -> (Arc<DemoClock>, DemoIds) {
        let clock = Arc::new(DemoClock::at("2026-03-01T10:00:00Z".parse().unwrap()));
        (Arc::clone(&clock), DemoIds::from_seed(seed, clock))
    }

    #[test]
    fn the_clock_never_goes_back() {
        let (clock, _) = ids(1);
        let then = clock.now();
        clock.set(then - TimeDelta::hours(1));
        assert_eq!(clock.now(), then);
        clock.set(then + TimeDelta::hours(1));
        assert_eq!(clock.now(), then + TimeDelta::hours(1));
    }

    #[test]
    fn ids_rise_and_tell_the_time() {
        let (clock, ids) = ids(1);
        let mut made: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        let later = clock.now() + TimeDelta::seconds(30);
        clock.set(later);
        made.push(ids.next());
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        let (seconds, _) = made[10_000].get_timestamp().unwrap().to_unix();
        assert_eq!((made[0].get_version_num(), i64::try_from(seconds).unwrap()), (7, later.timestamp()));
        assert_eq!(ids.random().get_version_num(), 4);
    }

    #[test]
    fn the_same_seed_makes_the_same_ids() {
        let made = |seed| {
            let (_, ids) = ids(seed);
            (0..10).map(|_| ids.next()).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
    }
}
