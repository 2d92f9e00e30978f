use super::{Breadth, Grant};

crate::choice! {
    /// A named right. Its first word is the context that guards with it.
    pub enum Permission {
        /// See people, with their addresses.
        ReadPeople = "people.read",
        /// Correct people.
        ChangePeople = "people.change",
        /// See and set people's national ids.
        ReadNationalIds = "people.read_national_id",
        /// See courses, runs, campuses and cycles, drafts included.
        ReadCatalog = "catalog.read",
        /// Change courses, runs, campuses and cycles.
        ManageCatalog = "catalog.manage",
        /// See and set what a course costs.
        ReadPrices = "catalog.read_prices",
        /// See campaigns.
        ReadMarketing = "marketing.read",
        /// Change campaigns.
        ManageMarketing = "marketing.manage",
        /// See leads.
        ReadLeads = "leads.read",
        /// See and write what people who work here note about a lead.
        ReadNotes = "leads.read_notes",
        /// Enter a lead for somebody.
        CaptureLeads = "leads.capture",
        /// Change a lead and move it through its states.
        WorkLeads = "leads.work",
        /// Say whose lead it is.
        AssignLeads = "leads.assign",
        /// Publish versions of forms.
        ManageForms = "leads.manage_forms",
        /// See enrollments and seats.
        ReadEnrollments = "enrollment.read",
        /// Enroll, hold seats, move enrollments.
        ManageEnrollments = "enrollment.manage",
        /// See the consent ledger and ask for permission.
        ReadConsents = "privacy.read",
        /// Record what a person decided.
        RecordConsents = "privacy.record",
        /// Publish consent texts and rules.
        ManagePrivacy = "privacy.manage",
        /// See and verify the audit chain.
        ReadAudit = "audit.read",
        /// See reports.
        ReadReports = "reporting.read",
        /// See who works here, in which groups and roles.
        ReadUsers = "identity.read",
        /// Change what somebody may do, let them go, and keep groups.
        ManageUsers = "identity.manage_users",
        /// Make and change roles of the organization's own.
        ManageRoles = "identity.manage_roles",
        /// Make and revoke API keys.
        ManageApiKeys = "identity.manage_api_keys",
        /// Change the organization itself.
        ManageOrganization = "identity.manage_organization",
        /// Ask why somebody may do something.
        ExplainAccess = "identity.explain",
        /// See what a role sees.
        ViewAs = "identity.view_as",
        /// Invite people to work here, and take invitations back.
        InviteUsers = "identity.invite",
        /// Say by which identity providers people sign in.
        ManageIdentityProviders = "identity.manage_providers",
        /// See posts, questions and media, drafts included.
        ReadPublishing = "publishing.read",
        /// Change posts, questions and media.
        ManagePublishing = "publishing.manage",
        /// Follow the facts of the organization: what happened to which thing.
        ReadFacts = "notifications.read_facts",
        /// Say who outside is told facts.
        ManageWebhooks = "notifications.manage_webhooks",
    }
}

impl Permission {
    /// The context that guards with it.
    pub fn context(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(context, _)| context)
    }

    /// Whether it changes what others may: who signed in a while ago shows first that it is still they.
    pub fn is_sensitive(self) -> bool {
        matches!(
            self,
            Self::ManageUsers
                | Self::ManageRoles
                | Self::ManageApiKeys
                | Self::ManageOrganization
                | Self::InviteUsers
                | Self::ManageIdentityProviders
        )
    }

    /// How far it can be granted: leads belong to campuses and are somebody's, places belong to a campus, the rest is there for all or none.
    pub fn breadths(self) -> &'static [Breadth] {
        match self {
            Self::ReadLeads | Self::WorkLeads | Self::AssignLeads => Breadth::ALL,
            Self::ReadEnrollments | Self::ManageEnrollments => &[Breadth::All, Breadth::Campus],
            _ => &[Breadth::All],
        }
    }
}

crate::choice! {
    /// A built-in role (`product.md`, disagreement 3). An organization can add its own ([`CustomRole`](super::CustomRole)).
    pub enum Role {
        /// The organization belongs to them.
        Owner = "owner",
        /// Keeps the installation of the organization in order.
        Admin = "admin",
        /// Coordinator (gestor).
        Manager = "manager",
        /// Marketing.
        Marketing = "marketing",
        /// Adviser (asesor).
        Adviser = "adviser",
        /// Reads (lectura).
        Viewer = "viewer",
        /// Teaches.
        Trainer = "trainer",
        /// Learns.
        Learner = "learner",
        /// Data protection officer.
        Dpo = "dpo",
    }
}

