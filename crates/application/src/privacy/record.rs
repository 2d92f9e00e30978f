use matricula_domain::people::{PersonId, Standing};
use matricula_domain::privacy::{Channel, ConsentAction, ConsentActor, ConsentState, ConsentTextId, Decision, Purpose};
use matricula_domain::shared::{Fault, Faults};
use matricula_ports::transact;

use super::{Privacy, PrivacyError};
use crate::Circumstances;
use crate::access::{Allowed, RecordConsents};

matricula_domain::form! {
    /// What somebody decided, as staff record it.
    pub struct Decide {
        /// What it is about.
        purpose: Purpose,
        /// What was decided.
        action: ConsentAction,
        /// By which way they said so.
        channel: Channel,
        /// The text that they were shown.
        text_id: Option<ConsentTextId>,
    }
}

/// What the ledger says after a decision.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Of what.
    pub purpose: Purpose,
    /// What it says.
    pub state: ConsentState,
    /// Whether an entry was added; a repeated no adds none.
    pub added: bool,
}

impl Privacy {
    /// Records what a person decided, told to staff.
    ///
    /// # Errors
    /// [`PrivacyError`].
    pub async fn record(
        &self,
        who: &Allowed<RecordConsents>,
        person: PersonId,
        decide: &Decide,
        how: &Circumstances,
    ) -> Result<Recorded, PrivacyError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let now = self.world.now();
            let ledger = tx.consents().ledger(person).await?.ok_or(PrivacyError::NotFound)?;
            // A withdrawal or objection is taken whatever the person's standing is; nothing else is.
            let no = matches!(decide.action, ConsentAction::Withdrawn | ConsentAction::Objected | ConsentAction::Refused);
            if ledger.parts().standing != Standing::Active && !no {
                return Err(PrivacyError::Restricted);
            }
            let wording = match decide.text_id {
                Some(id) => {
                    let text = tx.consent_texts().find(&[id]).await?.pop();
                    let text = text.filter(|text| text.purpose().is_none_or(|purpose| purpose == decide.purpose));
                    let text = text.ok_or_else(|| Faults::from(Fault::new("NOT_FOUND", "names no text for this purpose").under("text_id")))?;
                    Some(text.sha256().to_owned())
                }
                None => None,
            };
            let decision = Decision {
                id: self.world.id(),
                purpose: decide.purpose,
                action: decide.action,
                actor: ConsentActor::Operator,
                channel: decide.channel,
                text: decide.text_id,
                wording_sha256: wording,
                evidence: Some(how.evidence(self.world.id())),
                at: now,
            };
            let ages = tx.consents().age_rules().await?;
            let decided = ledger.decide(decision, &ages)?;
            let added = decided.is_some();
            let state = match decided {
                Some(decided) => {
                    tx.consents().append(&decided).await?;
                    decided.into_state()
                }
                None => ledger,
            };
            Ok(Recorded { purpose: decide.purpose, state: state.state(decide.purpose, now), added })
        })
        .await
    }
}
