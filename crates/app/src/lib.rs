//! The program: settings, wiring, workers, the command line. Only here it is known which adapter goes into which port.

pub mod commands;
pub mod program;
pub mod settings;
pub mod telemetry;

mod closing;
mod dedicated;
mod health;
mod indexing;
mod workers;
