//! `Idempotency-Key`: the same key and body get the first answer again. The answer is written down in the transaction of its effect.

use std::any::Any;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use matricula_application::access::{Allowed, Right, Visitor};
use matricula_domain::shared::Fault;
use matricula_ports::{Actor, Once, Scope};

use crate::answer::{Answer, Answered};
use crate::call::{Basics, May, Public};
use crate::error::{ALREADY_DONE, ApiError};

/// Somebody whose scope can be told to do a thing once.
pub(crate) trait Doer: Clone {
    fn scope(&self) -> &Scope;
    fn with(self, once: Once) -> Self;
}

impl<R: Right> Doer for Allowed<R> {
    fn scope(&self) -> &Scope {
        self.scope()
    }
    fn with(self, once: Once) -> Self {
        self.once(once)
    }
}

impl Doer for Visitor {
    fn scope(&self) -> &Scope {
        self.scope()
    }
    fn with(self, once: Once) -> Self {
        self.once(once)
    }
}

/// Keys whose first request this copy of the program has not answered yet. (Another copy is stopped by the database.)
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<String>>>);

impl InFlight {
    fn enter(&self, key: String) -> Option<Inside> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(key.clone()).then(|| Inside { all: self.clone(), key })
    }
}

struct Inside {
    all: InFlight,
    key: String,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl<R: Right> May<R> {
    /// Does something that must happen once, if the client says so with a key.
    pub(crate) async fn once<T, E, W>(&self, fingerprint: [u8; 32], answer: fn(&T) -> Answer, work: W) -> Answered
    where
        T: Any,
        ApiError: From<E>,
        W: AsyncFnOnce(&Allowed<R>) -> Result<T, E>,
    {
        once(&self.basics, &self.who, fingerprint, answer, work).await
    }
}

impl Public {
    /// Does something that must happen once, if the client says so with a key.
    pub(crate) async fn once<T, E, W>(&self, fingerprint: [u8; 32], answer: fn(&T) -> Answer, work: W) -> Answered
    where
        T: Any,
        ApiError: From<E>,
        W: AsyncFnOnce(&Visitor) -> Result<T, E>,
    {
        once(&self.basics, &self.visitor, fingerprint, answer, work).await
    }
}

async fn once<D, T, E, W>(basics: &Basics, doer: &D, fingerprint: [u8; 32], answer: fn(&T) -> Answer, work: W) -> Answered
where
    D: Doer,
    T: Any,
    ApiError: From<E>,
    W: AsyncFnOnce(&D) -> Result<T, E>,
{
    let Some(key) = key(basics)? else {
        return Ok(answer(&work(doer).await?));
    };
    let scope = doer.scope();
    let principal = match scope.actor() {
        // Visitors share a principal: whoever repeats a key must repeat the body too.
        Actor::Public => "public".to_owned(),
        actor => actor.to_string(),
    };
    let route = format!("{} {}", basics.request.method(), basics.request.path());
    let Some(_inside) = basics.api.in_flight.enter(format!("{}\n{principal}\n{route}\n{key}", scope.organization())) else {
        return Err(ApiError::new(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE", "the first request with this key is still running").after(1));
    };
    if let Some(kept) = kept(basics, scope, (&principal, &route, &key), fingerprint).await? {
        return Ok(kept);
    }
    let render = Box::new(move |done: &dyn Any| done.downcast_ref::<T>().map(|done| answer(done).stored));
    let doing = doer.clone().with(Once { principal: principal.clone(), route: route.clone(), key: key.clone(), fingerprint, render });
    match work(&doing).await.map_err(ApiError::from) {
        Ok(done) => Ok(answer(&done)),
        // Another copy of the program may have been faster with the same key; then this one was refused because of it.
        Err(error) => match kept(basics, scope, (&principal, &route, &key), fingerprint).await? {
            Some(kept) => Ok(kept),
            None if error.code == ALREADY_DONE => Err(ApiError::unavailable()),
            None => Err(error),
        },
    }
}

async fn kept(
    basics: &Basics,
    scope: &Scope,
    (principal, route, key): (&str, &str, &str),
    fingerprint: [u8; 32],
) -> Result<Option<Answer>, ApiError> {
    match basics.api.answers.find(scope, principal, route, key).await? {
        Some((first, _)) if first != fingerprint => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", "this key was used with another body"))
        }
        Some((_, stored)) => Ok(Some(Answer { stored, replayed: true })),
        None => Ok(None),
    }
}

fn key(basics: &Basics) -> Result<Option<String>, ApiError> {
    let Some(header) = basics.request.headers().get("Idempotency-Key") else { return Ok(None) };
    match header.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b)) => Ok(Some(key.to_owned())),
        _ => Err(matricula_domain::shared::Faults::from(Fault::rule("", "INVALID_IDEMPOTENCY_KEY", "1 to 255 visible characters")).into()),
    }
}
