//! The actix-web adapter: the HTTP API under `/api/v1`.
//!
//! A route is one call that says method, path, right, input and answers ([`route::Route`]); the routes that are served, the
//! OpenAPI document and the sweep of the tests are made from the same list.

mod answer;
mod api;
mod audit;
mod call;
mod catalog;
mod enrollment;
mod error;
mod explain;
mod identity;
mod input;
mod leads;
mod limits;
mod middleware;
mod notifications;
mod once;
mod openapi;
mod operations;
mod page;
mod people;
mod pictures;
mod privacy;
mod publishing;
mod records;
mod reporting;
pub mod route;
mod seo;
mod site;

pub use api::{Api, Health, HealthReport};
pub use limits::{Limits, Rates};
pub use middleware::Manners;
pub use once::InFlight;
pub use openapi::document;
pub use operations::configure;
pub use records::{RecordKind, kinds};
pub use route::routes;
