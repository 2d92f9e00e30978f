use chrono::{Datelike, TimeDelta};

use crate::catalog::{DayOfWeek, OpeningHours};
use crate::shared::{Instant, LocalTime, TimeZone};

/// How much of their working time those who work on leads have to answer one.
pub const FIRST_RESPONSE: TimeDelta = TimeDelta::hours(2);

/// How long after the last thing that was done a lead is due where nobody said what comes next.
pub const FOLLOW_UP: TimeDelta = TimeDelta::days(3);

/// How many days are looked through for working time before the hours on the wall count instead.
const DAYS: u64 = 60;

/// When somebody is there to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingHours {
    /// The week of a campus; where it is empty, Monday to Friday from nine to six.
    pub week: Vec<OpeningHours>,
    /// By whose clocks.
    pub zone: TimeZone,
}

impl WorkingHours {
    /// When so much working time has passed since a moment.
    pub fn after(&self, since: Instant, time: TimeDelta) -> Instant {
        let mut left = time;
        for day in self.zone.date_of(since).iter_days().take(usize::try_from(DAYS).unwrap_or(usize::MAX)) {
            for (opens, closes) in self.on(day.weekday()) {
                let from = self.zone.instant_of(day, opens).max(since);
                let open = self.zone.instant_of(day, closes) - from;
                if open <= TimeDelta::zero() {
                    continue;
                }
                if left <= open {
                    return from + left;
                }
                left -= open;
            }
        }
        since + time
    }

    /// From when to when, on a day of the week, earliest first.
    fn on(&self, day: chrono::Weekday) -> Vec<(LocalTime, LocalTime)> {
        let index = day.num_days_from_monday() as usize;
        if self.week.is_empty() {
            let at = |hour| LocalTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
            return if index < 5 { vec![(at(9), at(18))] } else { Vec::new() };
        }
        let today = DayOfWeek::ALL.get(index);
        let mut hours: Vec<_> = self.week.iter().filter(|hours| Some(&hours.day_of_week) == today).map(|hours| (hours.opens, hours.closes)).collect();
        hours.sort_unstable();
        hours
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shared::{Field, Form, Value};

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn hours(week: &[(&str, &str, &str)]) -> WorkingHours {
        let hours = |(day, opens, closes): &(&str, &str, &str)| {
            let fields = [("day_of_week", *day), ("opens", *opens), ("closes", *closes)];
            OpeningHours::read(&Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())).unwrap()
        };
        WorkingHours { week: week.iter().map(hours).collect(), zone: TimeZone::MADRID }
    }

    #[test]
    fn the_clock_runs_while_somebody_is_there() {
        // In winter Madrid is an hour ahead; 2026-03-02 is a Monday.
        let split = [("monday", "16:00", "20:00"), ("monday", "09:00", "14:00"), ("tuesday", "09:00", "14:00")];
        for (week, since, due) in [
            (&split[..], "2026-03-02T09:00:00Z", "2026-03-02T11:00:00Z"),
            (&split, "2026-03-02T12:00:00Z", "2026-03-02T16:00:00Z"),
            (&split, "2026-03-02T12:30:00Z", "2026-03-02T16:30:00Z"),
            (&split, "2026-03-02T18:30:00Z", "2026-03-03T09:30:00Z"),
            (&split, "2026-03-03T13:00:00Z", "2026-03-09T10:00:00Z"),
            (&[], "2026-03-06T16:30:00Z", "2026-03-09T09:30:00Z"),
            (&[], "2026-03-07T03:00:00Z", "2026-03-09T10:00:00Z"),
            // The night in which the clocks go forward.
            (&[("sunday", "01:00", "04:00")], "2026-03-28T23:30:00Z", "2026-03-29T02:00:00Z"),
        ] {
            assert_eq!(hours(week).after(at(since), FIRST_RESPONSE), at(due), "{week:?} {since}");
        }
    }

    #[test]
    fn a_week_in_which_nobody_is_there_long_enough_ends_some_time() {
        assert_eq!(hours(&[("monday", "09:00", "09:01")]).after(at("2026-03-02T08:00:00Z"), TimeDelta::hours(2)), at("2026-03-02T10:00:00Z"));
    }

    proptest! {
        /// Less time is over no later, and no less time passes than was asked for.
        #[test]
        fn working_time_is_never_shorter_than_time(start in 0_i64..4_000_000, minutes in 1_i64..600, more in 0_i64..600) {
            let since = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(start);
            let week = hours(&[("monday", "09:00", "14:00"), ("wednesday", "10:00", "20:00"), ("saturday", "09:00", "13:30")]);
            let due = week.after(since, TimeDelta::minutes(minutes));
            prop_assert!(due - since >= TimeDelta::minutes(minutes));
            prop_assert!(week.after(since, TimeDelta::minutes(minutes + more)) >= due);
            prop_assert!(LocalTime::parse(&due.format("%H:%M").to_string().as_str().into()).is_ok());
        }
    }
}
