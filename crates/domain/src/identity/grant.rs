use std::fmt;

use super::{GroupId, Permission, UserId};
use crate::shared::{Fault, Field, Kind, RecordId, Value};

crate::choice! {
    /// How far a grant goes.
    pub enum Breadth {
        /// Everything in the organization.
        All = "all",
        /// What belongs to one's campuses.
        Campus = "campus",
        /// What is in the hands of somebody of one's groups, oneself included.
        Team = "team",
        /// What is in one's own hands.
        Own = "own",
    }
}

impl Breadth {
    /// Its bit, and those of what goes less far: so that wider is a superset, and sets can be joined, cut and compared.
    const fn bits(self) -> u8 {
        match self {
            Self::All => 0b1111,
            Self::Campus => 0b0100,
            Self::Team => 0b0011,
            Self::Own => 0b0001,
        }
    }
}

/// A permission, and how far it goes. Its word is the permission's, with the breadth behind it unless it is everything: `leads.read`,
/// `leads.read_campus`, `leads.read_team`, `leads.read_own`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// What may be done.
    pub permission: Permission,
    /// On what.
    pub breadth: Breadth,
}

impl Grant {
    /// The one that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        let narrower = || {
            let (permission, breadth) = word.rsplit_once('_')?;
            Some(Self { permission: Permission::from_word(permission)?, breadth: Breadth::from_word(breadth)? })
        };
        let grant = match Permission::from_word(word) {
            Some(permission) => Some(Self { permission, breadth: Breadth::All }),
            None => narrower().filter(|grant| grant.breadth != Breadth::All),
        };
        grant.filter(|grant| grant.permission.breadths().contains(&grant.breadth))
    }

    /// Every grant that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Permission::ALL.iter().flat_map(|permission| permission.breadths().iter().map(|breadth| Self { permission: *permission, breadth: *breadth }))
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.breadth {
            Breadth::All => f.write_str(self.permission.as_str()),
            breadth => write!(f, "{}_{breadth}", self.permission),
        }
    }
}

impl Field for Grant {
    const KIND: Kind = Kind::Text { min: 3, max: 64, pattern: Some(r"^[a-z]+\.[a-z_]+$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let word = value.as_text().ok_or_else(|| Fault::wrong_type("text"))?;
        Self::from_word(word).ok_or_else(|| Fault::new("NOT_A_GRANT", "must be a permission, with _campus, _team or _own where it has such a reach"))
    }
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

/// A set of grants. Wider ones contain narrower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants([u8; Permission::ALL.len()]);

// By hand, since the standard library derives it for at most 32 of them.
impl Default for Grants {
    fn default() -> Self {
        Self([0; Permission::ALL.len()])
    }
}

impl Grants {
    fn bits(&self, permission: Permission) -> u8 {
        self.0[permission as usize]
    }

    /// Whether something may be done with this permission at all.
    pub fn may(&self, permission: Permission) -> bool {
        self.bits(permission) != 0
    }

    /// Whether a grant is among them, or a wider one.
    pub fn include(&self, grant: Grant) -> bool {
        let wanted = grant.breadth.bits();
        self.bits(grant.permission) & wanted == wanted
    }

    /// Whether nothing is in the others that is not in these: what somebody must have who gives the others away.
    pub fn cover(&self, others: &Self) -> bool {
        self.0.iter().zip(others.0).all(|(mine, theirs)| mine & theirs == theirs)
    }

    /// What is in both.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.0.iter_mut().zip(others.0).for_each(|(mine, theirs)| *mine &= theirs);
        self
    }

    /// The fewest grants that say the same.
    pub fn words(&self) -> Vec<Grant> {
        let narrowest = |grant: &Grant| {
            let wider = |other: &Breadth| *other != grant.breadth && other.bits() & grant.breadth.bits() == grant.breadth.bits();
            !grant.permission.breadths().iter().any(|other| wider(other) && self.include(Grant { breadth: *other, ..*grant }))
        };
        Grant::all().filter(|grant| self.include(*grant)).filter(narrowest).collect()
    }
}

impl FromIterator<Grant> for Grants {
    fn from_iter<I: IntoIterator<Item = Grant>>(grants: I) -> Self {
        let mut set = Self::default();
        for grant in grants {
            set.0[grant.permission as usize] |= grant.breadth.bits();
        }
        set
    }
}

/// Where somebody stands in an organization, which says what «own», «team» and «campus» mean for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// Who they are; nobody, for an API key.
    pub user: Option<UserId>,
    /// Their groups.
    pub groups: Vec<GroupId>,
    /// Their campuses.
    pub campuses: Vec<RecordId>,
}

/// What somebody reaches with a permission. What is out of reach is not there for them, as a thing of another organization is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything in the organization.
    All,
    /// What belongs to this user, to anybody of these groups, or to these campuses.
    Within(Post),
}

impl Reach {
    /// What a set of grants reaches with a permission, for somebody who stands there.
    pub fn of(grants: &Grants, permission: Permission, post: &Post) -> Self {
        let has = |breadth| grants.include(Grant { permission, breadth });
        if has(Breadth::All) {
            return Self::All;
        }
        Self::Within(Post {
            user: post.user.filter(|_| has(Breadth::Own)),
            groups: if has(Breadth::Team) { post.groups.clone() } else { Vec::new() },
            campuses: if has(Breadth::Campus) { post.campuses.clone() } else { Vec::new() },
        })
    }

