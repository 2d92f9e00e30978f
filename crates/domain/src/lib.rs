//! The rules of a training provider, and nothing else: no runtime, no database, no clock.
//!
//! A service that wants the rules without the program adds this crate alone. Time, ids and randomness
//! are arguments; every transition answers either a [`shared::Changed`], which is the new state with the
//! fact that explains it, or an error that says which rule refused.
//!
//! The modules are the contexts of the product; `shared` holds the words that all of them use.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should stop"))]

pub mod catalog;
pub mod enrollment;
pub mod identity;
pub mod leads;
pub mod marketing;
pub mod notifications;
pub mod people;
pub mod privacy;
pub mod publishing;
pub mod shared;
