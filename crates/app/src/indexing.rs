//! Making the search index anew.

use anyhow::Result;
use matricula_domain::identity::OrganizationId;
use matricula_ports::search::{SearchIndex as _, SearchKind};
use matricula_ports::{Actor, Scope};

use crate::program::Program;

/// How many things are read and written at once.
const AT_ONCE: u16 = 200;

/// After how many things it is told how many there are so far.
const TELL_AFTER: u64 = 10_000;

impl Program {
    /// Makes anew by what the things of a kind of an organization are found, and answers how many there are. `tell` hears how far it is.
    /// Stopped on the way, it can begin again.
    ///
    /// # Errors
    /// When the database is away.
    #[expect(clippy::disallowed_methods, reason = "the operator of the installation acts, who has no sign-in")]
    pub async fn index(&self, organization: OrganizationId, kind: SearchKind, tell: impl Fn(u64)) -> Result<u64> {
        let (store, scope) = (self.store(), Scope::new(organization, Actor::System("search.rebuild")));
        let (mut things, mut after) = (0, None);
        loop {
            let indexed = store.index(&scope, kind, after, AT_ONCE).await?;
            things += u64::from(indexed.things);
            if things.is_multiple_of(TELL_AFTER) && indexed.things > 0 {
                tell(things);
            }
            after = indexed.last;
            if after.is_none() {
                return Ok(things);
            }
        }
    }
}
