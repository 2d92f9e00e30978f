use super::{Grants, Permission};

/// A field that is shown to, and taken from, those alone who have a permission of its own beside the right to the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardedField {
    /// The kind of thing: the noun of its aggregate.
    pub of: &'static str,
    /// The field.
    pub field: &'static str,
    /// What it takes.
    pub permission: Permission,
}

impl GuardedField {
    /// All of them. A line here is everything that it takes: answers leave the field out, and who sends it is refused.
    pub const ALL: &'static [Self] = &[Self { of: "course", field: "price", permission: Permission::ReadPrices }];
}

impl Grants {
    /// The fields of a kind of thing that these grants do not open.
    pub fn withheld(&self, of: &str) -> impl Iterator<Item = &'static GuardedField> {
        GuardedField::ALL.iter().filter(move |guarded| guarded.of == of && !self.may(guarded.permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CourseDetails;
    use crate::identity::Role;
    use crate::shared::Form;

    #[test]
    fn what_is_guarded_is_there() {
        for guarded in GuardedField::ALL {
            assert_eq!(guarded.of, "course");
            assert!(CourseDetails::FIELDS.iter().any(|field| field.name == guarded.field));
        }
    }

    #[test]
    fn a_field_is_withheld_from_who_may_see_the_thing_alone() {
        for role in Role::ALL {
            let grants: Grants = role.grants().collect();
            let withheld: Vec<_> = grants.withheld("course").map(|guarded| guarded.field).collect();
            let expected: &[&str] = if matches!(role, Role::Trainer | Role::Learner) { &["price"] } else { &[] };
            assert_eq!(withheld, expected, "{role}");
            assert_eq!(grants.withheld("lead").count(), 0);
        }
    }
}
