use uuid::Uuid;

use crate::people::PersonId;
use crate::privacy::{ConsentBox, ConsentText, ConsentTextId, Purpose, TextKind, check_boxes};
use crate::shared::{Aggregate, Changed, Code, Fact, Fault, Faults, Fields, Form, Id, Instant, Line, Noun, Value};

crate::id!(
    /// A form.
    FormId,
    /// A version of a form: it never changes once published.
    FormVersionId
);

crate::form! {
    /// A version of a form to be published. A box starts empty, is never required, and stands for one purpose.
    pub struct NewFormVersion {
        /// Its title.
        title: Line<200>,
        /// Names of the fields that it shows.
        fields: Vec<Code>,
        /// Its consent boxes.
        boxes: Vec<ConsentBox>,
        /// The notice that it shows (GDPR art. 13).
        notice_text_id: ConsentTextId,
    }
    check |this, faults| {
        if let Err(more) = check_boxes(&this.boxes) {
            faults.0.extend(more.0);
        }
        for (n, one) in this.boxes.iter().enumerate() {
            if this.boxes[..n].iter().any(|other| other.purposes == one.purposes) {
                faults.add(Fault::new("DUPLICATE", "two boxes for one purpose").under(&n.to_string()).under("boxes"));
            }
        }
    }
}

/// A published version of a form, as proof of what people saw (GDPR art. 7(1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormVersion {
    parts: FormVersionParts,
}

/// What a repository keeps of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormVersionParts {
    /// Id.
    pub id: FormVersionId,
    /// The form.
    pub form: FormId,
    /// Whether the form itself is new with this version.
    pub first: bool,
    /// The form's key, by which a capture names it.
    pub key: Code,
    /// 1, 2, 3 ….
    pub number: u32,
    /// What was published.
    pub published: NewFormVersion,
    /// SHA-256 of the wording of each text that is shown, as hex: notice and labels.
    pub wordings: Vec<(ConsentTextId, String)>,
    /// SHA-256 of everything that is shown, as hex.
    pub rendered_sha256: String,
    /// When.
    pub published_at: Instant,
    /// Version of the aggregate: always 1.
    pub version: u32,
}

impl FormVersion {
    /// Publishes a version after `previous`, with the texts that it shows. D02–D04 were checked when the input was read.
    ///
    /// # Errors
    /// A fault for each text that is not there, or that is not what the box says.
    pub fn publish(
        ids: (FormId, FormVersionId),
        key: Code,
        previous: Option<&Self>,
        published: NewFormVersion,
        texts: &[ConsentText],
        now: Instant,
    ) -> Result<Changed<Self>, Faults> {
        let mut faults = Faults::default();
        let wording = |id: ConsentTextId, kind: TextKind, purpose: Option<Purpose>| {
            texts.iter().find(|text| text.id() == id && text.kind() == kind && text.purpose() == purpose).map(|text| (id, text.sha256().to_owned()))
        };
        let missing = || Fault::new("NO_SUCH_TEXT", "must be a published text of this kind and purpose");
        let mut wordings = Vec::new();
        match wording(published.notice_text_id, TextKind::Notice, None) {
            Some(found) => wordings.push(found),
            None => faults.add(missing().under("notice_text_id")),
        }
        for (n, one) in published.boxes.iter().enumerate() {
            match wording(one.text_id, TextKind::ConsentLabel, one.purposes.first().copied()) {
                Some(found) => wordings.push(found),
                None => faults.add(missing().under("text_id").under(&n.to_string()).under("boxes")),
            }
        }
        faults.into_result()?;
        let rendered = Value::List(wordings.iter().map(|(_, sha256)| sha256.as_str().into()).chain([Value::Map(published.fields())]).collect());
        let parts = FormVersionParts {
            id: ids.1,
            form: previous.map_or(ids.0, |previous| previous.parts.form),
            first: previous.is_none(),
            key,
            number: previous.map_or(1, |previous| previous.parts.number + 1),
            published,
            wordings,
            rendered_sha256: crate::privacy::wording_sha256(&rendered.canonical()),
            published_at: now,
            version: 0,
        };
        Ok(Changed::created(Self { parts }, FormVersionFact, now))
    }

    /// SHA-256 of the wording of a text that it shows.
    pub fn wording(&self, text: ConsentTextId) -> Option<&str> {
        self.parts.wordings.iter().find(|(id, _)| *id == text).map(|(_, sha256)| sha256.as_str())
    }

    /// The box for a purpose.
    pub fn consent_box(&self, purpose: Purpose) -> Option<&ConsentBox> {
        self.parts.published.boxes.iter().find(|one| one.purposes == [purpose])
    }

    /// Which of the purposes that were ticked have no box on this version.
    ///
    /// # Errors
    /// A fault for each.
    pub fn check_ticked(&self, ticked: &[Purpose]) -> Result<(), Faults> {
        let mut faults = Faults::default();
        for (n, purpose) in ticked.iter().enumerate() {
            if self.consent_box(*purpose).is_none() {
                faults.add(Fault::new("NO_SUCH_BOX", "the form has no box for this purpose").under(&n.to_string()).under("consents"));
            }
        }
        faults.into_result()
    }
}

crate::shared::kept_as!(FormVersion, FormVersionParts);

impl Aggregate for FormVersion {
    type Fact = FormVersionFact;
    fn noun(&self) -> Noun {
        Noun { context: "leads", one: "form_version", many: "form_versions" }
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
        let mut fields = self.parts.published.fields();
        fields.push(("number".to_owned(), Value::Int(i64::from(self.parts.number))));
        fields.push(("rendered_sha256".to_owned(), self.parts.rendered_sha256.as_str().into()));
        fields
    }
}

/// A version was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormVersionFact;

impl Fact for FormVersionFact {
    fn verb(&self) -> &'static str {
        "published"
    }
}
