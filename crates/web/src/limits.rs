use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use crate::error::ApiError;
use actix_web::http::StatusCode;

/// How much is too much, for doors that need no sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Public requests of one address in a minute.
    pub public_per_address: NonZeroU32,
    /// Public files of one address in a minute: a page shows many.
    pub files_per_address: NonZeroU32,
    /// Public leads of one organization in a minute.
    pub leads_per_organization: NonZeroU32,
    /// Tries to sign in of one address in a minute.
    pub sign_ins_per_address: NonZeroU32,
}

/// Counts what comes, by address and by organization. Each copy of the program counts for itself.
#[derive(Clone)]
pub struct Limits {
    public: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    files: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    leads: Arc<DefaultKeyedRateLimiter<Uuid>>,
    sign_ins: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Limits {
    /// Limits of these rates.
    pub fn new(rates: Rates) -> Self {
        Self {
            public: Arc::new(RateLimiter::keyed(Quota::per_minute(rates.public_per_address))),
            files: Arc::new(RateLimiter::keyed(Quota::per_minute(rates.files_per_address))),
            leads: Arc::new(RateLimiter::keyed(Quota::per_minute(rates.leads_per_organization))),
            sign_ins: Arc::new(RateLimiter::keyed(Quota::per_minute(rates.sign_ins_per_address))),
        }
    }

    pub(crate) fn public(&self, ip: Option<IpAddr>) -> Result<(), ApiError> {
        check(&self.public, &network(ip))
    }

    pub(crate) fn file(&self, ip: Option<IpAddr>) -> Result<(), ApiError> {
        check(&self.files, &network(ip))
    }

    pub(crate) fn lead(&self, organization: Uuid) -> Result<(), ApiError> {
        check(&self.leads, &organization)
    }

    pub(crate) fn sign_in(&self, ip: Option<IpAddr>) -> Result<(), ApiError> {
        check(&self.sign_ins, &network(ip))
    }

    /// Forgets addresses that have been quiet, so that the counters stay small.
    pub fn forget_quiet(&self) {
        self.public.retain_recent();
        self.files.retain_recent();
        self.leads.retain_recent();
        self.sign_ins.retain_recent();
    }
}

/// An IPv6 customer has a whole /64: one of its addresses counts for all.
fn network(ip: Option<IpAddr>) -> IpAddr {
    match ip {
        Some(IpAddr::V6(ip)) => {
            let mut segments = ip.segments();
            segments[4..].fill(0);
            IpAddr::V6(Ipv6Addr::from(segments))
        }
        Some(ip) => ip,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

fn check<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), ApiError> {
    limiter.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "wait a moment").after(wait)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Limits {
        let three = NonZeroU32::new(3).unwrap();
        Limits::new(Rates { public_per_address: three, files_per_address: three, leads_per_organization: three, sign_ins_per_address: three })
    }

    #[test]
    fn the_fourth_in_a_minute_waits_and_others_do_not() {
        let limits = three();
        let one = Some("203.0.113.7".parse().unwrap());
        for _ in 0..3 {
            assert!(limits.public(one).is_ok());
        }
        let refusal = limits.public(one).unwrap_err();
        assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refusal.retry_after.is_some_and(|seconds| (1..=21).contains(&seconds)));
        assert!(limits.public(Some("203.0.113.8".parse().unwrap())).is_ok());
        assert!(limits.sign_in(one).is_ok());
    }

    #[test]
    fn a_customer_with_many_addresses_is_one() {
        let limits = three();
        for n in 0..3 {
            assert!(limits.public(Some(format!("2001:db8::{n}").parse().unwrap())).is_ok());
        }
        assert!(limits.public(Some("2001:db8::ffff".parse().unwrap())).is_err());
        assert!(limits.public(Some("2001:db8:0:1::1".parse().unwrap())).is_ok());
    }
}
