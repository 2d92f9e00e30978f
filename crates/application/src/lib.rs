//! The use cases, one file a verb. Each takes an [`access::Allowed`], which only a check of the permission yields, and does its
//! work in one transaction.

pub mod access;
pub mod catalog;
pub mod enrollment;
pub mod identity;
pub mod leads;
pub mod notifications;
pub mod people;
pub mod privacy;
pub mod publishing;
pub mod records;

mod world;

#[cfg(test)]
mod testing;

pub use world::{Circumstances, Expected, World};
