use std::borrow::Cow;

/// One thing that is wrong with an input: where, a stable code, and a sentence for the person who can mend it.
/// It never repeats the value, which may be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the field; empty for the whole input.
    pub pointer: String,
    /// Stable `UPPER_SNAKE` code.
    pub code: &'static str,
    /// What would be right.
    pub detail: Cow<'static, str>,
    /// Whether the code stands for a rule of its own, and so names the whole refusal.
    pub headline: bool,
}

impl Fault {
    /// A fault of the value at hand; whoever knows the field adds where.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: String::new(), code, detail: detail.into(), headline: false }
    }

    /// A rule that refuses, at a place.
    pub fn rule(pointer: &str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: pointer.to_owned(), code, detail: detail.into(), headline: true }
    }

    /// The value is of another JSON type.
    pub fn wrong_type(expected: &str) -> Self {
        Self::new("WRONG_TYPE", format!("must be {expected}"))
    }

    /// The same fault, one level further down.
    #[must_use]
    pub fn under(mut self, segment: &str) -> Self {
        self.pointer = format!("/{}{}", segment.replace('~', "~0").replace('/', "~1"), self.pointer);
        self
    }
}

/// Everything that is wrong with one input, all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the input has {} fault(s)", .0.len())]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The code that names the refusal as a whole: the first rule's, else `VALIDATION_FAILED`.
    pub fn code(&self) -> &'static str {
        self.0.iter().find(|fault| fault.headline).map_or("VALIDATION_FAILED", |fault| fault.code)
    }

    /// Notes a fault.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Notes every item of the list in a field that stands in it already.
    pub fn refuse_duplicates<T: PartialEq>(&mut self, field: &str, items: &[T]) {
        for (n, item) in items.iter().enumerate() {
            if items[..n].contains(item) {
                self.add(Fault::new("DUPLICATE", "is in the list already").under(&n.to_string()).under(field));
            }
        }
    }

    /// `Ok` if nothing was noted.
    ///
    /// # Errors
    /// The faults themselves, if there are any.
    pub fn into_result(self) -> Result<(), Faults> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}
