//! The course runs of the year: those that were, those that are, and those of the coming months.

use chrono::{Datelike, Days, Weekday};
use matricula_domain::shared::LocalDate;
use rand::RngExt;
use rand::rngs::StdRng;

use super::provider::OFFERS;

/// How long before its first day a run is announced.
const NOTICE: Days = Days::new(110);

/// How many days lie between two runs of a course at the same place.
const RHYTHM: u64 = 75;

/// Before so many days there was nobody yet who could have enrolled.
const FIRST: u64 = 335;

/// How many leads one group of a run can live on; a provider with more has parallel groups.
const LEADS_OF_A_GROUP: u32 = 4_000;

/// What is special about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Usual,
    /// It is full some days ago, and people wait.
    Full,
    /// A seat is held, and some are free.
    Held,
    /// It will not be taught.
    Cancelled,
}

/// A run of the year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// What is taught, as a number of [`OFFERS`].
    pub offer: usize,
    /// Where; nowhere if it is online.
    pub campus: Option<usize>,
    /// The day on which it is announced.
    pub announced: LocalDate,
    /// First day.
    pub start: LocalDate,
    /// Last day.
    pub end: LocalDate,
    /// Last day to enroll.
    pub deadline: LocalDate,
    /// How many seats it has.
    pub seats: u32,
    /// Of a hundred seats, how many are taken in the end, at least.
    pub appeal: u32,
    /// What is special about it.
    pub fate: Fate,
}

/// The runs of the year that ends today, by the day on which they start.
pub(super) fn runs(random: &mut StdRng, leads: u32, today: LocalDate) -> Vec<Run> {
    let groups = leads.div_ceil(LEADS_OF_A_GROUP).clamp(1, 50);
    // A year with few leads has not many enrollments beside them either.
    let liveliness = (leads / 15).clamp(40, 100);
    let mut runs = Vec::new();
    let mut line = 0;
    for (offer, details) in OFFERS.iter().enumerate() {
        let places: Vec<_> = if details.campuses.is_empty() { vec![None] } else { details.campuses.iter().copied().map(Some).collect() };
        for campus in places {
            for _ in 0..groups {
                let next = today + Days::new(14 + line * 9 % RHYTHM);
                for number in -5_i64..=1 {
                    let days = Days::new(RHYTHM * number.unsigned_abs());
                    let start = monday(if number < 0 { next - days } else { next + days });
                    let announced = start - NOTICE;
                    let appeal = random.random_range(45..=95) * liveliness / 100;
                    if announced < today && start > today - Days::new(FIRST) {
                        let end = start + Days::new(u64::try_from(details.weeks).unwrap_or_default() * 7 - 3);
                        let deadline = start - Days::new(3);
                        runs.push(Run { offer, campus, announced, start, end, deadline, seats: details.seats, appeal, fate: Fate::Usual });
                    }
                }
                line += 1;
            }
        }
    }
    runs.sort_by_key(|run| (run.start, run.offer, run.campus));
    appoint(&mut runs, today);
    runs
}

/// The Monday on or after a day. Nobody starts in August, nor between Christmas and Epiphany.
fn monday(day: LocalDate) -> LocalDate {
    let from = match (day.month(), day.day()) {
        (8, _) => LocalDate::from_ymd_opt(day.year(), 9, 1),
        (12, 15..) => LocalDate::from_ymd_opt(day.year() + 1, 1, 7),
        (1, ..7) => LocalDate::from_ymd_opt(day.year(), 1, 7),
        _ => None,
    };
    let from = from.unwrap_or(day);
    from + Days::new(u64::from((7 - from.weekday().days_since(Weekday::Mon)) % 7))
}

/// Says which of the coming runs are special.
fn appoint(runs: &mut [Run], today: LocalDate) {
    let coming = |run: &&mut Run| run.deadline > today;
    if let Some(full) = runs.iter_mut().filter(coming).find(|run| run.offer == 0 && run.campus == Some(0)) {
        full.fate = Fate::Full;
    }
    if let Some(held) = runs.iter_mut().filter(coming).find(|run| run.offer == 0 && run.campus == Some(1)) {
        held.fate = Fate::Held;
    }
    // Of the other course that is taught in two towns: who wanted that run can take the other one.
    let a_while_ago = today - Days::new(20);
    if let Some(cancelled) = runs.iter_mut().filter(coming).rfind(|run| run.offer == 1 && run.announced < a_while_ago) {
        cancelled.fate = Fate::Cancelled;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn there_are_runs_of_every_kind_on_every_day() {
        for day in 0..400 {
            let today = LocalDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(day);
            let runs = runs(&mut StdRng::seed_from_u64(day), 3_000, today);
            for fate in [Fate::Full, Fate::Held, Fate::Cancelled] {
                assert_eq!(runs.iter().filter(|run| run.fate == fate && run.start > today).count(), 1, "{today}: {fate:?}");
            }
            assert!(runs.iter().all(|run| run.announced < run.deadline && run.deadline < run.start && run.start < run.end), "{today}");
            let of = |test: fn(&Run, LocalDate) -> bool| runs.iter().filter(|run| test(run, today)).count();
            let (before, during, to_come) =
                (of(|run, day| run.end < day), of(|run, day| run.start <= day && day <= run.end), of(|run, day| run.start > day));
            assert!(before >= 15 && during >= 4 && to_come >= 7, "{today}: {before} {during} {to_come}");
        }
    }
}
