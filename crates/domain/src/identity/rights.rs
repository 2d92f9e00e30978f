use super::{Breadth, Grant, Grants, GroupId, Permission, Post, Reach, Role, RoleName};

/// Through what somebody has grants: the role of their membership, or one of a group's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The role.
    pub role: RoleName,
    /// The group that carries it; none for the membership itself.
    pub group: Option<GroupId>,
    /// What the role grants.
    pub grants: Vec<Grant>,
}

/// Everything that somebody may do in an organization: the union of what their roles grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    sources: Vec<Source>,
    grants: Grants,
    post: Post,
}

/// Why somebody may do something, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'r> {
    /// The grants of that permission, each with the source that it came through.
    pub through: Vec<(&'r Source, Grant)>,
    /// What they reach together; nothing, if there is no grant.
    pub reach: Option<Reach>,
}

impl Rights {
    /// The rights that come through these sources, of somebody who stands there.
    pub fn new(sources: Vec<Source>, post: Post) -> Self {
        let grants = sources.iter().flat_map(|source| source.grants.iter().copied()).collect();
        Self { sources, grants, post }
    }

    /// The rights of a built-in role alone.
    pub fn of_role(role: Role, post: Post) -> Self {
        Self::new(vec![Source { role: role.into(), group: None, grants: role.grants().collect() }], post)
    }

    /// The rights of a key: its own grants, through no role.
    pub fn of_key(grants: &[Grant]) -> Self {
        Self { sources: Vec::new(), grants: grants.iter().copied().collect(), post: Post::default() }
    }

    /// The grants, all together.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }
    /// Where they come from.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
    /// Where somebody stands.
    pub fn post(&self) -> &Post {
        &self.post
    }

    /// Which grants allow a permission, and how far.
    pub fn explain(&self, permission: Permission) -> Explanation<'_> {
        let of = |source: &Source| source.grants.iter().copied().filter(|grant| grant.permission == permission).collect::<Vec<_>>();
        let through: Vec<_> = self.sources.iter().flat_map(|source| of(source).into_iter().map(move |grant| (source, grant))).collect();
        let reach = (!through.is_empty()).then(|| Reach::of(&self.grants, permission, &self.post));
        Explanation { through, reach }
    }

    /// What one grant alone reaches.
    pub fn reach_of(&self, grant: Grant) -> Reach {
        match grant.breadth {
            Breadth::All => Reach::All,
            _ => Reach::of(&[grant].into_iter().collect(), grant.permission, &self.post),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::UserId;
    use crate::shared::{Field, Id};

    fn source(role: &str, group: Option<u128>, words: &[&str]) -> Source {
        Source {
            role: Field::parse(&role.into()).unwrap(),
            group: group.map(|n| GroupId::from_uuid(uuid::Uuid::from_u128(n))),
            grants: words.iter().map(|word| Grant::from_word(word).unwrap()).collect(),
        }
    }

    #[test]
    fn rights_are_the_union_of_membership_and_groups_and_know_where_each_comes_from() {
        let post = Post { user: Some(UserId::from_uuid(uuid::Uuid::from_u128(1))), ..Post::default() };
        let rights =
            Rights::new(vec![source("norte", None, &["leads.read_own", "people.read"]), source("tarde", Some(5), &["leads.read_campus"])], post);
        assert!(rights.grants().may(Permission::ReadLeads) && !rights.grants().may(Permission::WorkLeads));
        let explained = rights.explain(Permission::ReadLeads);
        let through: Vec<_> = explained.through.iter().map(|(source, grant)| (source.role.as_str(), grant.to_string())).collect();
        assert_eq!(through, [("norte", "leads.read_own".to_owned()), ("tarde", "leads.read_campus".to_owned())]);
        assert_eq!(explained.reach, Some(Reach::Within(rights.post().clone())));
        assert_eq!(rights.explain(Permission::WorkLeads), Explanation { through: Vec::new(), reach: None });
    }

    #[test]
    fn a_built_in_role_is_one_source_that_reaches_everything() {
        for role in Role::ALL {
            let rights = Rights::of_role(*role, Post::default());
            for permission in Permission::ALL {
                assert_eq!(rights.grants().may(*permission), role.may(*permission), "{role} {permission}");
                assert_eq!(rights.explain(*permission).reach, role.may(*permission).then_some(Reach::All));
            }
        }
    }
}
