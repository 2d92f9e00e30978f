use uuid::Uuid;

use super::{Activity, ActivityId, Capture, FIRST_RESPONSE, FOLLOW_UP, FormVersionId, LeadError, NewActivity, Touch, TouchId, WorkingHours};
use crate::catalog::{CourseId, CourseRunId};
use crate::identity::UserId;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Id, Instant, Line, Noun, Prose, RecordId, Value};

crate::id!(
    /// A lead.
    LeadId
);

crate::choice! {
    /// Where a lead stands (`product.md`, disagreement 7).
    pub enum LeadStatus {
        /// Nobody has spoken with them yet.
        New = "new",
        /// Somebody has.
        Contacted = "contacted",
        /// They mean it and could come.
        Qualified = "qualified",
        /// They have a place. Final.
        Converted = "converted",
        /// It came to nothing; the reason is known.
        Rejected = "rejected",
        /// It was never meant.
        Spam = "spam",
    }
}

impl LeadStatus {
    /// Whether there is still work in it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Contacted | Self::Qualified)
    }

    /// Where a transition can go from here. `converted` is not among them: it needs an enrollment, see [`Lead::convert`].
    pub fn possible(self) -> &'static [Self] {
        match self {
            Self::New => &[Self::Contacted, Self::Rejected, Self::Spam],
            Self::Contacted => &[Self::Qualified, Self::Rejected, Self::Spam],
            Self::Qualified => &[Self::Rejected, Self::Spam],
            Self::Converted => &[],
            Self::Rejected | Self::Spam => &[Self::New],
        }
    }
}

/// What a lead is about, as it was found by the words of the form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeadTargets {
    /// The course.
    pub course: Option<CourseId>,
    /// The run.
    pub course_run: Option<CourseRunId>,
    /// The campaign.
    pub campaign: Option<RecordId>,
    /// The version of the form that was shown.
    pub form_version: Option<FormVersionId>,
}

crate::form! {
    /// What of a lead can be changed by hand.
    pub struct LeadChange {
        /// The course of interest.
        course_id: Option<CourseId>,
        /// The run of interest.
        course_run_id: Option<CourseRunId>,
        /// The campaign.
        campaign_id: Option<RecordId>,
        /// What they write.
        message: Option<Prose<5000>>,
        /// Where the lead comes from.
        source: Option<Line<100>>,
        /// What those who work on it note for each other.
        internal_notes: Option<Prose<5000>>,
        /// What is to be done next.
        next_action: Option<Line<200>>,
        /// When.
        next_action_at: Option<Instant>,
    }
    check |this, faults| {
        if this.next_action.is_some() && this.next_action_at.is_none() {
            faults.add(Fault::new("REQUIRED", "what is to be done has its time").under("next_action_at"));
        }
    }
}

/// One person's interest in one course, moving through its lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    parts: LeadParts,
}

