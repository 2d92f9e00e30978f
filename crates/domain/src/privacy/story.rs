use super::{Channel, ConsentAction, ConsentEvent, ConsentState, Ledger, Purpose};
use crate::shared::Instant;

/// What the entries up to a moment say of one purpose: the fold of which states and permissions are made (`privacy.md` §1, rule 1).
pub(super) struct Story<'l> {
    ledger: &'l Ledger,
    purpose: Purpose,
    at: Instant,
    /// What made the consent valid: the confirmation where one is needed, else the yes; or a guardian's.
    agreed: Option<&'l ConsentEvent>,
    /// The yes to which that belongs: it was said to the text of its time.
    worded: Option<&'l ConsentEvent>,
    /// A yes that was not confirmed.
    open: Option<&'l ConsentEvent>,
    /// Without a consent, what was last said instead: REQUESTED, REFUSED, EXPIRED or `REFRESH_REQUIRED`.
    instead: Option<(ConsentState, &'l ConsentEvent)>,
    /// Withdrawals and objections that the person did not lift.
    refusals: Vec<&'l ConsentEvent>,
}

impl Ledger {
    /// What the entries up to a moment say of a purpose, by a channel or by any.
    pub(super) fn story(&self, purpose: Purpose, channel: Option<Channel>, at: Instant) -> Story<'_> {
        let mut story = Story { ledger: self, purpose, at, agreed: None, worded: None, open: None, instead: None, refusals: Vec::new() };
        for event in self.events().iter().filter(|event| event.at <= at) {
            story.tell(event, channel);
        }
        story
    }
}

impl<'l> Story<'l> {
    fn tell(&mut self, event: &'l ConsentEvent, channel: Option<Channel>) {
        if event.is_own_confirmation() {
            let purpose = self.purpose;
            self.refusals.retain(|refusal| event.purpose != purpose && event.purpose != refusal.purpose);
        }
        let refuses = matches!(event.action, ConsentAction::Withdrawn | ConsentAction::Objected);
        if refuses && self.is_reached_by(event, channel) {
            self.forget();
            self.refusals.push(event);
        }
        if event.purpose != self.purpose {
            return;
        }
        match event.action {
            ConsentAction::Granted => {
                self.open = Some(event);
                if !self.purpose.needs_double_opt_in() {
                    self.agree(event, event);
                }
            }
            ConsentAction::Confirmed => {
                let worded = self.open.take().unwrap_or(event);
                self.agree(event, worded);
            }
            // A guardian's yes to a contract is no consent: the contract stays the basis.
            ConsentAction::GuardianApproved if self.purpose.can_be_granted() => {
                self.open = None;
                self.agree(event, event);
            }
            ConsentAction::Requested => self.instead = Some((ConsentState::Requested, event)),
            ConsentAction::Refused => {
                self.forget();
                self.instead = Some((ConsentState::Refused, event));
            }
            ConsentAction::Expired => self.end(ConsentState::Expired, event),
            ConsentAction::RefreshRequired => self.end(ConsentState::RefreshRequired, event),
            ConsentAction::NoticeShown
            | ConsentAction::GuardianApproved
            | ConsentAction::LegacyAttested
            | ConsentAction::Withdrawn
            | ConsentAction::Objected => {}
        }
    }

    fn agree(&mut self, agreed: &'l ConsentEvent, worded: &'l ConsentEvent) {
        self.agreed = Some(agreed);
        self.worded = Some(worded);
        self.instead = None;
    }

    fn end(&mut self, state: ConsentState, event: &'l ConsentEvent) {
        self.agreed = None;
        self.instead = Some((state, event));
    }

    fn forget(&mut self) {
        self.agreed = None;
        self.open = None;
        self.instead = None;
    }

    /// Whether a withdrawal or objection is about this purpose. What is taken back without saying what is all marketing (case D19);
    /// a no to advertising by a channel is one for customers too (LSSI art. 22.1); an objection to marketing covers the profiling
    /// that serves it (GDPR art. 21(2)).
    fn is_reached_by(&self, refusal: &ConsentEvent, channel: Option<Channel>) -> bool {
        let refused = refusal.purpose;
        refused == self.purpose
            || (refused == Purpose::LegacyUnspecified && self.purpose.is_marketing())
            || (self.purpose == Purpose::CustomerSimilar && channel.and_then(Channel::marketing) == Some(refused))
            || (refusal.action == ConsentAction::Objected && refused.is_marketing() && self.purpose.is_profiling())
    }

    /// Whether a yes waits for its confirmation.
    pub(super) fn awaits_confirmation(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a withdrawal or an objection stands.
    pub(super) fn is_refused(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// The newest withdrawal, or objection, that stands.
    pub(super) fn refusal(&self, action: ConsentAction) -> Option<&'l ConsentEvent> {
        self.refusals.iter().rev().find(|refusal| refusal.action == action).copied()
    }

    /// How it stands with the consent, and the entry that made it so. A guardian's consent holds for a child alone: from the birthday
    /// on the person has to be asked (`privacy.md` §1, rule 6).
    pub(super) fn conclusion(&self, is_child: bool) -> (ConsentState, Option<&'l ConsentEvent>) {
        if let Some(objection) = self.refusal(ConsentAction::Objected) {
            return (ConsentState::Objected, Some(objection));
        }
        if let Some(withdrawal) = self.refusal(ConsentAction::Withdrawn) {
            return (ConsentState::Withdrawn, Some(withdrawal));
        }
        let (state, event) = match (self.agreed, self.instead) {
            (Some(agreed), _) => (self.held(agreed, is_child), Some(agreed)),
            (None, Some((state, event))) => (state, Some(event)),
            (None, None) => (ConsentState::None, None),
        };
        // A new yes to what holds already takes nothing away; to anything else it waits.
        if self.purpose.needs_double_opt_in() && self.open.is_some() && state != ConsentState::Granted {
            return (ConsentState::Pending, self.open);
        }
        (state, event)
    }

    /// Whether a consent that was given still holds.
    fn held(&self, agreed: &ConsentEvent, is_child: bool) -> ConsentState {
        let ends = self.purpose.max_age().and_then(|age| agreed.at.checked_add_months(age));
        if ends.is_some_and(|ends| ends <= self.at) {
            return ConsentState::Expired;
        }
        let said = self.worded.map_or(agreed.at, |worded| worded.at);
        let texts = &self.ledger.parts().material_texts;
        let outdated = texts.iter().any(|(purpose, from)| *purpose == self.purpose && said < *from && *from <= self.at);
        let lapsed = agreed.action == ConsentAction::GuardianApproved && !is_child;
        if outdated || lapsed { ConsentState::RefreshRequired } else { ConsentState::Granted }
    }
}
