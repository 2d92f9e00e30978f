//! What happened, for programs that want to know it.

mod facts;
mod webhooks;

use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    facts::routes().into_iter().chain(webhooks::routes()).collect()
}
