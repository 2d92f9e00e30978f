//! What happened, for programs that want to know it.

mod facts;

use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    facts::routes()
}
