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
    pub const ALL: &'static [Self] = &[
        Self { of: "course", field: "price", permission: Permission::ReadPrices },
        Self { of: "lead", field: "internal_notes", permission: Permission::ReadNotes },
        Self { of: "lead_activity", field: "text", permission: Permission::ReadNotes },
        Self { of: "person", field: "national_id", permission: Permission::ReadNationalIds },
    ];
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
    use crate::identity::Role;

    #[test]
    fn a_field_is_withheld_from_who_may_see_the_thing_alone() {
        use Role as R;
        for role in Role::ALL {
            let grants: Grants = role.grants().collect();
            for (of, field, open_to) in [
                ("course", "price", &[R::Owner, R::Admin, R::Manager, R::Marketing, R::Adviser, R::Viewer, R::Dpo][..]),
                ("lead", "internal_notes", &[R::Owner, R::Admin, R::Manager, R::Adviser, R::Dpo][..]),
                ("lead_activity", "text", &[R::Owner, R::Admin, R::Manager, R::Adviser, R::Dpo][..]),
                ("person", "national_id", &[R::Owner, R::Admin, R::Manager, R::Dpo][..]),
            ] {
                let withheld: Vec<_> = grants.withheld(of).map(|guarded| guarded.field).collect();
                assert_eq!(withheld, if open_to.contains(role) { vec![] } else { vec![field] }, "{role} {of}");
            }
            assert_eq!(grants.withheld("campaign").count(), 0);
        }
    }
}
