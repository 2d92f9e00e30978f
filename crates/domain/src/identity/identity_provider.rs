use uuid::Uuid;

use super::{ProviderClaims, ProviderRefusal, Role, RoleName};
use crate::people::PersonId;
use crate::shared::{
    Aggregate, Changed, EmailAddress, Fact, Fault, Faults, Field, Fields, Flag, Form, Id, Instant, Kind, Line, Noun, Value, WebAddress,
    normalize_email,
};

crate::id!(
    /// An identity provider.
    IdentityProviderId
);

/// What an identity provider signs its answers as, to the letter (OIDC Core 2, `iss`): an address without query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(String);

impl Issuer {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for Issuer {
    const KIND: Kind = Kind::Text { min: 9, max: 255, pattern: Some(r"^https?://[^\s<>\x22?#/@]+(/[^\s<>\x22?#]*)?$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let address = WebAddress::parse(value)?;
        let text = address.as_str();
        let host = text.split('/').nth(2).unwrap_or_default();
        if text.len() > 255 {
            return Err(Fault::new("TOO_LONG", "at most 255 characters"));
        }
        if host.is_empty() || host.contains('@') || text.contains(['?', '#']) {
            return Err(Fault::new("NOT_AN_ISSUER", "must be an address without user, query and fragment"));
        }
        Ok(Self(text.to_owned()))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// What stands behind the `@` of addresses, in the normal form of [`EmailAddress`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailDomain(String);

impl EmailDomain {
    /// The domain of an address.
    pub fn of(address: &EmailAddress) -> Self {
        Self(address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain).to_owned())
    }

    /// The domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for EmailDomain {
    const KIND: Kind = Kind::Text { min: 3, max: 189, pattern: Some(r"^[^\s@]+\.[^\s@]+$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let line = <Line<189> as Field>::parse(value)?;
        // It is a domain if there can be an address in it.
        let address = Some(line.as_str()).filter(|line| !line.contains('@')).and_then(|line| normalize_email(&format!("x@{line}")));
        let domain = address.as_deref().and_then(|address| address.strip_prefix("x@"));
        domain.map(|domain| Self(domain.to_owned())).ok_or_else(|| Fault::new("NOT_A_DOMAIN", "must be what stands behind the @ of addresses"))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// What this program shows an identity provider to be believed. It shows itself to nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// What is shown to the provider, and sealed to be kept.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl Field for ClientSecret {
    const KIND: Kind = Kind::Text { min: 1, max: 500, pattern: Some(r"\S"), format: Some("password") };
    fn parse(value: &Value) -> Result<Self, Fault> {
        <Line<500> as Field>::parse(value).map(|line| Self(line.as_str().to_owned()))
    }
    /// A secret has no value that could be written down.
    fn value(&self) -> Value {
        Value::Null
    }
}

crate::form! {
    /// What role somebody gets of whom the provider says something.
    pub struct RoleMapping {
        /// What the provider says: one of the values of the role claim.
        value: Line<255>,
        /// What they may do then.
        role: RoleName,
    }
}

crate::form! {
    /// What is said of an identity provider.
    pub struct IdentityProviderDetails {
        /// What it is called where people sign in.
        name: Line<100>,
        /// What it signs its answers as; `/.well-known/openid-configuration` below it says the rest. It stays: who somebody is there means
        /// nothing elsewhere.
        issuer: Issuer,
        /// Who this program is there.
        client_id: Line<255>,
        /// What this program shows there to be believed; told never again. A change that leaves it out leaves it as it is.
        client_secret: Option<ClientSecret>,
        /// Domains of the addresses that it may vouch for. No domain is two providers', in the whole installation.
        email_domains: Vec<EmailDomain>,
        /// The claim whose values say what somebody may do: `groups`, `roles`.
        role_claim: Option<Line<100>>,
        /// Which value means which role. The first that fits counts.
        role_mappings: Vec<RoleMapping>,
        /// The role of whom no value fits; without one, they are not let in.
        default_role: Option<RoleName>,
        /// Whether somebody of whom nobody has heard works here from their first sign-in on.
        makes_members: Flag,
        /// Whether the provider must say that it has seen two factors (`amr` has `mfa`, RFC 8176). No code is asked for here; but in a role that
        /// asks for a second factor nobody works whose provider has seen none, and who has none here.
        demands_second_factor: Flag,
    } check |details, faults| {
        if details.email_domains.is_empty() {
            faults.add(Fault::rule("/email_domains", "REQUIRED", "at least one"));
        }
        if details.default_role.as_ref().is_some_and(|role| *role == Role::Owner) {
            faults.add(Fault::rule("/default_role", "OWNER_BY_DEFAULT", "nobody owns an organization because nothing else was said"));
        }
        if details.role_claim.is_none() && !details.role_mappings.is_empty() {
            faults.add(Fault::rule("/role_claim", "REQUIRED", "is required where values are mapped"));
        }
    }
}

/// Somebody else who says who people are (an OpenID provider): those of an organization sign in there instead of with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Id.
    pub id: IdentityProviderId,
    /// What is said of it; the client's secret is not among it.
    pub details: IdentityProviderDetails,
    /// Since when nobody signs in by it.
    pub archived_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

/// Somebody for whom a provider vouches, as far as an organization believes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Their address, which the provider has verified and may vouch for.
    pub email: EmailAddress,
    /// What they are called.
    pub name: Line<200>,
    /// What they may do if they begin to work here; `None` for who does not.
    pub role: Option<RoleName>,
    /// Whether the provider has seen two factors.
    pub two_factors: bool,
}

impl IdentityProvider {
    /// A new provider.
    ///
    /// # Errors
    /// `REQUIRED` if the client's secret is missing.
    pub fn create(id: IdentityProviderId, mut details: IdentityProviderDetails, now: Instant) -> Result<Changed<Self>, Faults> {
        let secret = details.client_secret.take().ok_or_else(|| Fault::rule("/client_secret", "REQUIRED", "is required of a new provider"))?;
        let provider = Self { id, details: each_once(details), archived_at: None, created_at: now, updated_at: now, version: 0 };
        Ok(Changed::created(provider, IdentityProviderFact::Created(secret), now))
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// Every fault of what would come out; `ISSUER_STAYS` for another issuer.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let mut details = each_once(IdentityProviderDetails::read(&Value::Map(self.details.fields()).merged(patch))?);
        if details.issuer != self.details.issuer {
            return Err(Fault::rule("/issuer", "ISSUER_STAYS", "make another provider: nobody is there who they are here").into());
        }
        let secret = details.client_secret.take();
        Ok(Changed::of(self, Self { details, ..self.clone() }, IdentityProviderFact::Changed(secret), now))
    }

    /// The roles that it can give somebody.
    pub fn roles(&self) -> Vec<RoleName> {
        self.details.role_mappings.iter().map(|mapping| &mapping.role).chain(&self.details.default_role).cloned().collect()
    }

    /// Whether those who own the organization sign in by it: where one of its values means so, which only they can say.
    pub fn is_for_owners(&self) -> bool {
        self.details.role_mappings.iter().any(|mapping| mapping.role == Role::Owner)
    }

    /// What is believed of what it says about somebody: an address that it has verified, of a domain that it may vouch for.
    ///
    /// # Errors
    /// Why nothing is.
    pub fn believe(&self, claims: &ProviderClaims) -> Result<Vouched, ProviderRefusal> {
        if self.details.demands_second_factor.0 && !claims.two_factors {
            return Err(ProviderRefusal::NoSecondFactor);
        }
        let email = claims.email.as_deref().and_then(|email| EmailAddress::parse(email).ok()).ok_or(ProviderRefusal::NoEmail)?;
        if !claims.email_verified {
            return Err(ProviderRefusal::EmailNotVerified);
        }
        if !self.details.email_domains.contains(&EmailDomain::of(&email)) {
            return Err(ProviderRefusal::ForeignDomain);
        }
        let name = claims.name.as_deref().and_then(|name| Line::parse(name).ok());
        let name = name.or_else(|| Line::parse(email.as_str().split('@').next().unwrap_or_default()).ok()).ok_or(ProviderRefusal::NoEmail)?;
        Ok(Vouched { role: self.role_of(claims), email, name, two_factors: claims.two_factors })
    }

    fn role_of(&self, claims: &ProviderClaims) -> Option<RoleName> {
        let IdentityProviderDetails { role_mappings, default_role, makes_members, .. } = &self.details;
        let mapped = role_mappings.iter().find(|mapping| claims.roles.iter().any(|said| said == mapping.value.as_str()));
        mapped.map(|mapping| &mapping.role).or(default_role.as_ref()).filter(|_| makes_members.0).cloned()
    }
}

fn each_once(mut details: IdentityProviderDetails) -> IdentityProviderDetails {
    details.email_domains.sort();
    details.email_domains.dedup();
    details
}

crate::shared::archivable!(IdentityProvider.archived_at, IdentityProviderFact);

impl Aggregate for IdentityProvider {
    type Fact = IdentityProviderFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "identity_provider", many: "identity_providers" }
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
        fields.push(("archived_at".to_owned(), self.archived_at.map_or(Value::Null, Value::Instant)));
        fields
    }
}

/// What can happen to an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityProviderFact {
    /// It is there, with the client's secret.
    Created(ClientSecret),
    /// It is otherwise, perhaps with another secret.
    Changed(Option<ClientSecret>),
    /// Nobody signs in by it.
    Archived,
    /// It is back.
    Restored,
}

impl IdentityProviderFact {
    /// The secret that it brings.
    pub fn secret(&self) -> Option<&ClientSecret> {
        match self {
            Self::Created(secret) => Some(secret),
            Self::Changed(secret) => secret.as_ref(),
            Self::Archived | Self::Restored => None,
        }
    }
}

impl Fact for IdentityProviderFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Changed(_) => "changed",
            Self::Archived => "archived",
            Self::Restored => "restored",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Changed(secret) => vec![("client_secret_changed".to_owned(), Value::Bool(secret.is_some()))],
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn mapping(value: &str, role: &str) -> Value {
        map(&[("value", value.into()), ("role", role.into())])
    }

