use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::Purpose;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Id, Instant, Line, Noun, Prose, Value};

crate::id!(
    /// A version of a text.
    ConsentTextId
);

crate::choice! {
    /// What a text is for.
    pub enum TextKind {
        /// What a person is told (GDPR art. 13).
        Notice = "notice",
        /// What stands beside a consent box (GDPR art. 7(2)).
        ConsentLabel = "consent_label",
        /// Terms of a contract.
        Contract = "contract",
    }
}

crate::form! {
    /// A text to publish.
    pub struct TextBody {
        /// What it is for.
        kind: TextKind,
        /// What it is about; a consent label is always about one purpose.
        purpose: Option<Purpose>,
        /// Its language, as BCP 47.
        locale: Line<10>,
        /// The wording, exactly as it is shown.
        body: Prose<20000>,
        /// Whether it changes what people agreed to, so that they have to be asked again.
        material: bool,
        /// From when it is shown; at once where nothing is said.
        effective_from: Option<Instant>,
    }
}

/// A version of a text that people are shown. It never changes and never goes, so that each decision can be shown with the very words
/// that it answered (GDPR art. 7(1); `privacy.md` §1, rule 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentText {
    parts: TextParts,
}

/// What a repository keeps of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextParts {
    /// Id.
    pub id: ConsentTextId,
    /// What it is for.
    pub kind: TextKind,
    /// What it is about.
    pub purpose: Option<Purpose>,
    /// Its language.
    pub locale: Line<10>,
    /// 1, 2, 3 … for each kind, purpose and language.
    pub number: u32,
    /// The wording.
    pub body: String,
    /// [`wording_sha256`] of the wording.
    pub sha256: String,
    /// Whether it changes what people agreed to.
    pub material: bool,
    /// From when it is shown.
    pub effective_from: Instant,
    /// Version of the row: 0 before it is saved, 1 for ever after.
    pub version: u32,
}

impl ConsentText {
    /// Publishes the next text of its kind, purpose and language.
    ///
    /// # Errors
    /// `REQUIRED` for a consent label without a purpose and for an empty wording; `NOT_A_CONSENT_PURPOSE` for the label of a purpose
    /// that no box decides; `IN_THE_PAST` when it would have been shown before it existed.
    pub fn publish(id: ConsentTextId, body: TextBody, number: u32, now: Instant) -> Result<Changed<Self>, Faults> {
        let mut faults = Faults::default();
        if body.kind == TextKind::ConsentLabel {
            match body.purpose {
                None => faults.add(Fault::new("REQUIRED", "a consent label is about one purpose").under("purpose")),
                Some(purpose) if !purpose.can_be_granted() => {
                    faults.add(Fault::new("NOT_A_CONSENT_PURPOSE", "a consent box cannot decide this purpose").under("purpose"));
                }
                Some(_) => {}
            }
        }
        if body.body.as_str().trim().is_empty() {
            faults.add(Fault::new("REQUIRED", "must not be empty").under("body"));
        }
        let effective_from = body.effective_from.unwrap_or(now);
        if effective_from < now {
            faults.add(Fault::new("IN_THE_PAST", "must not lie in the past").under("effective_from"));
        }
        faults.into_result()?;

        let state = Self {
            parts: TextParts {
                id,
                kind: body.kind,
                purpose: body.purpose,
                locale: body.locale,
                number,
                sha256: wording_sha256(body.body.as_str()),
                body: body.body.as_str().to_owned(),
                material: body.material,
                effective_from,
                version: 0,
            },
        };
        let fact = TextFact { kind: body.kind, purpose: body.purpose, material: body.material, effective_from };
        Ok(Changed::created(state, fact, now))
    }

    /// Its id.
    pub fn id(&self) -> ConsentTextId {
        self.parts.id
    }
    /// What it is for.
    pub fn kind(&self) -> TextKind {
        self.parts.kind
    }
    /// What it is about.
    pub fn purpose(&self) -> Option<Purpose> {
        self.parts.purpose
    }
    /// Its language.
    pub fn locale(&self) -> &str {
        self.parts.locale.as_str()
    }
    /// Which one it is of its kind, purpose and language.
    pub fn number(&self) -> u32 {
        self.parts.number
    }
    /// The wording.
    pub fn body(&self) -> &str {
        &self.parts.body
    }
    /// [`wording_sha256`] of the wording.
    pub fn sha256(&self) -> &str {
        &self.parts.sha256
    }
    /// Whether it changes what people agreed to.
    pub fn material(&self) -> bool {
        self.parts.material
    }
    /// From when it is shown.
    pub fn effective_from(&self) -> Instant {
        self.parts.effective_from
    }
}

crate::shared::kept_as!(ConsentText, TextParts);

