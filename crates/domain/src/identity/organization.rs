use uuid::Uuid;

use super::{NoRoom, OrganizationError, Role, RoleName};
use crate::catalog::SeatsLeftPolicy;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Faults, Field, Fields, Form, Id, Instant, Line, Noun, Object, Slug, TimeZone, Value, WebAddress};

crate::id!(
    /// An organization: a tenant, and the controller of its people's data.
    OrganizationId
);

crate::choice! {
    /// Where an organization stands.
    pub enum OrganizationStatus {
        /// Trying.
        Trial = "trial",
        /// Working.
        Active = "active",
        /// Keeps its data and does no work.
        Suspended = "suspended",
        /// Gone.
        Closed = "closed",
    }
}

crate::choice! {
    /// How an organization's data is kept apart from that of others.
    pub enum IsolationStrategy {
        /// In the database of all, by what every query and the database itself see to.
        Shared = "SHARED",
        /// In a database that it has to itself.
        Dedicated = "DEDICATED",
    }
}

crate::form! {
    /// What an organization is called and where it is.
    pub struct OrganizationDetails {
        /// Its name in addresses.
        slug: Slug,
        /// Its name.
        name: Line<200>,
        /// IANA time zone in which its legal deadlines are counted.
        time_zone: TimeZone,
        /// Its language.
        locale: Line<10>,
        /// ISO 3166-1 alpha-2.
        country: Line<2>,
    }
}

crate::form! {
    /// What of an organization its own people can change.
    pub struct OrganizationChange {
        /// Its name.
        name: Line<200>,
        /// IANA time zone in which its legal deadlines are counted.
        time_zone: TimeZone,
        /// Its language.
        locale: Line<10>,
        /// ISO 3166-1 alpha-2.
        country: Line<2>,
        /// Where its logo is.
        logo_url: Option<WebAddress>,
        /// The roles in which nobody works without a second factor.
        second_factor_roles: Vec<RoleName>,
        /// What everybody may know of the seats that are left in a run that says nothing else.
        seats_left_policy: SeatsLeftPolicy,
        /// What else is set, by name.
        settings: Option<Object<16384>>,
    }
}

/// What an organization has subscribed to: data of the operator and of the payment provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The name of the plan.
    pub plan: Option<String>,
    /// Stripe's id of the customer.
    pub stripe_customer_id: Option<String>,
    /// Stripe's id of the subscription.
    pub stripe_subscription_id: Option<String>,
    /// How many people may work here; no limit, if it is not said.
    pub seats_purchased: Option<u32>,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Id.
    pub id: OrganizationId,
    /// What it is called.
    pub details: OrganizationDetails,
    /// How its data is kept apart from that of others: settled when it is founded.
    pub isolation_strategy: IsolationStrategy,
    /// Where its logo is.
    pub logo_url: Option<WebAddress>,
    /// The roles in which nobody works without a second factor: [`Organization::SECOND_FACTOR_ROLES`], until it says otherwise.
    pub second_factor_roles: Vec<RoleName>,
    /// What everybody may know of the seats that are left in a run that says nothing else.
    pub seats_left_policy: SeatsLeftPolicy,
    /// What else is set, by name.
    pub settings: Option<Object<16384>>,
    /// What it has subscribed to.
    pub subscription: Subscription,
    /// How many people work here: counted with every change of a membership, and again each night.
    pub seats_used: u32,
    /// Where it stands.
    pub status: OrganizationStatus,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl Organization {
    /// The roles that ask for a second factor in a new organization: those that reach everything, or everybody's data (ASVS 6.3.3).
    pub const SECOND_FACTOR_ROLES: [Role; 3] = [Role::Owner, Role::Admin, Role::Dpo];

    /// A new organization.
    pub fn found(id: OrganizationId, details: OrganizationDetails, isolation_strategy: IsolationStrategy, now: Instant) -> Changed<Self> {
        let organization = Self {
            id,
            details,
            isolation_strategy,
            logo_url: None,
            second_factor_roles: Self::SECOND_FACTOR_ROLES.map(RoleName::from).into(),
            seats_left_policy: SeatsLeftPolicy::Exact,
            settings: None,
            subscription: Subscription::default(),
            seats_used: 0,
            status: OrganizationStatus::Active,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(organization, OrganizationFact::Founded, now)
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// Every fault of what would come out.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let OrganizationChange { name, time_zone, locale, country, logo_url, second_factor_roles, seats_left_policy, settings } =
            OrganizationChange::read(&Value::Map(self.changeable().fields()).merged(patch))?;
        let details = OrganizationDetails { slug: self.details.slug.clone(), name, time_zone, locale, country };
        let after = Self { details, logo_url, second_factor_roles, seats_left_policy, settings, ..self.clone() };
        Ok(Changed::of(self, after, OrganizationFact::Changed, now))
    }

    fn changeable(&self) -> OrganizationChange {
        let OrganizationDetails { name, time_zone, locale, country, .. } = self.details.clone();
        let (logo_url, second_factor_roles, settings) = (self.logo_url.clone(), self.second_factor_roles.clone(), self.settings.clone());
        OrganizationChange { name, time_zone, locale, country, logo_url, second_factor_roles, seats_left_policy: self.seats_left_policy, settings }
    }

    /// Says in which roles nobody works without a second factor.
    pub fn ask_for_second_factor(&self, roles: Vec<RoleName>, now: Instant) -> Changed<Self> {
        Changed::of(self, Self { second_factor_roles: roles, ..self.clone() }, OrganizationFact::Changed, now)
    }

    /// Whether one more may work here.
    ///
    /// # Errors
    /// [`NoRoom`] if as many do as it has subscribed to.
    pub fn has_room(&self) -> Result<(), NoRoom> {
        if self.subscription.seats_purchased.is_some_and(|most| self.seats_used >= most) { Err(NoRoom) } else { Ok(()) }
    }

    /// Changes how many people may work here; no limit, if it is not said. Who works here already goes on.
    pub fn purchase_seats(&self, seats: Option<u32>, now: Instant) -> Changed<Self> {
        let subscription = Subscription { seats_purchased: seats, ..self.subscription.clone() };
        Changed::of(self, Self { subscription, ..self.clone() }, OrganizationFact::Changed, now)
    }

    /// Starts, suspends, goes on or closes. Closed is for good.
    ///
    /// # Errors
    /// [`OrganizationError::InvalidTransition`].
    pub fn transition(&self, to: OrganizationStatus, now: Instant) -> Result<Changed<Self>, OrganizationError> {
        if !self.status.leads_to().contains(&to) {
            return Err(OrganizationError::InvalidTransition { from: self.status, to });
        }
        Ok(Changed::of(self, Self { status: to, ..self.clone() }, OrganizationFact::Moved(to), now))
    }
}

impl OrganizationStatus {
    /// Where it can go from here.
    pub fn leads_to(self) -> &'static [Self] {
        match self {
            Self::Trial => &[Self::Active, Self::Suspended, Self::Closed],
            Self::Active => &[Self::Suspended, Self::Closed],
            Self::Suspended => &[Self::Active, Self::Closed],
            Self::Closed => &[],
        }
    }

    /// Whether work is done in it.
    pub fn works(self) -> bool {
        matches!(self, Self::Trial | Self::Active)
    }
}

