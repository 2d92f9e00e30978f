use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    AgeBand, AgeRules, Channel, ConsentAction, ConsentActor, ConsentError, ConsentEvent, ConsentEventId, ConsentState, ConsentTextId, Evidence,
    EvidenceGrade, Purpose, Standing,
};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Field, Fields, Id, Instant, LocalDate, Noun, Value};

crate::choice! {
    /// Why nothing more is sent to an address.
    pub enum SuppressionReason {
        /// Its owner objected.
        Objected = "objected",
        /// Its owner took the consent back.
        Withdrawn = "withdrawn",
        /// Its owner reported a message as spam.
        Complaint = "complaint",
        /// It does not exist.
        HardBounce = "hard_bounce",
    }
}

/// An address of the person is on the list of those that get no marketing (LOPDGDD art. 15.2). The list outlives the person's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The way to the address.
    pub channel: Channel,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub at: Instant,
}

/// The person bought something: what LSSI art. 21.2 needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRelation {
    /// Whether the person could decline advertising when the address was collected.
    pub optout_offered_at_collection: bool,
    /// The category of what was bought: only what is similar may be advertised.
    pub category: String,
}

/// What the ledger of a person is loaded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerParts {
    /// Whose it is.
    pub person: PersonId,
    /// Whether the person's data may be worked with.
    pub standing: Standing,
    /// Birth date, where it is known.
    pub birth_date: Option<LocalDate>,
    /// How old the person is, as far as a form asked.
    pub age_band: Option<AgeBand>,
    /// The country whose age of consent holds, ISO 3166-1 alpha-2.
    pub country: String,
    /// The entries, in the order in which they were written: by time, and at the same time by id.
    pub events: Vec<ConsentEvent>,
    /// The addresses of the person that get no marketing.
    pub suppressions: Vec<Suppression>,
    /// From when the material text versions of a purpose hold: at least the newest one (case D18).
    pub material_texts: Vec<(Purpose, Instant)>,
    /// What the person bought.
    pub relations: Vec<CustomerRelation>,
}

/// What one person was told, agreed to and refused: entries that are only ever added, of which each state is a fold
/// (`privacy.md` §1, rule 1). What may be done is asked with [`Ledger::permission`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    parts: LedgerParts,
}

/// A form was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// The form's version.
    pub form_version: Option<Uuid>,
    /// The notice that the form showed.
    pub notice: Shown,
    /// The boxes that were ticked.
    pub boxes: Vec<TickedBox>,
    /// Who filled it in.
    pub actor: ConsentActor,
    /// By which way.
    pub channel: Channel,
    /// The circumstances, the same for all entries.
    pub evidence: Evidence,
    /// When.
    pub at: Instant,
}

/// A text that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The id of the entry that says so.
    pub id: ConsentEventId,
    /// The text; none where somebody else's form showed it, of which only they have proof.
    pub text: Option<ConsentTextId>,
    /// The fingerprint of the wording as it was rendered.
    pub wording_sha256: Option<String>,
}

/// A box that was ticked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickedBox {
    /// What it decides.
    pub purpose: Purpose,
    /// The wording beside it.
    pub label: Shown,
}

/// Something was decided about one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The id of the entry.
    pub id: ConsentEventId,
    /// What it is about.
    pub purpose: Purpose,
    /// What was decided.
    pub action: ConsentAction,
    /// Who decided.
    pub actor: ConsentActor,
    /// By which way.
    pub channel: Channel,
    /// The text that was shown.
    pub text: Option<ConsentTextId>,
    /// The fingerprint of the wording as it was rendered.
    pub wording_sha256: Option<String>,
    /// The circumstances.
    pub evidence: Option<Evidence>,
    /// When.
    pub at: Instant,
}

/// Records of former times claim a consent, without saying to what (seed 0, `gdpr_consent`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The id of the entry.
    pub id: ConsentEventId,
    /// When the consent is said to have been given.
    pub dated: Option<Instant>,
    /// The archived wording, where there is one.
    pub text: Option<ConsentTextId>,
    /// What the records hold of the circumstances.
    pub evidence: Option<Evidence>,
    /// When it was taken over.
    pub at: Instant,
}