/// What a repository keeps of a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadParts {
    /// Id.
    pub id: LeadId,
    /// Whose interest.
    pub person: PersonId,
    /// What can be changed by hand.
    pub details: LeadChange,
    /// The version of the form that was shown.
    pub form_version: Option<FormVersionId>,
    /// Where it stands.
    pub status: LeadStatus,
    /// Why, where a reason was given.
    pub status_reason: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// When notice and attestation were given. It never changes (`privacy.md`, «Mapping seed 0»).
    pub attested_at: Instant,
    /// Who works on it.
    pub assigned_to: Option<UserId>,
    /// Until when somebody should answer.
    pub response_due_at: Option<Instant>,
    /// Since when somebody has tried to.
    pub responded_at: Option<Instant>,
    /// Since when it is known that they mean it and could come.
    pub qualified_at: Option<Instant>,
    /// The place it became.
    pub enrollment: Option<Uuid>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl Lead {
    /// A lead arrives. The [`Capture`] is proof that notice and attestation were given.
    pub fn capture(id: LeadId, person: PersonId, capture: &Capture, targets: LeadTargets, hours: &WorkingHours, now: Instant) -> Changed<Self> {
        let parts = LeadParts {
            id,
            person,
            details: LeadChange {
                course_id: targets.course,
                course_run_id: targets.course_run,
                campaign_id: targets.campaign,
                message: capture.message.clone(),
                source: capture.source.clone(),
                internal_notes: None,
                next_action: None,
                next_action_at: None,
            },
            form_version: targets.form_version,
            status: LeadStatus::New,
            status_reason: None,
            locale: capture.locale.as_ref().map(ToString::to_string),
            attested_at: now,
            assigned_to: None,
            response_due_at: Some(hours.after(now, FIRST_RESPONSE)),
            responded_at: None,
            qualified_at: None,
            enrollment: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        let touch = Touch::of(Touch::first_id(id), id, person, capture, targets.campaign, now);
        Changed::created(Self { parts }, LeadFact::Captured(Box::new(touch)), now)
    }

    /// The same person asks again for the same: one more touch, the same lead. What had come to nothing is open again, and somebody is to
    /// answer anew.
    pub fn touch(&self, id: TouchId, capture: &Capture, campaign: Option<RecordId>, hours: &WorkingHours, now: Instant) -> Changed<Self> {
        let touch = Box::new(Touch::of(id, self.parts.id, self.parts.person, capture, campaign, now));
        let is_open = self.parts.status.is_open();
        let fact = if is_open { LeadFact::Touched(touch) } else { LeadFact::AskedAgain(touch) };
        self.with(fact, now, |parts| {
            if !is_open {
                parts.status = LeadStatus::New;
                parts.status_reason = None;
            }
            parts.response_due_at = Some(hours.after(now, FIRST_RESPONSE));
            parts.responded_at = None;
        })
    }

    /// Notes what was done about it, and what is to be done next.
    pub fn log(&self, id: ActivityId, new: NewActivity, by: Option<UserId>, now: Instant) -> Changed<Self> {
        let NewActivity { kind, outcome, text, next_action, next_action_at } = new;
        let activity = Activity { id, lead: self.parts.id, person: self.parts.person, kind, outcome, text, by, at: now };
        self.with(LeadFact::ActivityLogged(Box::new(activity)), now, |parts| {
            if kind.is_contact() {
                parts.responded_at = parts.responded_at.or(Some(now));
            }
            if kind.is_contact() || next_action_at.is_some() {
                (parts.details.next_action, parts.details.next_action_at) = (next_action, next_action_at);
            }
        })
    }

    /// When something is to be done about it: what was planned, or an answer, or, some days after the last thing that was done, to plan
    /// something. Nothing is to be done about what is closed.
    pub fn due_at(&self) -> Option<Instant> {
        let parts = &self.parts;
        let planned = parts.details.next_action_at;
        let due = match parts.responded_at {
            None => parts.response_due_at.into_iter().chain(planned).min(),
            Some(_) => planned.or(Some(parts.updated_at + FOLLOW_UP)),
        };
        due.filter(|_| parts.status.is_open())
    }

    /// Moves the lead.
    ///
    /// # Errors
    /// [`LeadError::InvalidTransition`] where there is no such way, [`LeadError::ReasonRequired`] for a rejection without a reason.
    pub fn transition(&self, to: LeadStatus, reason: Option<&Line<300>>, now: Instant) -> Result<Changed<Self>, LeadError> {
        self.allow(to, self.parts.status.possible())?;
        if to == LeadStatus::Rejected && reason.is_none() {
            return Err(LeadError::ReasonRequired);
        }
        Ok(self.with(LeadFact::Moved { from: self.parts.status, to }, now, |parts| {
            parts.status = to;
            parts.status_reason = reason.map(ToString::to_string);
            if to != LeadStatus::New {
                parts.responded_at = parts.responded_at.or(Some(now));
            }
            if to == LeadStatus::Qualified {
                parts.qualified_at = parts.qualified_at.or(Some(now));
            }
        }))
    }

    /// The lead becomes a place. Possible from every open state; the enrollment is saved with it or neither is.
    ///
    /// # Errors
    /// [`LeadError::InvalidTransition`] if it is not open.
    pub fn convert(&self, enrollment: Uuid, now: Instant) -> Result<Changed<Self>, LeadError> {
        let from = self.parts.status;
        if !from.is_open() {
            let possible = from.possible().iter().map(|status| status.as_str()).collect();
            return Err(LeadError::InvalidTransition { from, to: LeadStatus::Converted, possible });
        }
        Ok(self.with(LeadFact::Moved { from, to: LeadStatus::Converted }, now, |parts| {
            parts.status = LeadStatus::Converted;
            parts.status_reason = None;
            parts.responded_at = parts.responded_at.or(Some(now));
            parts.qualified_at = parts.qualified_at.or(Some(now));
            parts.enrollment = Some(enrollment);
        }))
    }

    /// Says who works on it.
    pub fn assign(&self, to: Option<UserId>, now: Instant) -> Changed<Self> {
        self.with(LeadFact::Assigned { to }, now, |parts| parts.assigned_to = to)
    }

    /// Changes what can be changed by hand.
    ///
    /// # Errors
    /// Every fault of the patch.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let details = LeadChange::read(&Value::Map(self.parts.details.fields()).merged(patch))?;
        Ok(self.with(LeadFact::Changed, now, |parts| parts.details = details))
    }

    fn allow(&self, to: LeadStatus, possible: &[LeadStatus]) -> Result<(), LeadError> {
        if possible.contains(&to) {
            return Ok(());
        }
        let possible = possible.iter().map(|status| status.as_str()).collect();
        Err(LeadError::InvalidTransition { from: self.parts.status, to, possible })
    }

    /// Its id.
    pub fn id(&self) -> LeadId {
        self.parts.id
    }
    /// Whose interest.
    pub fn person(&self) -> PersonId {
        self.parts.person
    }
    /// Where it stands.
    pub fn status(&self) -> LeadStatus {
        self.parts.status
    }
}

