use super::{Fault, Value};

/// What a field holds, for the documents and schemas that are made from the declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text with a greatest length in characters.
    Text {
        /// Least number of characters.
        min: usize,
        /// Greatest number of characters.
        max: usize,
        /// A regular expression that it matches, where one says it all.
        pattern: Option<&'static str>,
        /// The JSON schema `format`, where there is one.
        format: Option<&'static str>,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number within bounds.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// Yes or no.
    Boolean,
    /// `YYYY-MM-DD`.
    Date,
    /// RFC 3339, UTC.
    Instant,
    /// UUID.
    Id,
    /// UUID of a record of this kind, which must be there.
    IdOf(&'static super::Noun),
    /// `{"amount": minor units, "currency": ISO 4217}`.
    Money,
    /// Several of a kind, at most so many.
    List(&'static Kind, usize),
    /// A form of its own.
    Form(&'static [FieldSchema]),
    /// Free-form object with text keys, at most so many bytes as canonical JSON.
    Object(usize),
}

/// A field as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSchema {
    /// Its name, in JSON and in the table.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
}

/// A type that a field of a [`super::Form`] can have.
pub trait Field: Sized {
    /// What it holds.
    const KIND: Kind;
    /// Whether it may be left out.
    const OPTIONAL: bool = false;

    /// Reads it from a value that is there.
    ///
    /// # Errors
    /// The one thing that is most wrong with the value.
    fn parse(value: &Value) -> Result<Self, Fault>;

    /// All that is wrong with it, where there can be more than one thing.
    ///
    /// # Errors
    /// Every fault of the value.
    fn parse_all(value: &Value) -> Result<Self, super::Faults> {
        Self::parse(value).map_err(Into::into)
    }

    /// What stands for it when it is left out.
    fn absent() -> Option<Self> {
        None
    }

    /// The value that [`Field::parse`] reads back.
    fn value(&self) -> Value;
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn parse(value: &Value) -> Result<Self, Fault> {
        if value.is_null() { Ok(None) } else { T::parse(value).map(Some) }
    }
    fn parse_all(value: &Value) -> Result<Self, super::Faults> {
        if value.is_null() { Ok(None) } else { T::parse_all(value).map(Some) }
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::value)
    }
}

/// How many items a list of a form may hold.
const MOST_ITEMS: usize = 100;

impl<T: Field> Field for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND, MOST_ITEMS);
    const OPTIONAL: bool = true;

    fn parse(value: &Value) -> Result<Self, Fault> {
        Self::parse_all(value).map_err(|mut faults| faults.0.swap_remove(0))
    }
    fn parse_all(value: &Value) -> Result<Self, super::Faults> {
        let items = match value {
            Value::List(items) => items,
            Value::Null => return Ok(Vec::new()),
            _ => return Err(Fault::wrong_type("a list").into()),
        };
        if items.len() > MOST_ITEMS {
            return Err(Fault::new("TOO_MANY", format!("at most {MOST_ITEMS} items")).into());
        }
        let mut faults = super::Faults::default();
        let mut read = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            match T::parse_all(item) {
                Ok(item) => read.push(item),
                Err(more) => faults.0.extend(more.0.into_iter().map(|fault| fault.under(&n.to_string()))),
            }
        }
        faults.into_result().map(|()| read)
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn value(&self) -> Value {
        Value::List(self.iter().map(Field::value).collect())
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Boolean;
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Bool(yes) => Ok(*yes),
            _ => Err(Fault::wrong_type("true or false")),
        }
    }
    fn value(&self) -> Value {
        Value::Bool(*self)
    }
}

macro_rules! whole_number {
    ($($t:ty: $min:expr, $max:expr;)+) => {$(
        impl Field for $t {
            const KIND: Kind = Kind::Integer { min: $min, max: $max };
            fn parse(value: &Value) -> Result<Self, Fault> {
                let Value::Int(number) = value else { return Err(Fault::wrong_type("a whole number")) };
                if !($min..=$max).contains(number) {
                    return Err(Fault::new("OUT_OF_RANGE", format!("must be between {} and {}", $min, $max)));
                }
                <$t>::try_from(*number).map_err(|_| Fault::new("OUT_OF_RANGE", "does not fit"))
            }
            fn value(&self) -> Value {
                Value::Int(i64::from(*self))
            }
        }
    )+};
}
whole_number! {
    i32: -1_000_000_000_i64, 1_000_000_000_i64;
    u32: 0_i64, 1_000_000_i64;
}

/// Yes or no, where leaving it out means no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Field for Flag {
    const KIND: Kind = Kind::Boolean;
    const OPTIONAL: bool = true;
    fn parse(value: &Value) -> Result<Self, Fault> {
        bool::parse(value).map(Self)
    }
    fn absent() -> Option<Self> {
        Some(Self(false))
    }
    fn value(&self) -> Value {
        Value::Bool(self.0)
    }
}

/// A free-form object: names and values as the sender wrote them, at most `BYTES` bytes as canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<const BYTES: usize>(Value);

impl<const BYTES: usize> Object<BYTES> {
    /// The object.
    pub fn as_value(&self) -> &Value {
        &self.0
    }
}

impl<const BYTES: usize> Field for Object<BYTES> {
    const KIND: Kind = Kind::Object(BYTES);
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Map(_) if value.canonical().contains("\\u0000") => Err(Fault::new("CONTROL_CHARACTER", "must not contain NUL")),
            Value::Map(_) if value.canonical().len() <= BYTES => Ok(Self(value.clone())),
            Value::Map(_) => Err(Fault::new("TOO_LONG", format!("at most {BYTES} bytes"))),
            _ => Err(Fault::wrong_type("an object")),
        }
    }
    fn value(&self) -> Value {
        self.0.clone()
    }
}
