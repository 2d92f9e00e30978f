use super::{Capture, ClickIds, LeadId, Utm};
use crate::people::PersonId;
use crate::shared::{Id, Instant, RecordId};

crate::id!(
    /// One arrival of a person.
    TouchId
);

/// One arrival: the click, the campaign and the words that brought a person here. A lead has one for each time that its person asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Id.
    pub id: TouchId,
    /// The lead.
    pub lead: LeadId,
    /// The person.
    pub person: PersonId,
    /// The campaign.
    pub campaign: Option<RecordId>,
    /// When.
    pub at: Instant,
    /// Where from.
    pub source: Option<String>,
    /// UTM parameters.
    pub utm: Option<Utm>,
    /// Click ids.
    pub click_ids: Option<ClickIds>,
    /// What they wrote this time.
    pub message: Option<String>,
}

impl Touch {
    pub(super) fn of(id: TouchId, lead: LeadId, person: PersonId, capture: &Capture, campaign: Option<RecordId>, at: Instant) -> Self {
        Self {
            id,
            lead,
            person,
            campaign,
            at,
            source: capture.source.as_ref().map(ToString::to_string),
            utm: capture.utm.clone(),
            click_ids: capture.click_ids.clone(),
            message: capture.message.as_ref().map(|message| message.as_str().to_owned()),
        }
    }

    /// The first touch of a lead shares the lead's id: it needs no randomness of its own, and one lead has one first touch.
    pub(super) fn first_id(lead: LeadId) -> TouchId {
        TouchId::from_uuid(lead.as_uuid())
    }
}