crate::shared::kept_as!(Lead, LeadParts, LeadFact);

impl Aggregate for Lead {
    type Fact = LeadFact;
    fn noun(&self) -> Noun {
        Noun { context: "leads", one: "lead", many: "leads" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.parts.version = version;
        self.parts.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        Some(self.parts.person)
    }
    fn fields(&self) -> Fields {
        let parts = &self.parts;
        let mut fields = parts.details.fields();
        fields.push(("status".to_owned(), parts.status.as_str().into()));
        fields.push(("status_reason".to_owned(), parts.status_reason.as_deref().map_or(Value::Null, Value::from)));
        fields.push(("locale".to_owned(), parts.locale.as_deref().map_or(Value::Null, Value::from)));
        fields.push(("attested_at".to_owned(), Value::Instant(parts.attested_at)));
        fields.push(("assigned_to".to_owned(), parts.assigned_to.map_or(Value::Null, |user| Value::Id(user.as_uuid()))));
        fields.push(("response_due_at".to_owned(), parts.response_due_at.map_or(Value::Null, Value::Instant)));
        fields.push(("responded_at".to_owned(), parts.responded_at.map_or(Value::Null, Value::Instant)));
        fields.push(("qualified_at".to_owned(), parts.qualified_at.map_or(Value::Null, Value::Instant)));
        fields.push(("enrollment_id".to_owned(), parts.enrollment.map_or(Value::Null, Value::Id)));
        fields
    }
}

/// What can happen to a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadFact {
    /// It arrived.
    Captured(Box<Touch>),
    /// Its person asked again.
    Touched(Box<Touch>),
    /// Its person asked again after it had come to nothing.
    AskedAgain(Box<Touch>),
    /// Something was done about it.
    ActivityLogged(Box<Activity>),
    /// It went from one state to another.
    Moved {
        /// Where it was.
        from: LeadStatus,
        /// Where it is.
        to: LeadStatus,
    },
    /// Somebody took it or gave it away.
    Assigned {
        /// To whom.
        to: Option<UserId>,
    },
    /// Details changed.
    Changed,
}

