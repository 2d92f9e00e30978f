//! The program from outside, as an operator has it: a database of its own, a process that is started, stopped and killed, requests, and
//! SQL behind its back. Measurements (`matricula-bench`) and the crash test (`xtask crash`) stand on this.

mod api;
mod cluster;
mod program;
mod raw;
mod stage;

pub use api::{Answer, Api};
pub use cluster::{Cluster, free_port};
pub use program::{Program, Server};
pub use raw::Raw;
pub use stage::{Engine, ORGANIZATION, Stage};
