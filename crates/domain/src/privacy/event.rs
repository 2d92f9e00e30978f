use std::net::IpAddr;

use uuid::Uuid;

use super::{Channel, ConsentTextId, Purpose};
use crate::shared::{Fault, Fields, Instant, Value};

crate::id!(
    /// An entry of the ledger.
    ConsentEventId,
    /// The circumstances of an entry.
    EvidenceId,
);

crate::choice! {
    /// What an entry of the ledger says.
    pub enum ConsentAction {
        /// The person was told (GDPR art. 13).
        NoticeShown = "NOTICE_SHOWN",
        /// A child agreed, which waits for a guardian.
        Requested = "REQUESTED",
        /// The person agreed.
        Granted = "GRANTED",
        /// The owner of the address confirmed that it was they who agreed.
        Confirmed = "CONFIRMED",
        /// The person was asked and said no.
        Refused = "REFUSED",
        /// The person took a consent back (GDPR art. 7(3)).
        Withdrawn = "WITHDRAWN",
        /// The person objected (GDPR art. 21).
        Objected = "OBJECTED",
        /// The consent is over its age.
        Expired = "EXPIRED",
        /// The consent is to a text that holds no more, or a guardian's who has no say any more.
        RefreshRequired = "REFRESH_REQUIRED",
        /// A guardian agreed for a child (GDPR art. 8).
        GuardianApproved = "GUARDIAN_APPROVED",
        /// Records of former times claim a consent (case D19).
        LegacyAttested = "LEGACY_ATTESTED",
    }
}

impl ConsentAction {
    /// What happened, as a fact's verb.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::NoticeShown => "noticed",
            Self::Requested => "requested",
            Self::Granted => "granted",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Objected => "objected",
            Self::Expired => "expired",
            Self::RefreshRequired => "refresh_required",
            Self::GuardianApproved => "guardian_approved",
            Self::LegacyAttested => "legacy_attested",
        }
    }
}

crate::choice! {
    /// Whose act an entry records.
    pub enum ConsentActor {
        /// The person.
        Subject = "subject",
        /// Who acts for a child.
        Guardian = "guardian",
        /// Somebody of the organization.
        Operator = "operator",
        /// The program.
        System = "system",
    }
}

crate::choice! {
    /// What the proof of an attested consent is worth; entries that the program made itself carry their proof and no grade.
    pub enum EvidenceGrade {
        /// Date, address and the archived wording.
        A = "A",
        /// Date and address.
        B = "B",
        /// The date or the address is missing: it proves nothing (`privacy.md` §1, mapping of seed 0).
        C = "C",
    }
}

/// An entry of the ledger. It says nothing personal: that is in the evidence, which is sealed under the person's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEvent {
    /// Its id.
    pub id: ConsentEventId,
    /// What it is about.
    pub purpose: Purpose,
    /// Which version of the purpose's definition.
    pub purpose_version: u32,
    /// What it says.
    pub action: ConsentAction,
    /// The version of the form that was filled in.
    pub form_version: Option<Uuid>,
    /// The text that was shown.
    pub text: Option<ConsentTextId>,
    /// The fingerprint of the wording as it was rendered.
    pub wording_sha256: Option<String>,
    /// When, by the clock of the server (`privacy.md` §1, rule 3).
    pub at: Instant,
    /// Whose act it was.
    pub actor: ConsentActor,
    /// By which way.
    pub channel: Channel,
    /// Its circumstances.
    pub evidence: Option<EvidenceId>,
    /// What the proof is worth, where it was attested and not seen.
    pub grade: Option<EvidenceGrade>,
    /// The entry about the same purpose that it follows.
    pub supersedes: Option<ConsentEventId>,
}

impl ConsentEvent {
    /// The version of the purposes' definitions that this crate holds.
    pub const PURPOSE_VERSION: u32 = 1;

    /// Whether it says more about a purpose than that the person was told.
    pub(super) fn is_word_on(&self, purpose: Purpose) -> bool {
        self.purpose == purpose && self.action != ConsentAction::NoticeShown
    }

    /// Whether the person, or who acts for a child, made the consent sure: the one act that gives again what was taken back (case D21).
    pub(super) fn is_own_confirmation(&self) -> bool {
        matches!(
            (self.action, self.actor),
            (ConsentAction::Confirmed, ConsentActor::Subject) | (ConsentAction::GuardianApproved, ConsentActor::Guardian)
        )
    }
}

/// The circumstances of an entry, which prove it (GDPR art. 7(1)). They are personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its id.
    pub id: EvidenceId,
    /// The address from which the request came.
    pub ip: Option<IpAddr>,
    /// The program that sent it.
    pub user_agent: Option<String>,
    /// The page before.
    pub referer: Option<String>,
    /// The page with the form.
    pub page_url: Option<String>,
}

impl Evidence {
    /// What is sealed: all but the id.
    pub fn to_value(&self) -> Value {
        let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        let fields: Fields = vec![
            ("ip".to_owned(), text(self.ip.map(|ip| ip.to_string()).as_deref())),
            ("user_agent".to_owned(), text(self.user_agent.as_deref())),
            ("referer".to_owned(), text(self.referer.as_deref())),
            ("page_url".to_owned(), text(self.page_url.as_deref())),
        ];
        Value::Map(fields)
    }

    /// What [`Evidence::to_value`] gave.
    ///
    /// # Errors
    /// `WRONG_TYPE` where a field is neither text nor nothing, `NOT_AN_IP` where the address is none.
    pub fn from_value(id: EvidenceId, value: &Value) -> Result<Self, Fault> {
        let text = |name: &str| match value.get(name) {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text.clone())),
            _ => Err(Fault::wrong_type("text").under(name)),
        };
        let ip = text("ip")?.map(|ip| ip.parse().map_err(|_| Fault::new("NOT_AN_IP", "must be an IP address").under("ip"))).transpose()?;
        Ok(Self { id, ip, user_agent: text("user_agent")?, referer: text("referer")?, page_url: text("page_url")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Id;

    #[test]
    fn evidence_reads_back_as_it_was_sealed() {
        let id = EvidenceId::from_uuid(Uuid::from_u128(1));
        let full = Evidence {
            id,
            ip: Some("203.0.113.7".parse().unwrap()),
            user_agent: Some("X".into()),
            referer: Some("https://example.es/".into()),
            page_url: Some("https://example.es/cursos".into()),
        };
        let empty = Evidence { id, ip: None, user_agent: None, referer: None, page_url: None };
        for evidence in [full, empty] {
            assert_eq!(Evidence::from_value(id, &evidence.to_value()), Ok(evidence));
        }
    }

    #[test]
    fn evidence_that_is_no_evidence_is_told() {
        let id = EvidenceId::from_uuid(Uuid::from_u128(1));
        let with = |name: &str, value: Value| Evidence::from_value(id, &Value::Map(vec![(name.into(), value)])).unwrap_err();
        assert_eq!(with("ip", "300.1.1.1".into()).code, "NOT_AN_IP");
        assert_eq!(with("referer", Value::Int(1)).pointer, "/referer");
    }
}