impl Role {
    /// What the role may do.
    pub fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        const READ: &[Permission] = &[
            P::ReadPeople,
            P::ReadCatalog,
            P::ReadPrices,
            P::ReadMarketing,
            P::ReadLeads,
            P::ReadEnrollments,
            P::ReadConsents,
            P::ReadReports,
            P::ReadUsers,
            P::ReadPublishing,
        ];
        match self {
            Self::Owner | Self::Admin => Permission::ALL,
            Self::Manager => &[
                P::ReadPeople,
                P::ChangePeople,
                P::ReadNationalIds,
                P::ReadCatalog,
                P::ReadPrices,
                P::ManageCatalog,
                P::ReadMarketing,
                P::ReadLeads,
                P::ReadNotes,
                P::CaptureLeads,
                P::WorkLeads,
                P::AssignLeads,
                P::ReadEnrollments,
                P::ManageEnrollments,
                P::ReadConsents,
                P::RecordConsents,
                P::ReadReports,
                P::ReadUsers,
                P::ReadPublishing,
            ],
            Self::Marketing => &[
                P::ReadPeople,
                P::ReadCatalog,
                P::ReadPrices,
                P::ReadMarketing,
                P::ManageMarketing,
                P::ReadLeads,
                P::CaptureLeads,
                P::ManageForms,
                P::ReadConsents,
                P::ReadReports,
                P::ReadUsers,
                P::ReadPublishing,
                P::ManagePublishing,
            ],
            Self::Adviser => &[
                P::ReadPeople,
                P::ChangePeople,
                P::ReadCatalog,
                P::ReadPrices,
                P::ReadMarketing,
                P::ReadLeads,
                P::ReadNotes,
                P::CaptureLeads,
                P::WorkLeads,
                P::AssignLeads,
                P::ReadEnrollments,
                P::ManageEnrollments,
                P::ReadConsents,
                P::RecordConsents,
                P::ReadReports,
                P::ReadUsers,
                P::ReadPublishing,
            ],
            Self::Viewer => READ,
            Self::Trainer => &[P::ReadCatalog, P::ReadEnrollments, P::ReadPublishing],
            Self::Learner => &[P::ReadCatalog, P::ReadPublishing],
            Self::Dpo => &[
                P::ReadPeople,
                P::ReadNationalIds,
                P::ReadCatalog,
                P::ReadPrices,
                P::ReadMarketing,
                P::ReadLeads,
                P::ReadNotes,
                P::ReadEnrollments,
                P::ReadConsents,
                P::RecordConsents,
                P::ManagePrivacy,
                P::ReadAudit,
                P::ReadReports,
                P::ReadUsers,
                P::ExplainAccess,
                P::ReadPublishing,
            ],
        }
    }

    /// Whether the role has a permission.
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// The same as grants: a built-in role reaches everything that it may touch at all.
    pub fn grants(self) -> impl Iterator<Item = Grant> {
        self.permissions().iter().map(|permission| Grant { permission: *permission, breadth: Breadth::All })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_works_leads_can_read_them() {
        for role in Role::ALL {
            for (change, read) in [
                (Permission::WorkLeads, Permission::ReadLeads),
                (Permission::AssignLeads, Permission::ReadLeads),
                (Permission::ManageEnrollments, Permission::ReadEnrollments),
                (Permission::ManageCatalog, Permission::ReadCatalog),
                (Permission::ManageMarketing, Permission::ReadMarketing),
                (Permission::ManagePublishing, Permission::ReadPublishing),
                (Permission::RecordConsents, Permission::ReadConsents),
            ] {
                assert!(!role.may(change) || role.may(read), "{role} may {change} but not {read}");
            }
        }
    }

    #[test]
    fn nobody_but_owner_and_admin_may_do_everything() {
        let all = |role: &&Role| role.permissions().len() == Permission::ALL.len();
        assert_eq!(Role::ALL.iter().filter(all).copied().collect::<Vec<_>>(), [Role::Owner, Role::Admin]);
    }

    #[test]
    fn learners_and_trainers_see_no_leads_and_no_people() {
        for role in [Role::Learner, Role::Trainer] {
            assert!(!role.may(Permission::ReadLeads) && !role.may(Permission::ReadPeople));
        }
    }
}
