//! Leads: the repositories, and what screens read.

mod form;
mod lead;
mod queries;
mod reach;