    fn input() -> Value {
        map(&[
            ("name", "Academia".into()),
            ("issuer", "https://id.example.es/academia".into()),
            ("client_id", "matricula".into()),
            ("client_secret", "muy secreto".into()),
            ("email_domains", Value::List(vec!["Example.ES".into(), "example.es".into(), "españa.es".into()])),
            ("role_claim", "groups".into()),
            ("role_mappings", Value::List(vec![mapping("direccion", "owner"), mapping("ventas", "adviser"), mapping("todos", "marketing")])),
            ("default_role", "viewer".into()),
            ("makes_members", Value::Bool(true)),
        ])
    }

    fn provider_with(patch: &[(&str, Value)]) -> IdentityProvider {
        let details = IdentityProviderDetails::read(&input().merged(&map(patch))).unwrap();
        IdentityProvider::create(IdentityProviderId::from_uuid(Uuid::from_u128(1)), details, now()).unwrap().into_state()
    }

    fn claims(roles: &[&str]) -> ProviderClaims {
        ProviderClaims {
            subject: "00u1".into(),
            email: Some("Ana@example.es".into()),
            email_verified: true,
            name: Some("Ana".into()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            two_factors: false,
        }
    }

    #[test]
    fn domains_have_one_form_and_are_named_once() {
        let provider = provider_with(&[]);
        assert_eq!(provider.details.email_domains.iter().map(EmailDomain::as_str).collect::<Vec<_>>(), ["example.es", "xn--espaa-rta.es"]);
        for wrong in ["", "example", "ana@example.es", "exa mple.es", "@example.es", "example..es"] {
            assert!(<EmailDomain as Field>::parse(&wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_issuer_is_an_address_and_nothing_more() {
        for (address, fine) in [
            ("https://id.example.es", true),
            ("https://id.example.es/realms/academia", true),
            ("http://127.0.0.1:8080", true),
            ("ftp://id.example.es", false),
            ("https://user@id.example.es", false),
            ("https://id.example.es?x=1", false),
            ("https://id.example.es/#x", false),
            ("https://", false),
        ] {
            assert_eq!(<Issuer as Field>::parse(&address.into()).is_ok(), fine, "{address}");
        }
        assert!(<Issuer as Field>::parse(&format!("https://id.example.es/{}", "x".repeat(255)).into()).is_err());
    }

    #[test]
    fn what_cannot_be_is_told_all_at_once() {
        let wrong = input().merged(&map(&[("email_domains", Value::Null), ("default_role", "owner".into()), ("role_claim", Value::Null)]));
        let faults = IdentityProviderDetails::read(&wrong).unwrap_err();
        let told: Vec<_> = faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(told, [("/email_domains", "REQUIRED"), ("/default_role", "OWNER_BY_DEFAULT"), ("/role_claim", "REQUIRED")]);
    }

    #[test]
    fn the_secret_is_told_to_nobody_and_stays_until_there_is_another() {
        let details = IdentityProviderDetails::read(&input()).unwrap();
        let created = IdentityProvider::create(IdentityProviderId::from_uuid(Uuid::from_u128(1)), details, now()).unwrap();
        assert_eq!(created.fact().secret().map(ClientSecret::reveal), Some("muy secreto"));
        assert_eq!(created.state().details.client_secret, None);
        let told = format!("{created:?} {:?} {:?}", created.changes(), created.fact().data());
        assert!(!told.contains("muy secreto"), "{told}");

        let provider = created.into_state();
        let renamed = provider.change(&map(&[("name", "Otra".into())]), now()).unwrap();
        assert_eq!((renamed.fact().secret(), renamed.state().details.name.as_str()), (None, "Otra"));
        let other = provider.change(&map(&[("client_secret", "otro".into())]), now()).unwrap();
        assert_eq!((other.fact().secret().map(ClientSecret::reveal), other.state().details.client_secret.as_ref()), (Some("otro"), None));
        assert_eq!(other.fact().data(), [("client_secret_changed".to_owned(), Value::Bool(true))]);

        let without = IdentityProviderDetails { client_secret: None, ..provider.details.clone() };
        assert_eq!(IdentityProvider::create(provider.id, without, now()).unwrap_err().code(), "REQUIRED");
        let moved = provider.change(&map(&[("issuer", "https://otro.example.es".into())]), now());
        assert_eq!(moved.unwrap_err().code(), "ISSUER_STAYS");
    }

    #[test]
    fn the_first_mapping_that_fits_counts_and_owner_comes_by_name_alone() {
        for (said, role) in [
            (&["ventas"][..], Some("adviser")),
            (&["todos", "ventas"], Some("adviser")),
            (&["todos", "direccion"], Some("owner")),
            (&["otros", "Ventas"], Some("viewer")),
            (&[], Some("viewer")),
        ] {
            let vouched = provider_with(&[]).believe(&claims(said)).unwrap();
            assert_eq!(vouched.role.as_ref().map(RoleName::as_str), role, "{said:?}");
        }
        let without = Value::List(vec![mapping("ventas", "adviser")]);
        assert!(provider_with(&[]).is_for_owners() && !provider_with(&[("role_mappings", without)]).is_for_owners());
        let strict = provider_with(&[("default_role", Value::Null)]);
        assert_eq!(strict.believe(&claims(&["otros"])).unwrap().role, None);
        let closed = provider_with(&[("makes_members", Value::Bool(false))]);
        assert_eq!(closed.believe(&claims(&["ventas"])).unwrap().role, None);
        assert_eq!(provider_with(&[]).roles().iter().map(RoleName::as_str).collect::<Vec<_>>(), ["owner", "adviser", "marketing", "viewer"]);
    }

    #[test]
    fn nobody_is_believed_without_a_verified_address_of_its_domains() {
        let provider = provider_with(&[]);
        let vouched = provider.believe(&claims(&[])).unwrap();
        assert_eq!((vouched.email.as_str(), vouched.name.as_str()), ("ana@example.es", "Ana"));
        let nameless = ProviderClaims { name: Some("\u{0}".into()), ..claims(&[]) };
        assert_eq!(provider.believe(&nameless).unwrap().name.as_str(), "ana");
        for (wrong, why) in [
            (ProviderClaims { email: None, ..claims(&[]) }, ProviderRefusal::NoEmail),
            (ProviderClaims { email: Some("ana".into()), ..claims(&[]) }, ProviderRefusal::NoEmail),
            (ProviderClaims { email_verified: false, ..claims(&[]) }, ProviderRefusal::EmailNotVerified),
            (ProviderClaims { email: Some("ana@otra.es".into()), ..claims(&[]) }, ProviderRefusal::ForeignDomain),
            (ProviderClaims { email: Some("ana@sub.example.es".into()), ..claims(&[]) }, ProviderRefusal::ForeignDomain),
            (ProviderClaims { email: Some("ana@example.es@otra.es".into()), ..claims(&[]) }, ProviderRefusal::NoEmail),
        ] {
            assert_eq!(provider.believe(&wrong), Err(why), "{wrong:?}");
        }
    }

    #[test]
    fn where_two_factors_are_demanded_one_is_not_enough() {
        let strict = provider_with(&[("demands_second_factor", Value::Bool(true))]);
        assert_eq!(strict.believe(&claims(&[])), Err(ProviderRefusal::NoSecondFactor));
        assert!(strict.believe(&ProviderClaims { two_factors: true, ..claims(&[]) }).unwrap().two_factors);
        assert!(!provider_with(&[]).believe(&claims(&[])).unwrap().two_factors);
    }

    #[test]
    fn it_goes_out_of_use_and_comes_back() {
        let provider = provider_with(&[]);
        let hidden = provider.archive(now()).unwrap().into_state();
        assert!(hidden.archive(now()).is_none() && provider.restore(now()).is_none());
        assert_eq!(hidden.restore(now()).unwrap().into_state().archived_at, None);
    }
}