impl Ledger {
    /// The empty ledger of somebody of whom nothing else is known.
    pub fn new(person: PersonId) -> Self {
        Self::load(LedgerParts {
            person,
            standing: Standing::Active,
            birth_date: None,
            age_band: None,
            country: "ES".to_owned(),
            events: Vec::new(),
            suppressions: Vec::new(),
            material_texts: Vec::new(),
            relations: Vec::new(),
        })
    }

    /// What a repository reads back.
    pub fn load(parts: LedgerParts) -> Self {
        Self { parts }
    }

    /// Enters a submitted form: that the notice was shown, and for each ticked box that its purpose was granted, all with the same
    /// evidence (case D01). Boxes that somebody below the age of consent ticked are only asked for: a guardian can approve them.
    ///
    /// # Errors
    /// [`ConsentError::NotAConsentPurpose`] for a box whose purpose no box decides; [`ConsentError::SubjectActionRequired`] when
    /// anybody else ticks what the person took back or objected to (case D21). Nothing is entered then.
    pub fn capture(&self, intake: Intake, ages: &AgeRules) -> Result<Changed<Self>, ConsentError> {
        let Intake { form_version, notice, boxes, actor, channel, evidence, at } = intake;
        let agreed = if self.below_age(self.in_order(at), ages) { ConsentAction::Requested } else { ConsentAction::Granted };
        let shown = std::iter::once((Purpose::LeadEnquiry, ConsentAction::NoticeShown, notice));
        let mut after = self.clone();
        for (purpose, action, shown) in shown.chain(boxes.into_iter().map(|ticked| (ticked.purpose, agreed, ticked.label))) {
            let event = ConsentEvent {
                form_version,
                text: shown.text,
                wording_sha256: shown.wording_sha256,
                evidence: Some(evidence.id),
                ..self.entry(shown.id, purpose, action, actor, channel, at)
            };
            self.admit(&event, ages)?;
            after.append(event);
        }
        Ok(self.changed(after, Some(evidence), at))
    }

    /// Enters a decision about one purpose. `None` if it was the last word on the purpose already, so that a repeated request
    /// changes nothing (cases D07, D11); each new yes is a proof of its own and is entered.
    ///
    /// A withdrawal or objection is entered even if nothing was ever given: it is a no to what may come.
    ///
    /// # Errors
    /// - [`ConsentError::NotAConsentPurpose`]: a purpose without a consent box cannot be asked for, granted or confirmed.
    /// - [`ConsentError::GuardianRequired`]: GRANTED or CONFIRMED below the age of consent on that day, or `GUARDIAN_APPROVED` by
    ///   anybody but a guardian (case D16).
    /// - [`ConsentError::SubjectActionRequired`]: CONFIRMED by anybody but the person, a consent by a guardian for somebody of age,
    ///   and GRANTED by anybody but the person after they took it back or objected (case D21).
    /// - [`ConsentError::NothingToConfirm`]: CONFIRMED without an open GRANTED.
    /// - [`ConsentError::NotRefusable`]: a no to what a contract or a law demands.
    /// - [`ConsentError::NotDue`]: EXPIRED or `REFRESH_REQUIRED` of a consent that still holds (cases D17, D18).
    /// - [`ConsentError::NotADecision`]: `LEGACY_ATTESTED`, for which there is [`Ledger::legacy`].
    pub fn decide(&self, decision: Decision, ages: &AgeRules) -> Result<Option<Changed<Self>>, ConsentError> {
        let Decision { id, purpose, action, actor, channel, text, wording_sha256, evidence, at } = decision;
        if self.is_said(purpose, action) {
            return Ok(None);
        }
        let event = ConsentEvent {
            text,
            wording_sha256,
            evidence: evidence.as_ref().map(|evidence| evidence.id),
            ..self.entry(id, purpose, action, actor, channel, at)
        };
        self.admit(&event, ages)?;
        let mut after = self.clone();
        after.append(event);
        Ok(Some(self.changed(after, evidence, at)))
    }

