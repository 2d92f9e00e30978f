use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::Catalog;
use crate::testing::world;

mod courses;
mod runs;
mod seo_metadata;

fn over(repositories: MockRepositories) -> (MockTransactions, Catalog) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Catalog::new(world(&transactions)))
}