    /// Whether what is at a campus is reached for its campus alone.
    pub fn has_campus(&self, campus: Option<RecordId>) -> bool {
        match self {
            Self::All => true,
            Self::Within(post) => campus.is_some_and(|campus| post.campuses.contains(&campus)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Role;
    use crate::shared::Id;

    fn grant(word: &str) -> Grant {
        Grant::from_word(word).unwrap()
    }

    fn set(words: &[&str]) -> Grants {
        words.iter().map(|word| grant(word)).collect()
    }

    #[test]
    fn a_word_says_permission_and_breadth() {
        for (word, permission, breadth) in [
            ("leads.read", Permission::ReadLeads, Breadth::All),
            ("leads.read_own", Permission::ReadLeads, Breadth::Own),
            ("leads.work_team", Permission::WorkLeads, Breadth::Team),
            ("enrollment.read_campus", Permission::ReadEnrollments, Breadth::Campus),
            ("identity.manage_roles", Permission::ManageRoles, Breadth::All),
        ] {
            assert_eq!(Grant::from_word(word), Some(Grant { permission, breadth }), "{word}");
        }
        for word in ["", "leads", "leads.read_all", "leads.read_", "catalog.read_own", "enrollment.read_own", "leads.read_own_own", "leads.fly"] {
            assert_eq!(Grant::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn every_grant_has_one_word_that_no_other_has() {
        let words: std::collections::BTreeSet<_> = Grant::all().map(|grant| grant.to_string()).collect();
        assert_eq!(words.len(), Grant::all().count());
        for grant in Grant::all() {
            assert_eq!(Grant::from_word(&grant.to_string()), Some(grant));
        }
    }

    #[test]
    fn wider_contains_narrower() {
        for (wide, narrow, contains) in [
            ("leads.read", "leads.read_own", true),
            ("leads.read", "leads.read_campus", true),
            ("leads.read_team", "leads.read_own", true),
            ("leads.read_campus", "leads.read_own", false),
            ("leads.read_own", "leads.read_team", false),
            ("leads.read_campus", "leads.read", false),
            ("leads.read", "leads.work_own", false),
        ] {
            assert_eq!(set(&[wide]).cover(&set(&[narrow])), contains, "{wide} {narrow}");
        }
        assert!(!set(&["leads.read_campus", "leads.read_team"]).cover(&set(&["leads.read"])), "all parts together are not everything");
    }

    #[test]
    fn what_two_have_in_common_is_what_both_have() {
        let both = |one: &[&str], other: &[&str]| set(one).and(&set(other)).words().iter().map(Grant::to_string).collect::<Vec<_>>();
        assert_eq!(both(&["leads.read", "people.read"], &["leads.read_team"]), ["leads.read_team"]);
        assert_eq!(both(&["leads.read_campus"], &["leads.read_own"]), Vec::<String>::new());
        assert_eq!(
            both(&["leads.read_campus", "leads.read_own"], &["leads.read_team", "leads.read_campus"]),
            ["leads.read_campus", "leads.read_own"]
        );
    }

    #[test]
    fn a_reach_is_made_of_what_was_granted_and_of_where_somebody_stands() {
        let id = |n| uuid::Uuid::from_u128(n);
        let post = Post { user: Some(UserId::from_uuid(id(1))), groups: vec![GroupId::from_uuid(id(2))], campuses: vec![RecordId::from_uuid(id(3))] };
        let reach = |words: &[&str]| Reach::of(&set(words), Permission::ReadLeads, &post);
        assert_eq!(reach(&["leads.read", "leads.read_own"]), Reach::All);
        assert_eq!(reach(&["leads.read_own"]), Reach::Within(Post { user: post.user, ..Post::default() }));
        assert_eq!(reach(&["leads.read_team"]), Reach::Within(Post { campuses: Vec::new(), ..post.clone() }));
        assert_eq!(reach(&["leads.read_campus"]), Reach::Within(Post { campuses: post.campuses.clone(), ..Post::default() }));
        assert_eq!(reach(&["leads.read_campus", "leads.read_team"]), Reach::Within(post.clone()));
        assert_eq!(reach(&["leads.work"]), Reach::Within(Post::default()), "another permission reaches nothing of this one's");
        assert!(reach(&["leads.read_campus"]).has_campus(Some(post.campuses[0])) && !reach(&["leads.read_own"]).has_campus(Some(post.campuses[0])));
        assert!(!reach(&["leads.read_campus"]).has_campus(None) && reach(&["leads.read"]).has_campus(None));
    }

    fn some_grants() -> impl Strategy<Value = Vec<Grant>> {
        proptest::collection::vec(proptest::sample::select(Grant::all().collect::<Vec<_>>()), 0..40)
    }

    proptest! {
        #[test]
        fn the_fewest_words_say_the_same(grants in some_grants()) {
            let set: Grants = grants.iter().copied().collect();
            let words = set.words();
            prop_assert!(words.len() <= grants.len());
            prop_assert_eq!(words.into_iter().collect::<Grants>(), set);
        }

        #[test]
        fn a_union_covers_its_parts_and_a_cut_is_covered_by_both(one in some_grants(), other in some_grants()) {
            let (mine, theirs): (Grants, Grants) = (one.iter().copied().collect(), other.iter().copied().collect());
            let union: Grants = one.iter().chain(&other).copied().collect();
            prop_assert!(union.cover(&mine) && union.cover(&theirs));
            let cut = mine.and(&theirs);
            prop_assert!(mine.cover(&cut) && theirs.cover(&cut));
            prop_assert_eq!(cut, theirs.and(&mine));
            prop_assert_eq!(mine.cover(&theirs), other.iter().all(|grant| mine.include(*grant)));
        }

        #[test]
        fn whoever_may_everything_covers_everything(grants in some_grants()) {
            prop_assert!(Role::Owner.grants().collect::<Grants>().cover(&grants.into_iter().collect()));
        }
    }
}