    /// Enters that records of former times claim a consent (case D19). It allows nothing; taking it back ends all marketing. Without
    /// a date or an address its grade is C. `None` if such a claim is entered already.
    pub fn legacy(&self, attestation: Attestation) -> Option<Changed<Self>> {
        let Attestation { id, dated, text, evidence, at } = attestation;
        if self.parts.events.iter().any(|event| event.action == ConsentAction::LegacyAttested) {
            return None;
        }
        let grade = match (dated, evidence.as_ref().and_then(|evidence| evidence.ip), text) {
            (Some(_), Some(_), Some(_)) => EvidenceGrade::A,
            (Some(_), Some(_), None) => EvidenceGrade::B,
            _ => EvidenceGrade::C,
        };
        let event = ConsentEvent {
            text,
            evidence: evidence.as_ref().map(|evidence| evidence.id),
            grade: Some(grade),
            // The claim keeps its date, even before other entries: it changes no verdict, so no past one either.
            at: dated.map_or(at, |dated| dated.min(at)),
            ..self.entry(id, Purpose::LegacyUnspecified, ConsentAction::LegacyAttested, ConsentActor::System, Channel::Web, at)
        };
        let mut after = self.clone();
        after.append(event);
        Some(self.changed(after, evidence, at))
    }

    /// The empty ledger of somebody who has just appeared, with what the form says of their age.
    pub fn of_somebody_new(person: PersonId, age_band: Option<AgeBand>) -> Self {
        let mut ledger = Self::new(person);
        ledger.parts.age_band = age_band;
        ledger
    }

    /// What a repository keeps and what it loaded beside.
    pub fn parts(&self) -> &LedgerParts {
        &self.parts
    }
    /// Whose it is.
    pub fn person(&self) -> PersonId {
        self.parts.person
    }
    /// The entries, in the order in which they were written.
    pub fn events(&self) -> &[ConsentEvent] {
        &self.parts.events
    }

    /// Whether the person needs a guardian to consent at a moment.
    pub fn below_age(&self, at: Instant, ages: &AgeRules) -> bool {
        ages.below_age(self.parts.birth_date, self.parts.age_band, &self.parts.country, ages.date_of(at))
    }

    /// An entry with nothing to it but what each one has.
    fn entry(&self, id: ConsentEventId, purpose: Purpose, action: ConsentAction, actor: ConsentActor, channel: Channel, at: Instant) -> ConsentEvent {
        ConsentEvent {
            id,
            purpose,
            purpose_version: ConsentEvent::PURPOSE_VERSION,
            action,
            form_version: None,
            text: None,
            wording_sha256: None,
            at: self.in_order(at),
            actor,
            channel,
            evidence: None,
            grade: None,
            supersedes: None,
        }
    }

    /// The moment, or just after the newest entry where that is later: clocks of several servers differ a little, and neither may an
    /// entry change what was permitted before it, nor may two change places.
    fn in_order(&self, at: Instant) -> Instant {
        let newest = self.parts.events.iter().map(|event| event.at).max();
        newest.filter(|newest| at < *newest).map_or(at, |newest| newest + TimeDelta::microseconds(1))
    }

    fn append(&mut self, event: ConsentEvent) {
        let supersedes = match event.action {
            ConsentAction::NoticeShown => None,
            _ => self.last_word(event.purpose).map(|last| last.id),
        };
        self.parts.events.push(ConsentEvent { supersedes, ..event });
    }

    /// The last entry about a purpose, other than that the person was told.
    fn last_word(&self, purpose: Purpose) -> Option<&ConsentEvent> {
        self.parts.events.iter().rev().find(|event| event.is_word_on(purpose))
    }

    /// Whether an action was the last word on its purpose, and stands. Each yes is a proof of its own, and so never said already.
    fn is_said(&self, purpose: Purpose, action: ConsentAction) -> bool {
        let yes = matches!(action, ConsentAction::NoticeShown | ConsentAction::Requested | ConsentAction::Granted | ConsentAction::GuardianApproved);
        // A no can reach further than its own purpose: what the person confirmed since then, it has to be said to again.
        let refuses = matches!(action, ConsentAction::Withdrawn | ConsentAction::Objected);
        let mut later = self.parts.events.iter().rev().take_while(|event| !refuses || !event.is_own_confirmation());
        !yes && later.find(|event| event.is_word_on(purpose)).is_some_and(|last| last.action == action)
    }