impl Aggregate for ConsentText {
    type Fact = TextFact;
    fn noun(&self) -> Noun {
        Noun { context: "privacy", one: "consent_text", many: "consent_texts" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, _: Instant) {
        self.parts.version = version;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let parts = &self.parts;
        vec![
            ("kind".to_owned(), parts.kind.value()),
            ("purpose".to_owned(), parts.purpose.value()),
            ("locale".to_owned(), parts.locale.value()),
            ("number".to_owned(), parts.number.value()),
            ("sha256".to_owned(), parts.sha256.as_str().into()),
            ("material".to_owned(), parts.material.value()),
            ("effective_from".to_owned(), parts.effective_from.value()),
        ]
    }
}

/// A text was published: the only thing that can happen to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextFact {
    /// What it is for.
    pub kind: TextKind,
    /// What it is about.
    pub purpose: Option<Purpose>,
    /// Whether people have to be asked again.
    pub material: bool,
    /// From when.
    pub effective_from: Instant,
}

impl Fact for TextFact {
    fn verb(&self) -> &'static str {
        "published"
    }
    fn data(&self) -> Fields {
        vec![
            ("kind".to_owned(), self.kind.value()),
            ("purpose".to_owned(), self.purpose.value()),
            ("material".to_owned(), Value::Bool(self.material)),
            ("effective_from".to_owned(), self.effective_from.value()),
        ]
    }
}

/// The fingerprint of a wording: SHA-256, in hexadecimal, of its UTF-8 in normal form C, with line ends `\n`, trimmed
/// (`privacy.md` §1, rule 2).
pub fn wording_sha256(wording: &str) -> String {
    use std::fmt::Write;
    let wording: String = wording.replace("\r\n", "\n").replace('\r', "\n").trim().nfc().collect();
    Sha256::digest(wording.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Form;

    fn now() -> Instant {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn body(changes: &[(&str, Value)]) -> TextBody {
        let plain = Value::Map(vec![
            ("kind".into(), "consent_label".into()),
            ("purpose".into(), "email_marketing".into()),
            ("locale".into(), "es".into()),
            ("body".into(), "Quiero recibir información.".into()),
            ("material".into(), Value::Bool(false)),
        ]);
        let changes = Value::Map(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        TextBody::read(&plain.merged(&changes)).unwrap()
    }

    fn publish(body: TextBody) -> Result<Changed<ConsentText>, Faults> {
        ConsentText::publish(ConsentTextId::from_uuid(Uuid::from_u128(1)), body, 3, now())
    }

    fn faults(body: TextBody) -> Vec<(String, &'static str)> {
        publish(body).unwrap_err().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_published_text_has_its_fingerprint_and_starts_at_once() {
        let published = publish(body(&[])).unwrap();
        let text = published.state();
        assert_eq!((text.number(), text.effective_from(), text.version()), (3, now(), 1));
        assert_eq!(text.sha256(), wording_sha256("Quiero recibir información."));
        assert_eq!(published.fact().verb(), "published");
        assert_eq!(ConsentText::from_parts(text.parts().clone()), *text);
    }

    #[test]
    fn a_text_can_start_later_and_not_earlier() {
        let later = publish(body(&[("effective_from", "2026-04-01T00:00:00Z".into())])).unwrap();
        assert_eq!(later.state().effective_from().to_rfc3339(), "2026-04-01T00:00:00+00:00");
        assert_eq!(faults(body(&[("effective_from", "2026-03-01T09:59:59Z".into())])), [("/effective_from".into(), "IN_THE_PAST")]);
    }

    #[test]
    fn a_consent_label_is_about_a_purpose_that_a_box_decides() {
        assert_eq!(faults(body(&[("purpose", Value::Null)])), [("/purpose".into(), "REQUIRED")]);
        assert_eq!(faults(body(&[("purpose", "billing".into())])), [("/purpose".into(), "NOT_A_CONSENT_PURPOSE")]);
        assert!(publish(body(&[("kind", "notice".into()), ("purpose", Value::Null)])).is_ok());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let wrong = body(&[("purpose", Value::Null), ("body", "  \n".into()), ("effective_from", "2026-01-01T00:00:00Z".into())]);
        assert_eq!(faults(wrong).len(), 3);
    }

    #[test]
    fn the_fingerprint_does_not_depend_on_how_a_wording_is_written_down() {
        let fingerprint = wording_sha256("Sí, quiero.\nTodo.");
        assert_eq!(fingerprint, wording_sha256(" Si\u{301}, quiero.\r\nTodo.\r\n"));
        assert_eq!(fingerprint, wording_sha256("Sí, quiero.\rTodo."));
        assert_ne!(fingerprint, wording_sha256("Sí, quiero. Todo."));
        // FIPS 180-2, the message "abc".
        assert_eq!(wording_sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
