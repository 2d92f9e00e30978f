use chrono::Months;

use super::AgeBand;
use crate::shared::{Instant, LocalDate, TimeZone};

/// From which age people of a country consent for themselves, from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeRule {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// First day.
    pub effective_from: LocalDate,
    /// Years.
    pub age: u32,
}

/// The ages of consent of all countries and times, with the time zone in which a birthday begins (GDPR art. 8, LOPDGDD art. 7).
///
/// It is a dated table, since laws change: a consent is judged by the age that held on the day on which it was given (case D16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgeRules {
    time_zone: TimeZone,
    rules: Vec<AgeRule>,
}

/// Where a country has no age of its own: GDPR art. 8(1).
const GDPR_AGE: u32 = 16;

/// Spain's Ley Orgánica 3/2018, art. 7.1, and the day from which it holds.
const LOPDGDD_AGE: u32 = 14;
const LOPDGDD_FROM: LocalDate = LocalDate::from_ymd_opt(2018, 12, 7).expect("is a day");

impl AgeRules {
    /// A table of its own.
    pub fn new(time_zone: TimeZone, rules: Vec<AgeRule>) -> Self {
        Self { time_zone, rules }
    }

    /// The same table, with birthdays that begin in another time zone.
    #[must_use]
    pub fn in_zone(self, time_zone: TimeZone) -> Self {
        Self { time_zone, ..self }
    }

    /// The same table with one rule more.
    #[must_use]
    pub fn with(mut self, rule: AgeRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// From which age people of a country consent for themselves on a day.
    pub fn age_on(&self, country: &str, on: LocalDate) -> u32 {
        self.rules
            .iter()
            .filter(|rule| rule.country.eq_ignore_ascii_case(country) && rule.effective_from <= on)
            .max_by_key(|rule| rule.effective_from)
            .map_or(GDPR_AGE, |rule| rule.age)
    }

    /// Whether somebody needs a guardian to consent on a day. A birth date decides before a band; of a band the lowest age counts;
    /// who is not known to be young is not taken for young (the form asks: `privacy.md` §1, rule 6).
    pub fn below_age(&self, birth_date: Option<LocalDate>, band: Option<AgeBand>, country: &str, on: LocalDate) -> bool {
        let age = self.age_on(country, on);
        match (birth_date, band) {
            // A birthday that the year lacks (29 February) falls on the last day of the month (Código Civil art. 5.1).
            (Some(born), _) => born.checked_add_months(Months::new(age.saturating_mul(12))).is_none_or(|birthday| on < birthday),
            (None, Some(band)) => lowest_age(band) < age,
            (None, None) => false,
        }
    }

    /// The day of a moment, where these rules hold.
    pub fn date_of(&self, at: Instant) -> LocalDate {
        self.time_zone.date_of(at)
    }
}

impl Default for AgeRules {
    /// Spain: 14 years from 7 December 2018.
    fn default() -> Self {
        Self::new(TimeZone::MADRID, vec![AgeRule { country: "ES".to_owned(), effective_from: LOPDGDD_FROM, age: LOPDGDD_AGE }])
    }
}

const fn lowest_age(band: AgeBand) -> u32 {
    match band {
        AgeBand::Under14 => 0,
        AgeBand::From14To15 => 14,
        AgeBand::From16To17 => 16,
        AgeBand::Adult => 18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> LocalDate {
        text.parse().unwrap()
    }

    fn sixteen_from_2027() -> AgeRules {
        AgeRules::default().with(AgeRule { country: "ES".into(), effective_from: day("2027-01-01"), age: 16 })
    }

    #[test]
    fn d16_the_fourteenth_birthday_is_the_first_day_of_own_consent() {
        let born = Some(day("2012-11-21"));
        for (rules, on, below) in [
            (AgeRules::default(), "2026-11-20", true),
            (AgeRules::default(), "2026-11-21", false),
            (sixteen_from_2027(), "2026-11-21", false),
            (sixteen_from_2027(), "2026-12-31", false),
            (sixteen_from_2027(), "2027-02-01", true),
            (sixteen_from_2027(), "2028-11-21", false),
        ] {
            assert_eq!(rules.below_age(born, None, "ES", day(on)), below, "{on}");
        }
    }

    #[test]
    fn a_country_without_an_age_of_its_own_has_that_of_the_gdpr() {
        let rules = AgeRules::default();
        assert_eq!(rules.age_on("ES", day("2018-12-07")), 14);
        assert_eq!(rules.age_on("es", day("2026-01-01")), 14);
        assert_eq!(rules.age_on("ES", day("2018-12-06")), 16);
        assert_eq!(rules.age_on("DE", day("2026-01-01")), 16);
    }

    #[test]
    fn the_lowest_age_of_a_band_counts() {
        for (band, below_14, below_16) in
            [(AgeBand::Under14, true, true), (AgeBand::From14To15, false, true), (AgeBand::From16To17, false, false), (AgeBand::Adult, false, false)]
        {
            assert_eq!(AgeRules::default().below_age(None, Some(band), "ES", day("2026-06-01")), below_14, "{band}");
            assert_eq!(sixteen_from_2027().below_age(None, Some(band), "ES", day("2027-06-01")), below_16, "{band}");
        }
        assert!(!AgeRules::default().below_age(Some(day("2000-01-01")), Some(AgeBand::Under14), "ES", day("2026-06-01")));
    }

    #[test]
    fn who_was_born_on_a_leap_day_comes_of_age_on_the_last_of_february() {
        let born = Some(day("2012-02-29"));
        assert!(AgeRules::default().below_age(born, None, "ES", day("2026-02-27")));
        assert!(!AgeRules::default().below_age(born, None, "ES", day("2026-02-28")));
    }

    #[test]
    fn a_birthday_begins_at_midnight_of_the_organization() {
        assert_eq!(AgeRules::default().date_of("2026-11-20T23:30:00Z".parse().unwrap()), day("2026-11-21"));
    }
}
