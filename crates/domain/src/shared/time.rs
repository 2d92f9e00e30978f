use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Utc};

use super::{Fault, Field, Kind, Value};

pub use chrono::Weekday;

/// A moment, in UTC, cut to microseconds by the clock so that every database gives back what it was given.
pub type Instant = DateTime<Utc>;

/// A day of legal effect, without a time zone of its own: the campus or the organization has it.
pub type LocalDate = NaiveDate;

/// A time of day, to the minute, by the clock on the wall of some place.
pub type LocalTime = NaiveTime;

/// Years that a date of the product can lie in.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// The day so many days later (earlier, if that is negative), as long as it is one of the product.
pub fn days_later(day: LocalDate, days: i64) -> Option<LocalDate> {
    use chrono::Datelike;
    let shifted = day.checked_add_signed(chrono::TimeDelta::try_days(days)?)?;
    YEARS.contains(&shifted.year()).then_some(shifted)
}

impl Field for LocalDate {
    const KIND: Kind = Kind::Date;
    fn parse(value: &Value) -> Result<Self, Fault> {
        use chrono::Datelike;
        let wrong = || Fault::new("NOT_A_DATE", "must be a day that exists, as YYYY-MM-DD");
        match value {
            Value::Date(date) => Ok(*date),
            Value::Text(text) if text.len() == 10 && text.is_ascii() => {
                let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
                if YEARS.contains(&date.year()) { Ok(date) } else { Err(wrong()) }
            }
            Value::Text(_) => Err(wrong()),
            _ => Err(Fault::wrong_type("a date")),
        }
    }
    fn value(&self) -> Value {
        Value::Date(*self)
    }
}

impl Field for LocalTime {
    const KIND: Kind = Kind::Text { min: 5, max: 5, pattern: Some("^([01][0-9]|2[0-3]):[0-5][0-9]$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let wrong = || Fault::new("NOT_A_TIME", "must be a time of day, as HH:MM");
        match value {
            Value::Text(text) if text.len() == 5 && text.starts_with(|c: char| c.is_ascii_digit()) => {
                NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| wrong())
            }
            Value::Text(_) => Err(wrong()),
            _ => Err(Fault::wrong_type("a time of day")),
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.format("%H:%M").to_string())
    }
}

impl Field for Instant {
    const KIND: Kind = Kind::Instant;
    fn parse(value: &Value) -> Result<Self, Fault> {
        use chrono::{Datelike, SubsecRound};
        let wrong = || Fault::new("NOT_AN_INSTANT", "must be a moment as in RFC 3339, such as 2026-03-01T10:00:00Z");
        match value {
            Value::Instant(at) => Ok(*at),
            Value::Text(text) if text.len() <= 40 => {
                let at = DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?.with_timezone(&Utc).trunc_subsecs(6);
                if YEARS.contains(&at.year()) { Ok(at) } else { Err(wrong()) }
            }
            Value::Text(_) => Err(wrong()),
            _ => Err(Fault::wrong_type("an instant")),
        }
    }
    fn value(&self) -> Value {
        Value::Instant(*self)
    }
}

/// An IANA time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(chrono_tz::Tz);

impl TimeZone {
    /// Where the product comes from, and what holds where nothing else is said.
    pub const MADRID: Self = Self(chrono_tz::Tz::Europe__Madrid);

    /// Reads the IANA name.
    ///
    /// # Errors
    /// `NOT_A_TIME_ZONE`.
    pub fn parse(name: &str) -> Result<Self, Fault> {
        name.parse().map(Self).map_err(|_| Fault::new("NOT_A_TIME_ZONE", "must be an IANA time zone, such as Europe/Madrid"))
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The moment at which the clock on the wall there first shows this; where it jumps over it, the moment of the jump.
    pub fn instant_of(self, day: LocalDate, time: LocalTime) -> Instant {
        use chrono::offset::LocalResult;
        let mut wall = day.and_time(time);
        loop {
            match self.0.from_local_datetime(&wall) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => return at.with_timezone(&Utc),
                LocalResult::None => wall += chrono::TimeDelta::minutes(1),
            }
        }
    }

    /// The day on the wall calendar there.
    pub fn date_of(self, at: Instant) -> LocalDate {
        at.with_timezone(&self.0).date_naive()
    }
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::MADRID
    }
}

impl Field for TimeZone {
    const KIND: Kind = Kind::Text { min: 1, max: 64, pattern: None, format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Text(name) => Self::parse(name),
            _ => Err(Fault::wrong_type("text")),
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_must_exist() {
        for (text, exists) in [("2028-02-29", true), ("2026-02-29", false), ("2026-13-01", false), ("0026-01-01", false), ("2026-1-1", false)] {
            assert_eq!(<LocalDate as Field>::parse(&text.into()).is_ok(), exists, "{text}");
        }
    }

    #[test]
    fn a_time_is_of_the_day() {
        for (text, exists) in [
            ("00:00", true),
            ("23:59", true),
            ("24:00", false),
            ("12:60", false),
            ("9:00", false),
            ("09:0", false),
            (" 9:00", false),
            ("09:00:00", false),
        ] {
            let read = <LocalTime as Field>::parse(&text.into());
            assert_eq!(read.is_ok(), exists, "{text}");
            assert!(read.is_err() || read.unwrap().value() == text.into());
        }
    }

    #[test]
    fn a_day_ends_at_midnight_of_its_time_zone() {
        let at = <Instant as Field>::parse(&"2026-03-05T23:30:00Z".into()).unwrap();
        assert_eq!(TimeZone::MADRID.date_of(at).to_string(), "2026-03-06");
        assert_eq!(TimeZone::parse("Atlantic/Canary").unwrap().date_of(at).to_string(), "2026-03-05");
    }

    #[test]
    fn a_day_on_which_the_clocks_change_is_shorter_or_longer() {
        for (zone, begins, ends, day) in [
            ("Europe/Madrid", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29"),
            ("Europe/Madrid", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25"),
            ("Atlantic/Canary", "2026-03-29T00:00:00Z", "2026-03-29T22:59:59Z", "2026-03-29"),
            ("Atlantic/Canary", "2026-10-24T23:00:00Z", "2026-10-25T23:59:59Z", "2026-10-25"),
        ] {
            let (zone, second) = (TimeZone::parse(zone).unwrap(), chrono::TimeDelta::seconds(1));
            let (begins, ends) = [begins, ends].map(|at| <Instant as Field>::parse(&at.into()).unwrap()).into();
            let day: LocalDate = day.parse().unwrap();
            let days = [begins - second, begins, ends, ends + second].map(|at| zone.date_of(at));
            assert_eq!(days, [day - chrono::Days::new(1), day, day, day + chrono::Days::new(1)], "{zone:?}");
        }
    }
}
