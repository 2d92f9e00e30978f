use uuid::Uuid;

/// What every typed id can do: an UUID on the outside, a type of its own on the inside.
pub trait Id: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// Wraps an UUID that is known to name such a thing.
    fn from_uuid(id: Uuid) -> Self;
    /// The UUID inside.
    fn as_uuid(self) -> Uuid;
}

/// Declares typed ids. They are `UUIDv7`, made by the port for randomness before the insert.
#[macro_export]
macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(uuid::Uuid);

        impl $crate::shared::Id for $name {
            fn from_uuid(id: uuid::Uuid) -> Self {
                Self(id)
            }
            fn as_uuid(self) -> uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $crate::shared::Field for $name {
            const KIND: $crate::shared::Kind = $crate::shared::Kind::Id;
            fn parse(value: &$crate::shared::Value) -> Result<Self, $crate::shared::Fault> {
                match value {
                    $crate::shared::Value::Id(id) => Ok(Self(*id)),
                    $crate::shared::Value::Text(text) => uuid::Uuid::try_parse(text)
                        .map(Self)
                        .map_err(|_| $crate::shared::Fault::new("NOT_AN_ID", "must be an UUID")),
                    _ => Err($crate::shared::Fault::wrong_type("an UUID")),
                }
            }
            fn value(&self) -> $crate::shared::Value {
                $crate::shared::Value::Id(self.0)
            }
        }
    )+};
}

id!(
    /// The name under which the audit chain knows a person: random (`UUIDv4`), never derived from
    /// anything personal (`privacy.md`, §1), so that nothing points back once the person is erased.
    SubjectRef
);
