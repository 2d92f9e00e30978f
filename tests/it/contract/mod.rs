//! What every adapter of the driven ports promises, on `SQLite` and on `PostgreSQL`.

mod access;
mod answers;
mod audit;
mod catalog;
mod chain;
mod consents;
mod enrollments;
mod export;
mod filled;
mod identity;
mod identity_providers;
mod isolation;
mod jobs;
mod leads;
mod links;
mod merges;
mod outbox;
mod paging;
mod people;
mod publishing;
mod records;
mod reporting;
mod row_security;
mod seats;
mod second_factors;
mod unit_of_work;