    /// Who may enter what.
    fn admit(&self, event: &ConsentEvent, ages: &AgeRules) -> Result<(), ConsentError> {
        let &ConsentEvent { purpose, action, actor, at, .. } = event;
        let is_child = self.below_age(at, ages);
        let state = || self.story(purpose, None, at).conclusion(is_child).0;
        match action {
            ConsentAction::NoticeShown => Ok(()),
            ConsentAction::LegacyAttested => Err(ConsentError::NotADecision(action)),
            ConsentAction::Refused | ConsentAction::Withdrawn | ConsentAction::Objected => {
                ensure(purpose.can_be_refused(), ConsentError::NotRefusable(purpose))
            }
            ConsentAction::Expired => ensure(state() == ConsentState::Expired, ConsentError::NotDue(action)),
            ConsentAction::RefreshRequired => ensure(state() == ConsentState::RefreshRequired, ConsentError::NotDue(action)),
            ConsentAction::Requested => ensure(purpose.can_be_granted(), ConsentError::NotAConsentPurpose(purpose)),
            ConsentAction::GuardianApproved => {
                ensure(purpose.needs_guardian(), ConsentError::NotAConsentPurpose(purpose))?;
                ensure(is_child, ConsentError::SubjectActionRequired)?;
                ensure(actor == ConsentActor::Guardian, ConsentError::GuardianRequired)
            }
            ConsentAction::Granted => {
                ensure(purpose.can_be_granted(), ConsentError::NotAConsentPurpose(purpose))?;
                ensure(!is_child, ConsentError::GuardianRequired)?;
                let may = match actor {
                    ConsentActor::Subject => true,
                    ConsentActor::Guardian => false,
                    ConsentActor::Operator | ConsentActor::System => !self.is_refused(purpose, at),
                };
                ensure(may, ConsentError::SubjectActionRequired)
            }
            ConsentAction::Confirmed => {
                ensure(purpose.can_be_granted(), ConsentError::NotAConsentPurpose(purpose))?;
                ensure(!is_child, ConsentError::GuardianRequired)?;
                ensure(actor == ConsentActor::Subject, ConsentError::SubjectActionRequired)?;
                ensure(self.story(purpose, None, at).awaits_confirmation(), ConsentError::NothingToConfirm)
            }
        }
    }

    fn changed(&self, after: Self, evidence: Option<Evidence>, at: Instant) -> Changed<Self> {
        let fact = ConsentFact { events: after.parts.events[self.parts.events.len()..].to_vec(), evidence };
        Changed::of(self, after, fact, at)
    }
}

fn ensure(holds: bool, or: ConsentError) -> Result<(), ConsentError> {
    if holds { Ok(()) } else { Err(or) }
}

impl Aggregate for Ledger {
    type Fact = ConsentFact;
    fn noun(&self) -> Noun {
        Noun { context: "privacy", one: "consent", many: "consent_events" }
    }
    fn id(&self) -> Uuid {
        self.parts.person.as_uuid()
    }
    /// The number of its entries.
    fn version(&self) -> u32 {
        u32::try_from(self.parts.events.len()).unwrap_or(u32::MAX)
    }
    /// Nothing: the entries are the version.
    fn mark(&mut self, _: u32, _: Instant) {}
    fn subject(&self) -> Option<PersonId> {
        Some(self.parts.person)
    }
    /// The last action of each purpose, under the purpose's code.
    fn fields(&self) -> Fields {
        let last = |purpose: &Purpose| self.parts.events.iter().rev().find(|event| event.purpose == *purpose);
        Purpose::ALL.iter().map(|purpose| (purpose.as_str().to_owned(), last(purpose).map_or(Value::Null, |event| event.action.value()))).collect()
    }
}

/// Entries were added to a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentFact {
    /// The entries, which a repository appends.
    pub events: Vec<ConsentEvent>,
    /// Their circumstances, which a repository seals.
    pub evidence: Option<Evidence>,
}

impl Fact for ConsentFact {
    /// What the last entry says.
    fn verb(&self) -> &'static str {
        self.events.last().map_or("recorded", |event| event.action.verb())
    }
    fn data(&self) -> Fields {
        let events = self.events.iter().map(|event| {
            Value::Map(vec![
                ("id".to_owned(), event.id.value()),
                ("purpose".to_owned(), event.purpose.value()),
                ("action".to_owned(), event.action.value()),
                ("channel".to_owned(), event.channel.value()),
            ])
        });
        vec![("events".to_owned(), Value::List(events.collect()))]
    }
}
