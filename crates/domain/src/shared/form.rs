use super::{Fault, Faults, Field, FieldSchema, Value};

/// An input that is valid once it exists: declared by [`form!`](crate::form), read from a [`Value`] with all its faults at once.
pub trait Form: Sized {
    /// Its fields.
    const FIELDS: &'static [FieldSchema];

    /// Reads it.
    ///
    /// # Errors
    /// Every fault: what is missing, of a wrong type, out of bounds, or not known.
    fn read(value: &Value) -> Result<Self, Faults>;

    /// Reads one of its fields alone, as a filter gives it; `None` if it has none of that name.
    fn read_field(name: &str, value: &Value) -> Option<Result<Value, Faults>>;

    /// Its fields with their values, in the order of the declaration.
    fn fields(&self) -> super::Fields;
}

/// Reads the fields of one input and collects what is wrong with them.
pub struct Input<'v> {
    value: &'v Value,
    faults: Faults,
}

impl<'v> Input<'v> {
    /// Starts on a value; fields that the schema does not know are faults.
    pub fn new(value: &'v Value, known: &[FieldSchema]) -> Self {
        let mut faults = Faults::default();
        match value {
            Value::Map(fields) => {
                for (name, _) in fields {
                    if !known.iter().any(|field| field.name == name) {
                        // The name itself comes from outside: only a short plain one is repeated.
                        let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                        let shown = if plain { name.as_str() } else { "?" };
                        faults.add(Fault::new("UNKNOWN_FIELD", "is not known here").under(shown));
                    }
                }
            }
            _ => faults.add(Fault::wrong_type("an object")),
        }
        Self { value, faults }
    }

    /// One field; `None` if it is faulty, which is then noted.
    pub fn field<T: Field>(&mut self, name: &str) -> Option<T> {
        let value = self.value.get(name);
        if value.is_null() {
            let absent = T::absent();
            if absent.is_none() && matches!(self.value, Value::Map(_)) {
                self.faults.add(Fault::new("REQUIRED", "is required").under(name));
            }
            return absent;
        }
        match T::parse_all(value) {
            Ok(field) => Some(field),
            Err(faults) => {
                self.faults.0.extend(faults.0.into_iter().map(|fault| fault.under(name)));
                None
            }
        }
    }

    /// Where a rule across fields notes what it finds.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// What was found.
    pub fn into_faults(self) -> Faults {
        self.faults
    }
}

/// Declares an input: a struct whose fields are [`Field`]s, its schema, and how it is read with all faults at once.
///
/// A rule across fields is a `check` after the fields: it gets what could be read and may note further faults.
#[macro_export]
macro_rules! form {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident: $type:ty),+ $(,)? } $(check |$this:ident, $faults:ident| $check:block)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[doc = $fdoc])+ pub $field: $type),+ }

        impl $crate::shared::Form for $name {
            const FIELDS: &'static [$crate::shared::FieldSchema] = &[$($crate::shared::FieldSchema {
                name: stringify!($field),
                doc: concat!($($fdoc),+),
                kind: <$type as $crate::shared::Field>::KIND,
                required: !<$type as $crate::shared::Field>::OPTIONAL,
            }),+];

            fn read(value: &$crate::shared::Value) -> Result<Self, $crate::shared::Faults> {
                let mut input = $crate::shared::Input::new(value, Self::FIELDS);
                $(let $field = input.field::<$type>(stringify!($field));)+
                let ($($crate::form!(@some $field),)+) = ($($field,)+) else { return Err(input.into_faults()) };
                let read = Self { $($field),+ };
                $({ let $this = &read; let $faults = input.faults(); $check })?
                input.into_faults().into_result().map(|()| read)
            }

            fn read_field(name: &str, value: &$crate::shared::Value) -> Option<Result<$crate::shared::Value, $crate::shared::Faults>> {
                match name {
                    $(stringify!($field) => Some(<$type as $crate::shared::Field>::parse_all(value).map(|field| $crate::shared::Field::value(&field))),)+
                    _ => None,
                }
            }

            fn fields(&self) -> $crate::shared::Fields {
                vec![$((stringify!($field).to_owned(), $crate::shared::Field::value(&self.$field))),+]
            }
        }

        impl $crate::shared::Field for $name {
            const KIND: $crate::shared::Kind = $crate::shared::Kind::Form(<$name as $crate::shared::Form>::FIELDS);
            fn parse(value: &$crate::shared::Value) -> Result<Self, $crate::shared::Fault> {
                <Self as $crate::shared::Form>::read(value).map_err(|mut faults| faults.0.swap_remove(0))
            }
            fn parse_all(value: &$crate::shared::Value) -> Result<Self, $crate::shared::Faults> {
                <Self as $crate::shared::Form>::read(value)
            }
            fn value(&self) -> $crate::shared::Value {
                $crate::shared::Value::Map($crate::shared::Form::fields(self))
            }
        }
    };
    (@some $field:ident) => { Some($field) };
}

/// Declares a closed set of words: an enum, its text in JSON and in tables, and how it is read.
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All of them, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their words.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one that a word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::shared::Field for $name {
            const KIND: $crate::shared::Kind = $crate::shared::Kind::Choice(Self::WORDS);
            fn parse(value: &$crate::shared::Value) -> Result<Self, $crate::shared::Fault> {
                let $crate::shared::Value::Text(word) = value else { return Err($crate::shared::Fault::wrong_type("text")) };
                Self::from_word(word).ok_or_else(|| {
                    $crate::shared::Fault::new("NOT_A_CHOICE", format!("must be one of: {}", Self::WORDS.join(", ")))
                })
            }
            fn value(&self) -> $crate::shared::Value {
                $crate::shared::Value::Text(self.as_str().to_owned())
            }
        }
    };
}
