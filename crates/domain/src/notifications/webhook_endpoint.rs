use chrono::TimeDelta;
use uuid::Uuid;

use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Instant, Kind, Line, Noun, Value, WebAddress};

crate::id!(
    /// A webhook endpoint.
    WebhookEndpointId
);
crate::id!(
    /// A delivery to a webhook endpoint.
    WebhookDeliveryId
);

/// Where facts are told: an address without user, password and fragment. Whether it may be spoken to is not seen in its text alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for WebhookUrl {
    const KIND: Kind = Kind::Text { min: 9, max: 1000, pattern: Some(r"^https?://[^\s<>\x22#/@\\]+(/[^\s<>\x22#\\]*)?$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let address = WebAddress::parse(value)?;
        let text = address.as_str();
        if text.len() > 1000 {
            return Err(Fault::new("TOO_LONG", "at most 1000 characters"));
        }
        let authority = text.split('/').nth(2).unwrap_or_default();
        // What some read as a slash and others do not leads to two places.
        if authority.is_empty() || authority.contains('@') || text.contains(['#', '\\']) {
            return Err(Fault::new("NOT_A_WEBHOOK_ADDRESS", "must be an address without user and fragment"));
        }
        Ok(Self(text.to_owned()))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// Which facts: one (`lead.captured`), those of one kind of thing (`lead.*`), or all (`*`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactPattern(String);

impl FactPattern {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a fact is one of them.
    pub fn matches(&self, fact: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(kind) => fact.starts_with(kind),
            None => self.0 == fact,
        }
    }
}

impl Field for FactPattern {
    const KIND: Kind = Kind::Text { min: 1, max: 100, pattern: Some(r"^(\*|[a-z_]+\.(\*|[a-z_]+))$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let text = value.as_text().ok_or_else(|| Fault::wrong_type("a text"))?;
        let fine = text == "*" || text.split_once('.').is_some_and(|(kind, verb)| word(kind) && (verb == "*" || word(verb)));
        if fine && text.len() <= 100 {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new("NOT_A_FACT", "must be a fact such as lead.captured, lead.*, or *"))
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

crate::choice! {
    /// Whether an endpoint is told anything.
    pub enum WebhookStatus {
        /// It is.
        Active = "active",
        /// It is not, until somebody activates it again; what happens meanwhile waits.
        Disabled = "disabled",
    }
}

crate::choice! {
    /// Why an endpoint is told nothing.
    pub enum DisabledReason {
        /// Somebody has said so.
        ByHand = "by_hand",
        /// It has failed for too long.
        Failing = "failing",
        /// It has said that it is gone (410).
        Gone = "gone",
    }
}

crate::choice! {
    /// Where a delivery stands.
    pub enum WebhookDeliveryStatus {
        /// It is to be made, or made again.
        Waiting = "waiting",
        /// The endpoint has taken it.
        Delivered = "delivered",
        /// It was tried as often as it is tried.
        Dead = "dead",
    }
}

crate::form! {
    /// What is said of a webhook endpoint.
    pub struct WebhookEndpointDetails {
        /// Where facts are told.
        url: WebhookUrl,
        /// What it is for.
        description: Option<Line<200>>,
        /// Which facts it is told.
        facts: Vec<FactPattern>,
    } check |details, faults| {
        if details.facts.is_empty() {
            faults.add(Fault::new("REQUIRED", "an endpoint that is told nothing is none: * means all").under("facts"));
        }
        if details.facts.len() > 100 {
            faults.add(Fault::new("TOO_MANY", "at most 100").under("facts"));
        }
    }
}

/// Somebody outside who is told what happens. The secret that signs what they are told is kept beside, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Id.
    pub id: WebhookEndpointId,
    /// What is said of it.
    pub details: WebhookEndpointDetails,
    /// Whether it is told anything.
    pub status: WebhookStatus,
    /// Why not.
    pub disabled_reason: Option<DisabledReason>,
    /// Until when the secret before the last one signs too.
    pub previous_until: Option<Instant>,
    /// Since when it is hidden, and told nothing.
    pub archived_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl WebhookEndpoint {
    /// How long an old secret signs beside the new one.
    pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

    /// How long an endpoint may fail without a success before it is told nothing more.
    pub const PATIENCE: TimeDelta = TimeDelta::days(5);

    /// A new endpoint.
    pub fn create(id: WebhookEndpointId, details: WebhookEndpointDetails, now: Instant) -> Changed<Self> {
        let endpoint = Self {
            id,
            details: each_once(details),
            status: WebhookStatus::Active,
            disabled_reason: None,
            previous_until: None,
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(endpoint, WebhookEndpointFact::Created, now)
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// Every fault of what would come out.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let details = each_once(WebhookEndpointDetails::read(&Value::Map(self.details.fields()).merged(patch))?);
        Ok(self.with(WebhookEndpointFact::Changed, now, |endpoint| endpoint.details = details))
    }

    /// Tells it facts again. `None` if it is told them already.
    pub fn activate(&self, now: Instant) -> Option<Changed<Self>> {
        (self.status == WebhookStatus::Disabled).then(|| {
            self.with(WebhookEndpointFact::Activated, now, |endpoint| {
                endpoint.status = WebhookStatus::Active;
                endpoint.disabled_reason = None;
            })
        })
    }

    /// Tells it nothing more. `None` if it is told nothing already.
    pub fn disable(&self, reason: DisabledReason, now: Instant) -> Option<Changed<Self>> {
        (self.status == WebhookStatus::Active).then(|| {
            self.with(WebhookEndpointFact::Disabled(reason), now, |endpoint| {
                endpoint.status = WebhookStatus::Disabled;
                endpoint.disabled_reason = Some(reason);
            })
        })
    }

    /// Signs with another secret from now on, and for a while with the old one too.
    pub fn rotate(&self, now: Instant) -> Changed<Self> {
        self.with(WebhookEndpointFact::SecretRotated, now, |endpoint| endpoint.previous_until = Some(now + Self::OVERLAP))
    }

    /// Sends it something that did not happen.
    pub fn test(&self, now: Instant) -> Changed<Self> {
        self.with(WebhookEndpointFact::Tested, now, |_| ())
    }

    /// Tells it once more what it was told, or should have been.
    pub fn replay(&self, delivery: WebhookDeliveryId, now: Instant) -> Changed<Self> {
        self.with(WebhookEndpointFact::Replayed(delivery), now, |_| ())
    }

    /// Whether it is told a fact.
    pub fn hears(&self, fact: &str) -> bool {
        self.details.facts.iter().any(|pattern| pattern.matches(fact))
    }

    fn with(&self, fact: WebhookEndpointFact, now: Instant, edit: impl FnOnce(&mut Self)) -> Changed<Self> {
        let mut after = self.clone();
        edit(&mut after);
        Changed::of(self, after, fact, now)
    }
}

fn each_once(mut details: WebhookEndpointDetails) -> WebhookEndpointDetails {
    details.facts.sort();
    details.facts.dedup();
    details
}

crate::shared::archivable!(WebhookEndpoint.archived_at, WebhookEndpointFact);

impl Aggregate for WebhookEndpoint {
    type Fact = WebhookEndpointFact;
    fn noun(&self) -> Noun {
        Noun { context: "notifications", one: "webhook_endpoint", many: "webhook_endpoints" }
    }
    fn id(&self) -> Uuid {
        crate::shared::Id::as_uuid(self.id)
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
        fields.push(("status".to_owned(), self.status.value()));
        fields.push(("disabled_reason".to_owned(), self.disabled_reason.value()));
        fields.push(("previous_until".to_owned(), self.previous_until.value()));
        fields.push(("archived_at".to_owned(), self.archived_at.value()));
        fields
    }
}

/// What can happen to a webhook endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEndpointFact {
    /// It is there.
    Created,
    /// It is otherwise.
    Changed,
    /// It is told facts again.
    Activated,
    /// It is told nothing more.
    Disabled(DisabledReason),
    /// It has another secret.
    SecretRotated,
    /// It was sent something that did not happen.
    Tested,
    /// It is told something once more.
    Replayed(WebhookDeliveryId),
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
}

impl WebhookEndpointFact {
    /// Whether its failures so far count no more.
    pub fn is_fresh_start(self) -> bool {
        self == Self::Activated
    }
}

impl Fact for WebhookEndpointFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Activated => "activated",
            Self::Disabled(_) => "disabled",
            Self::SecretRotated => "secret_rotated",
            Self::Tested => "tested",
            Self::Replayed(_) => "replayed",
            Self::Archived => "archived",
            Self::Restored => "restored",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Disabled(reason) => vec![("reason".to_owned(), reason.value())],
            Self::Replayed(delivery) => vec![("delivery_id".to_owned(), delivery.value())],
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Id;

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    fn details(url: &str, facts: &[&str]) -> Result<WebhookEndpointDetails, Faults> {
        let facts = Value::List(facts.iter().map(|fact| Value::from(*fact)).collect());
        WebhookEndpointDetails::read(&Value::Map(vec![("url".to_owned(), url.into()), ("facts".to_owned(), facts)]))
    }

    fn endpoint() -> WebhookEndpoint {
        let details = details("https://example.es/hook", &["lead.*", "course.published", "lead.*"]).unwrap();
        WebhookEndpoint::create(WebhookEndpointId::from_uuid(Uuid::from_u128(1)), details, now()).into_state()
    }

    #[test]
    fn it_hears_what_it_asked_for() {
        let endpoint = endpoint();
        assert_eq!(endpoint.details.facts.len(), 2, "each is named once");
        for (fact, hears) in [("lead.captured", true), ("lead_touch.made", false), ("course.published", true), ("course.changed", false)] {
            assert_eq!(endpoint.hears(fact), hears, "{fact}");
        }
        assert!(FactPattern::parse(&"*".into()).unwrap().matches("a.b"));
    }

    #[test]
    fn what_is_no_address_or_no_fact_is_refused() {
        for url in ["ftp://example.es", "https://", "https://user@example.es", "https://u:p@example.es/x", "https://example.es/#x", "https://a\\@b"] {
            assert!(details(url, &["*"]).is_err(), "{url}");
        }
        for fact in ["", "lead", "Lead.captured", "*.captured", "lead.cap*", "lead.captured.x", "**"] {
            assert!(details("https://example.es", &[fact]).is_err(), "{fact}");
        }
        assert!(details("https://example.es", &[]).is_err() && details("https://example.es:8443/a?b=c@d", &["*"]).is_ok());
    }

    #[test]
    fn it_goes_out_of_use_with_a_reason_and_comes_back_without() {
        let disabled = endpoint().disable(DisabledReason::Failing, now()).unwrap();
        assert_eq!(disabled.fact().data(), [("reason".to_owned(), "failing".into())]);
        let disabled = disabled.into_state();
        assert!(disabled.disable(DisabledReason::Gone, now()).is_none() && endpoint().activate(now()).is_none());
        let active = disabled.activate(now()).unwrap().into_state();
        assert_eq!((active.status, active.disabled_reason), (WebhookStatus::Active, None));
    }

    #[test]
    fn an_old_secret_signs_for_a_day_beside_the_new_one() {
        assert_eq!(endpoint().previous_until, None);
        assert_eq!(endpoint().rotate(now()).state().previous_until, Some(now() + TimeDelta::hours(24)));
    }
}
