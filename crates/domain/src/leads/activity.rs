use super::LeadId;
use crate::identity::UserId;
use crate::people::PersonId;
use crate::shared::{Fault, Instant, Line, Prose};

crate::id!(
    /// Something that was done about a lead.
    ActivityId
);

crate::choice! {
    /// What was done about a lead.
    pub enum ActivityKind {
        /// Something to remember.
        Note = "note",
        /// A call.
        Call = "call",
        /// An e-mail.
        Email = "email",
        /// A short message.
        Message = "message",
        /// A visit.
        Meeting = "meeting",
    }
}

impl ActivityKind {
    /// Whether somebody tried to reach the person.
    pub fn is_contact(self) -> bool {
        self != Self::Note
    }
}

crate::choice! {
    /// What came of a call.
    pub enum CallOutcome {
        /// They spoke.
        Reached = "reached",
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// The line was busy.
        Busy = "busy",
        /// A machine answered.
        Voicemail = "voicemail",
        /// The number is somebody else's, or nobody's.
        WrongNumber = "wrong_number",
    }
}

crate::form! {
    /// What was done about a lead, and what is to be done next.
    pub struct NewActivity {
        /// What was done.
        kind: ActivityKind,
        /// What came of a call.
        outcome: Option<CallOutcome>,
        /// What there is to say of it.
        text: Option<Prose<5000>>,
        /// What is to be done next; what was to be done is done, if it is left out.
        next_action: Option<Line<200>>,
        /// When.
        next_action_at: Option<Instant>,
    }
    check |this, faults| {
        let mut need = |wanted: bool, field: &str, detail: &'static str| {
            if wanted {
                faults.add(Fault::new("REQUIRED", detail).under(field));
            }
        };
        need(this.kind == ActivityKind::Call && this.outcome.is_none(), "outcome", "a call says what came of it");
        need(this.kind == ActivityKind::Note && this.text.is_none(), "text", "a note says something");
        need(this.next_action.is_some() && this.next_action_at.is_none(), "next_action_at", "what is to be done has its time");
        if this.kind != ActivityKind::Call && this.outcome.is_some() {
            faults.add(Fault::new("NOT_ALLOWED", "only a call has an outcome").under("outcome"));
        }
    }
}

/// Something that was done about a lead. It stays as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Id.
    pub id: ActivityId,
    /// The lead.
    pub lead: LeadId,
    /// Whose lead.
    pub person: PersonId,
    /// What was done.
    pub kind: ActivityKind,
    /// What came of a call.
    pub outcome: Option<CallOutcome>,
    /// What there is to say of it.
    pub text: Option<Prose<5000>>,
    /// Who did it; a program, if nobody.
    pub by: Option<UserId>,
    /// When.
    pub at: Instant,
}
