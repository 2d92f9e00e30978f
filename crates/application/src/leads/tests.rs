use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::Leads;
use crate::testing::world;

mod capture;
mod forms;
mod work;

/// The use cases over these repositories, in a world without keys.
fn over(repositories: MockRepositories) -> (MockTransactions, Leads) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Leads::new(world(&transactions)))
}