impl Aggregate for Organization {
    type Fact = OrganizationFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "organization", many: "organizations" }
    }
    fn id(&self) -> Uuid {
        self.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.version = version;
        self.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let mut fields = self.details.fields();
        fields.push(("logo_url".to_owned(), self.logo_url.value()));
        fields.push(("second_factor_roles".to_owned(), self.second_factor_roles.value()));
        fields.push(("seats_left_policy".to_owned(), self.seats_left_policy.value()));
        fields.push(("settings".to_owned(), self.settings.value()));
        fields.push(("seats_purchased".to_owned(), self.subscription.seats_purchased.map_or(Value::Null, |seats| Value::Int(seats.into()))));
        fields.push(("isolation_strategy".to_owned(), self.isolation_strategy.value()));
        fields.push(("status".to_owned(), self.status.as_str().into()));
        fields
    }
}

/// What can happen to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganizationFact {
    /// It is there.
    Founded,
    /// Fields changed.
    Changed,
    /// It stands elsewhere now.
    Moved(OrganizationStatus),
}

impl Fact for OrganizationFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Founded => "founded",
            Self::Changed => "changed",
            Self::Moved(_) => "moved",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Moved(to) => vec![("status".to_owned(), to.as_str().into())],
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization() -> Organization {
        let fields = [("slug", "uno"), ("name", "Uno"), ("time_zone", "Europe/Madrid"), ("locale", "es"), ("country", "ES")];
        let details = Value::Map(fields.map(|(name, value)| (name.to_owned(), value.into())).into());
        Organization::found(
            OrganizationId::from_uuid(Uuid::from_u128(1)),
            OrganizationDetails::read(&details).unwrap(),
            IsolationStrategy::Shared,
            now(),
        )
        .into_state()
    }

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    #[test]
    fn closed_is_for_good_and_everything_else_has_a_way_back() {
        use OrganizationStatus as S;
        for from in S::ALL {
            for to in S::ALL {
                let stands = Organization { status: *from, ..organization() };
                let expected = matches!((from, to), (S::Trial, S::Active | S::Suspended | S::Closed) | (S::Active, S::Suspended | S::Closed))
                    || matches!((from, to), (S::Suspended, S::Active | S::Closed));
                match stands.transition(*to, now()) {
                    Ok(moved) => assert!(expected && moved.state().status == *to, "{from} {to}"),
                    Err(error) => assert!(!expected && error == OrganizationError::InvalidTransition { from: *from, to: *to }, "{from} {to}"),
                }
            }
        }
        assert_eq!(S::ALL.iter().filter(|status| status.works()).count(), 2);
    }

    #[test]
    fn as_many_work_there_as_it_has_subscribed_to() {
        let purchased = |seats| Organization { seats_used: 3, ..organization().purchase_seats(seats, now()).into_state() };
        for (seats, room) in [(None, Ok(())), (Some(4), Ok(())), (Some(3), Err(NoRoom)), (Some(0), Err(NoRoom))] {
            assert_eq!(purchased(seats).has_room(), room, "{seats:?}");
        }
    }

    #[test]
    fn its_address_stays_and_the_rest_can_change() {
        let patch = |name: &str, value: &str| Value::Map(vec![(name.to_owned(), value.into())]);
        let changed = organization().change(&patch("name", "Dos"), now()).unwrap();
        assert_eq!((changed.state().details.name.as_str(), changed.state().details.slug.as_str()), ("Dos", "uno"));
        for (name, value) in [("slug", "dos"), ("time_zone", "Mars/Olympus"), ("status", "closed")] {
            assert!(organization().change(&patch(name, value), now()).is_err(), "{name}");
        }
    }
}
