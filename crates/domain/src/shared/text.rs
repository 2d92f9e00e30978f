use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::{Fault, Field, Kind, Value};

pub(super) fn text(value: &Value, max: usize) -> Result<&str, Fault> {
    let Value::Text(text) = value else { return Err(Fault::wrong_type("text")) };
    // A character has at most four bytes: what is far too long is refused before it is walked.
    if text.len() > max * 4 || text.chars().count() > max {
        return Err(Fault::new("TOO_LONG", format!("at most {max} characters")));
    }
    Ok(text)
}

pub(super) fn no_control(text: &str, lines: bool) -> Result<(), Fault> {
    let bad = |c: char| {
        (c.is_control() && !(lines && matches!(c, '\n' | '\t')))
            // Characters that reorder or hide text: a name is read by people.
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if text.chars().any(bad) { Err(Fault::new("CONTROL_CHARACTER", "must not contain control characters")) } else { Ok(()) }
}

/// One line of text, trimmed, in Unicode normal form C, with 1 to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// Reads a line.
    ///
    /// # Errors
    /// `REQUIRED` when nothing is left after trimming, `TOO_LONG`, or `CONTROL_CHARACTER`.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        Field::parse(&Value::Text(raw.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Field for Line<MAX> {
    const KIND: Kind = Kind::Text { min: 1, max: MAX, pattern: Some(r"\S"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let line = text(value, MAX)?;
        no_control(line, false)?;
        let line: String = line.trim().nfc().collect();
        if line.is_empty() {
            return Err(Fault::new("REQUIRED", "must not be empty"));
        }
        Ok(Self(line))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text of several lines, at most `MAX` characters; line ends are `\n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose<const MAX: usize>(String);

impl<const MAX: usize> Prose<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Field for Prose<MAX> {
    const KIND: Kind = Kind::Text { min: 0, max: MAX, pattern: None, format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let prose = text(value, MAX)?.replace("\r\n", "\n");
        no_control(&prose, true)?;
        Ok(Self(prose.trim_end().nfc().collect()))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// A short machine word, such as a form's key or a purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

impl Code {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for Code {
    const KIND: Kind = Kind::Text { min: 1, max: 64, pattern: Some("^[a-z0-9]+([_-][a-z0-9]+)*$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let code = text(value, 64)?;
        if is_slug(code, true) {
            Ok(Self(code.to_owned()))
        } else {
            Err(Fault::new("NOT_A_CODE", "small letters, digits, and single - or _ between them"))
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// The readable name of something in addresses, unique within an organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug.
    ///
    /// # Errors
    /// `NOT_A_SLUG` or `TOO_LONG`.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        Field::parse(&Value::Text(raw.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_slug(text: &str, underscore: bool) -> bool {
    let separator = |c: char| c == '-' || (underscore && c == '_');
    !text.is_empty() && text.split(separator).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

impl Field for Slug {
    const KIND: Kind = Kind::Text { min: 1, max: 100, pattern: Some("^[a-z0-9]+(-[a-z0-9]+)*$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let slug = text(value, 100)?;
        if is_slug(slug, false) {
            Ok(Self(slug.to_owned()))
        } else {
            Err(Fault::new("NOT_A_SLUG", "small letters, digits and single hyphens between them"))
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address in its normal form (`privacy.md` §1, rule 8): NFC, trimmed, the domain as IDNA A-labels, lower case.
/// Dots and plus parts stay, since taking them out would merge people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads and normalises an address.
    ///
    /// # Errors
    /// `NOT_AN_EMAIL` when no message could be sent there, `CONTROL_CHARACTER`, or `TOO_LONG`.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        Field::parse(&Value::Text(raw.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one normal form of an e-mail address, used at every door: form, import, suppression list, look-up.
/// `None` if it is not an address.
pub fn normalize_email(raw: &str) -> Option<String> {
    let raw: String = raw.trim().nfc().collect();
    let (local, domain) = raw.rsplit_once('@')?;
    let domain = idna::domain_to_ascii_strict(domain).ok()?;
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c);
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && local.chars().all(atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let domain_ok = domain.contains('.') && domain.len() <= 189 && domain.split('.').all(|label| !label.is_empty());
    (local_ok && domain_ok).then(|| format!("{}@{domain}", local.to_lowercase()))
}

impl Field for EmailAddress {
    const KIND: Kind = Kind::Text { min: 3, max: 254, pattern: None, format: Some("email") };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let raw = text(value, 254)?;
        no_control(raw, false)?;
        normalize_email(raw).map(Self).ok_or_else(|| Fault::new("NOT_AN_EMAIL", "must be an e-mail address"))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// A phone number in E.164 form. A number without a country prefix is read as Spanish, where it can be one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads and normalises a number.
    ///
    /// # Errors
    /// `NOT_A_PHONE`.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        Field::parse(&Value::Text(raw.to_owned()))
    }

    /// The number, `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for PhoneNumber {
    const KIND: Kind = Kind::Text { min: 8, max: 32, pattern: Some(r"^[+0-9 ().\-/]+$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let wrong = || Fault::new("NOT_A_PHONE", "must be a phone number in international form, such as +34600111222");
        let raw = text(value, 32)?.trim();
        let mut digits = String::with_capacity(raw.len());
        for (n, c) in raw.chars().enumerate() {
            match c {
                '+' if n == 0 => digits.push('+'),
                '0'..='9' => digits.push(c),
                ' ' | '(' | ')' | '.' | '-' | '/' => {}
                _ => return Err(wrong()),
            }
        }
        let digits = match digits.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None if digits.len() == 9 && digits.starts_with(['6', '7', '8', '9']) => format!("+34{digits}"),
            None => digits,
        };
        let Some(number) = digits.strip_prefix('+') else { return Err(wrong()) };
        // E.164: a country code that does not begin with 0, fifteen digits at most.
        if !(7..=15).contains(&number.len()) || number.starts_with('0') { Err(wrong()) } else { Ok(Self(digits)) }
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// An `https` or `http` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(String);

impl WebAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for WebAddress {
    const KIND: Kind = Kind::Text { min: 8, max: 2000, pattern: Some(r"^https?://[^\s<>\x22]+$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let raw = text(value, 2000)?.trim();
        let rest = raw.strip_prefix("https://").or_else(|| raw.strip_prefix("http://"));
        match rest {
            Some(rest)
                if !rest.is_empty()
                    && !rest.starts_with('/')
                    && raw.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>\"".contains(c)) =>
            {
                Ok(Self(raw.to_owned()))
            }
            _ => Err(Fault::new("NOT_A_WEB_ADDRESS", "must begin with https:// or http://")),
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_email_has_one_normal_form() {
        for (raw, normal) in [
            (" QX7Canary@EXAMPLE.es ", Some("qx7canary@example.es")),
            ("ana.maria+cursos@example.es", Some("ana.maria+cursos@example.es")),
            ("ana@ESPAÑA.es", Some("ana@xn--espaa-rta.es")),
            ("ana@example", None),
            ("ana", None),
            ("@example.es", None),
            ("ana..b@example.es", None),
            ("ana b@example.es", None),
            ("ana@exa mple.es", None),
            ("a\"b@example.es", None),
        ] {
            assert_eq!(normalize_email(raw).as_deref(), normal, "{raw}");
        }
        assert_eq!(EmailAddress::parse("ana@example.es\r\nBcc: x@example.es").unwrap_err().code, "CONTROL_CHARACTER");
    }

    #[test]
    fn a_phone_is_kept_in_its_international_form() {
        for (raw, normal) in [
            ("+34 600 111 222", Some("+34600111222")),
            ("600111222", Some("+34600111222")),
            ("0034-600-111-222", Some("+34600111222")),
            ("+44 (20) 7946 0958", Some("+442079460958")),
            ("12345", None),
            ("600 ABC 222", None),
            ("+0600111222", None),
            ("6+00111222", None),
        ] {
            assert_eq!(PhoneNumber::parse(raw).ok().map(|phone| phone.0), normal.map(str::to_owned), "{raw}");
        }
    }

    #[test]
    fn a_line_refuses_what_people_cannot_read() {
        assert_eq!(Line::<10>::parse("  ").unwrap_err().code, "REQUIRED");
        assert_eq!(Line::<10>::parse("a\u{0}b").unwrap_err().code, "CONTROL_CHARACTER");
        assert_eq!(Line::<10>::parse("a\u{202e}b").unwrap_err().code, "CONTROL_CHARACTER");
        assert_eq!(Line::<10>::parse("12345678901").unwrap_err().code, "TOO_LONG");
        assert_eq!(Line::<10>::parse(" Lucía ").unwrap().as_str(), "Lucía");
    }

    proptest! {
        #[test]
        fn normal_forms_are_fixed_points(raw in "\\PC{0,40}@[a-zA-Z0-9ñ]{1,10}\\.[a-z]{2,5}") {
            if let Some(normal) = normalize_email(&raw) {
                prop_assert_eq!(normalize_email(&normal), Some(normal));
            }
        }

        #[test]
        fn a_slug_reads_back_as_itself(raw in "[a-z0-9-]{0,40}") {
            if let Ok(slug) = Slug::parse(&raw) {
                prop_assert_eq!(slug.as_str(), raw.as_str());
                prop_assert!(!raw.starts_with('-') && !raw.ends_with('-') && !raw.contains("--"));
            }
        }
    }
}
