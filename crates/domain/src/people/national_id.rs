use crate::shared::{Fault, Field, Kind, Value};

/// A Spanish tax number of a person (NIF): a DNI, or the NIE of a foreigner, with the letter that checks it. Capitals, nothing between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NationalId(String);

/// The letter for each remainder of the number divided by 23 (Real Decreto 1553/2005, art. 11; Ministerio del Interior).
const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

impl NationalId {
    /// The number with its letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for NationalId {
    const KIND: Kind = Kind::Text { min: 9, max: 16, pattern: Some(r"^[0-9XYZxyz][0-9 .\-]*[A-Za-z]$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let wrong = || Fault::new("NOT_A_NATIONAL_ID", "must be a DNI or NIE with its letter, such as 12345678Z or X1234567L");
        let raw = value.as_text().ok_or_else(|| Fault::new("WRONG_TYPE", "must be text"))?;
        if raw.len() > 16 {
            return Err(wrong());
        }
        let plain: String = raw.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).map(|c| c.to_ascii_uppercase()).collect();
        let (number, letter) = plain.split_at_checked(8).ok_or_else(wrong)?;
        // The first letter of an NIE stands for a digit.
        let digits = match number.as_bytes() {
            [first @ b'X'..=b'Z', rest @ ..] => [&[first - b'X' + b'0'], rest].concat(),
            digits => digits.to_vec(),
        };
        let number = digits.iter().try_fold(0_usize, |number, digit| digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0')));
        if letter.as_bytes() != &LETTERS[number.ok_or_else(wrong)? % 23..][..1] {
            return Err(wrong());
        }
        Ok(Self(plain))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<String> {
        NationalId::parse(&text.into()).ok().map(|id| id.0)
    }

    #[test]
    fn the_letter_is_that_of_the_number() {
        for (typed, read) in [("12345678Z", "12345678Z"), ("12.345.678-z", "12345678Z"), ("x1234567l", "X1234567L"), ("Z1234567R", "Z1234567R")] {
            assert_eq!(parse(typed).as_deref(), Some(read), "{typed}");
        }
        for wrong in ["12345678A", "1234567Z", "123456789Z", "W1234567L", "X12345678", "", "ÑÑÑÑÑÑÑÑÑ", "12345678ZZ", "A12345678"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn one_letter_fits_a_number(number in 0_u32..100_000_000) {
            let fitting: Vec<_> = ('A'..='Z').filter_map(|letter| parse(&format!("{number:08}{letter}"))).collect();
            prop_assert_eq!(fitting.len(), 1);
        }

        #[test]
        fn whatever_is_typed_is_read_or_refused(text in ".{0,20}") {
            if let Some(read) = parse(&text) {
                prop_assert_eq!(parse(&read), Some(read));
            }
        }
    }
}
