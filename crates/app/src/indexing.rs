//! Making the search index anew.

use anyhow::Result;
use matricula_domain::identity::OrganizationId;
use matricula_ports::catalog::CourseIndex as _;
use matricula_ports::{Actor, Scope};

use crate::program::Program;

/// How many courses are read and written at once.
const AT_ONCE: u16 = 200;

/// After how many courses it is told how many there are so far.
const TELL_AFTER: u64 = 10_000;

impl Program {
    /// Makes the words anew by which the courses of an organization are found, and answers how many courses it has. `tell` hears how far it
    /// is. Stopped on the way, it can begin again.
    ///
    /// # Errors
    /// When the database is away.
    #[expect(clippy::disallowed_methods, reason = "the operator of the installation acts, who has no sign-in")]
    pub async fn index_courses(&self, organization: OrganizationId, tell: impl Fn(u64)) -> Result<u64> {
        let (store, scope) = (self.store(), Scope::new(organization, Actor::System("search.rebuild")));
        let (mut courses, mut after) = (0, None);
        loop {
            let indexed = store.index_courses(&scope, after, AT_ONCE).await?;
            courses += u64::from(indexed.courses);
            if courses.is_multiple_of(TELL_AFTER) && indexed.courses > 0 {
                tell(courses);
            }
            after = indexed.last;
            if after.is_none() {
                return Ok(courses);
            }
        }
    }
}
