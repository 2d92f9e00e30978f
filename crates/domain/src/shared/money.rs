use super::{Fault, Faults, Field, FieldSchema, Form, Input, Kind, Value};

/// An ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl Field for Currency {
    const KIND: Kind = Kind::Text { min: 3, max: 3, pattern: Some("^[A-Z]{3}$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Text(code) => match <[u8; 3]>::try_from(code.as_bytes()) {
                Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
                _ => Err(Fault::new("NOT_A_CURRENCY", "must be three capital letters as in ISO 4217")),
            },
            _ => Err(Fault::wrong_type("text")),
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }
}

/// An amount in minor units (cents) of a currency. Never negative: what is owed back has a word of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// So many cents of the euro.
    pub const fn euros_in_cents(amount: i64) -> Self {
        Self { amount, currency: Currency::EUR }
    }

    /// The sum, if the currencies are the same and it fits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency == other.currency { Some(Self { amount: self.amount.checked_add(other.amount)?, currency: self.currency }) } else { None }
    }
}

const FIELDS: &[FieldSchema] = &[
    FieldSchema { name: "amount", doc: "Minor units, such as cents.", kind: Kind::Integer { min: 0, max: 100_000_000_000 }, required: true },
    FieldSchema { name: "currency", doc: "ISO 4217.", kind: Currency::KIND, required: true },
];

struct Amount(i64);

impl Field for Amount {
    const KIND: Kind = FIELDS[0].kind;
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Int(amount) if (0..=100_000_000_000).contains(amount) => Ok(Self(*amount)),
            Value::Int(_) => Err(Fault::new("OUT_OF_RANGE", "must be between 0 and 100000000000")),
            _ => Err(Fault::wrong_type("a whole number of minor units")),
        }
    }
    fn value(&self) -> Value {
        Value::Int(self.0)
    }
}

impl Form for Money {
    const FIELDS: &'static [FieldSchema] = FIELDS;
    fn read(value: &Value) -> Result<Self, Faults> {
        let mut input = Input::new(value, FIELDS);
        let (amount, currency) = (input.field::<Amount>("amount"), input.field::<Currency>("currency"));
        match (amount, currency, input.into_faults()) {
            (Some(Amount(amount)), Some(currency), faults) => faults.into_result().map(|()| Self { amount, currency }),
            (_, _, faults) => Err(faults),
        }
    }
    fn read_field(name: &str, value: &Value) -> Option<Result<Value, Faults>> {
        match name {
            "amount" => Some(Amount::parse_all(value).map(|amount| amount.value())),
            "currency" => Some(Currency::parse_all(value).map(|currency| currency.value())),
            _ => None,
        }
    }
    fn fields(&self) -> super::Fields {
        vec![("amount".into(), Value::Int(self.amount)), ("currency".into(), self.currency.value())]
    }
}

impl Field for Money {
    const KIND: Kind = Kind::Money;
    fn parse(value: &Value) -> Result<Self, Fault> {
        Self::read(value).map_err(|mut faults| faults.0.swap_remove(0))
    }
    fn parse_all(value: &Value) -> Result<Self, Faults> {
        Self::read(value)
    }
    fn value(&self) -> Value {
        Value::Map(self.fields())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_different_currencies_do_not_add_up() {
        let usd = Field::parse(&Value::Map(vec![("amount".into(), Value::Int(5)), ("currency".into(), "USD".into())])).unwrap();
        assert_eq!(Money::euros_in_cents(1).checked_add(usd), None);
        assert_eq!(Money::euros_in_cents(1).checked_add(Money::euros_in_cents(2)), Some(Money::euros_in_cents(3)));
        assert_eq!(Money::euros_in_cents(i64::MAX).checked_add(Money::euros_in_cents(1)), None);
    }

    #[test]
    fn all_faults_of_an_amount_are_told() {
        let faults = Money::read(&Value::Map(vec![("amount".into(), Value::Int(-5)), ("currency".into(), "eur".into()), ("x".into(), Value::Null)]))
            .unwrap_err();
        let codes: Vec<_> = faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(codes, [("/x", "UNKNOWN_FIELD"), ("/amount", "OUT_OF_RANGE"), ("/currency", "NOT_A_CURRENCY")]);
    }
}