impl LeadFact {
    /// The touch that came with it.
    pub fn touch(&self) -> Option<&Touch> {
        match self {
            Self::Captured(touch) | Self::Touched(touch) | Self::AskedAgain(touch) => Some(touch),
            _ => None,
        }
    }

    /// What was done about it.
    pub fn activity(&self) -> Option<&Activity> {
        if let Self::ActivityLogged(activity) = self { Some(activity) } else { None }
    }
}

impl Fact for LeadFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Captured(_) => "captured",
            Self::Touched(_) => "touched",
            Self::AskedAgain(_) | Self::Moved { to: LeadStatus::New, .. } => "reopened",
            Self::ActivityLogged(_) => "activity_logged",
            Self::Moved { to, .. } => to.as_str(),
            Self::Assigned { .. } => "assigned",
            Self::Changed => "changed",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Captured(touch) | Self::Touched(touch) | Self::AskedAgain(touch) => {
                vec![("campaign_id".to_owned(), touch.campaign.map_or(Value::Null, |id| Value::Id(id.as_uuid())))]
            }
            Self::Moved { from, to } => vec![("from".to_owned(), from.as_str().into()), ("to".to_owned(), to.as_str().into())],
            Self::Assigned { to } => vec![("assigned_to".to_owned(), to.map_or(Value::Null, |user| Value::Id(user.as_uuid())))],
            Self::ActivityLogged(activity) => vec![
                ("activity_id".to_owned(), Value::Id(activity.id.as_uuid())),
                ("kind".to_owned(), activity.kind.value()),
                ("outcome".to_owned(), activity.outcome.value()),
            ],
            Self::Changed => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    fn capture() -> Capture {
        Capture::read(&Value::Map(vec![
            ("name".into(), "Lucía".into()),
            ("phone".into(), "600111222".into()),
            ("gdpr_consent".into(), Value::Bool(true)),
            ("privacy_policy_accepted".into(), Value::Bool(true)),
        ]))
        .unwrap()
    }

    fn lead(status: LeadStatus) -> Lead {
        let mut lead = Lead::capture(
            LeadId::from_uuid(Uuid::from_u128(1)),
            PersonId::from_uuid(Uuid::from_u128(2)),
            &capture(),
            LeadTargets::default(),
            &WorkingHours::default(),
            now(),
        )
        .into_state();
        lead.parts.status = status;
        lead
    }

    fn reason() -> Line<300> {
        Line::parse("too far away").unwrap()
    }

    #[test]
    fn the_lifecycle_has_exactly_these_ways() {
        use LeadStatus::{Contacted, Converted, New, Qualified, Rejected, Spam};
        let ways = [
            (New, Contacted),
            (New, Rejected),
            (New, Spam),
            (Contacted, Qualified),
            (Contacted, Rejected),
            (Contacted, Spam),
            (Qualified, Rejected),
            (Qualified, Spam),
            (Rejected, New),
            (Spam, New),
        ];
        for from in LeadStatus::ALL {
            for to in LeadStatus::ALL {
                let answer = lead(*from).transition(*to, Some(&reason()), now());
                assert_eq!(answer.is_ok(), ways.contains(&(*from, *to)), "{from} to {to}");
            }
            assert_eq!(lead(*from).convert(Uuid::from_u128(9), now()).is_ok(), matches!(from, New | Contacted | Qualified), "{from} to {Converted}");
        }
    }

    #[test]
    fn an_impossible_way_tells_the_possible_ones() {
        let Err(LeadError::InvalidTransition { possible, .. }) = lead(LeadStatus::New).transition(LeadStatus::Qualified, None, now()) else {
            panic!()
        };
        assert_eq!(possible, ["contacted", "rejected", "spam"]);
    }

    #[test]
    fn a_change_tells_the_fields_and_counts_the_version() {
        let changed = lead(LeadStatus::New).transition(LeadStatus::Contacted, None, now()).unwrap();
        assert_eq!(changed.changes().iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["status", "responded_at"]);
        assert_eq!((changed.state().version(), changed.fact().verb()), (2, "contacted"));
    }

    #[test]
    fn asking_again_adds_a_touch_and_moves_nothing() {
        let first = lead(LeadStatus::Contacted);
        let again = first.touch(TouchId::from_uuid(Uuid::from_u128(5)), &capture(), None, &WorkingHours::default(), now());
        assert_eq!(again.state().status(), LeadStatus::Contacted);
        assert!(again.fact().touch().is_some() && again.changes().is_empty());
    }

    #[test]
    fn asking_again_about_what_came_to_nothing_opens_it_and_somebody_is_to_answer_anew() {
        let rejected = lead(LeadStatus::Contacted).transition(LeadStatus::Rejected, Some(&reason()), now()).unwrap().into_state();
        assert_eq!(rejected.due_at(), None);
        let later = now() + chrono::TimeDelta::days(30);
        let again = rejected.touch(TouchId::from_uuid(Uuid::from_u128(5)), &capture(), None, &WorkingHours::default(), later);
        assert_eq!((again.fact().verb(), again.state().status(), again.state().parts().responded_at), ("reopened", LeadStatus::New, None));
        assert_eq!(again.state().due_at(), Some(WorkingHours::default().after(later, FIRST_RESPONSE)));
        assert!(again.fact().touch().is_some() && again.state().parts().status_reason.is_none());
    }

    #[test]
    fn what_is_due_is_an_answer_then_what_was_planned_then_to_plan_something() {
        let activity = |kind: &str, planned: Option<Instant>| {
            let mut fields = vec![("kind".to_owned(), kind.into()), ("text".to_owned(), "…".into())];
            fields.extend(planned.map(|at| ("next_action_at".to_owned(), Value::Instant(at))));
            NewActivity::read(&Value::Map(fields)).unwrap()
        };
        let log = |lead: &Lead, new: NewActivity| lead.log(ActivityId::from_uuid(Uuid::from_u128(6)), new, None, now()).into_state();
        let (fresh, hour) = (lead(LeadStatus::New), chrono::TimeDelta::hours(1));
        let answer = WorkingHours::default().after(now(), FIRST_RESPONSE);
        assert_eq!(fresh.due_at(), Some(answer));
        let noted = log(&fresh, activity("note", None));
        assert_eq!((noted.due_at(), noted.parts().responded_at), (Some(answer), None), "a note is no answer");
        let planned = log(&noted, activity("note", Some(now() + hour)));
        assert_eq!(planned.due_at(), Some(now() + hour));
        let called = log(&planned, activity("email", None));
        assert_eq!((called.due_at(), called.parts().responded_at), (Some(now() + FOLLOW_UP), Some(now())), "what was planned is done");
        let again = log(&called, activity("meeting", Some(now() + hour)));
        assert_eq!(again.due_at(), Some(now() + hour));
        assert_eq!(again.convert(Uuid::from_u128(3), now()).unwrap().into_state().due_at(), None);
    }

    proptest! {
        #[test]
        fn however_it_moves_a_converted_lead_has_its_enrollment_and_stays(steps in proptest::collection::vec(0_usize..7, 0..30)) {
            let mut current = lead(LeadStatus::New);
            for step in steps {
                let before = current.status();
                let next = match LeadStatus::ALL.get(step) {
                    Some(to) => current.transition(*to, Some(&reason()), now()),
                    None => current.convert(Uuid::from_u128(7), now()),
                };
                if let Ok(changed) = next { current = changed.into_state(); }
                prop_assert!(before != LeadStatus::Converted || current.status() == LeadStatus::Converted);
                prop_assert_eq!(current.status() == LeadStatus::Converted, current.parts().enrollment.is_some());
                prop_assert!(current.status() != LeadStatus::Rejected || current.parts().status_reason.is_some());
            }
        }
    }
}
