//! The year of the provider, imagined before it is told: who asks when, what becomes of it, who gets a seat. Nothing here touches a
//! database; the same seed on the same day imagines the same year.

use std::collections::{BTreeMap, HashSet};

use chrono::{Datelike, Days, NaiveTime, TimeDelta, Timelike, Weekday};
use matricula_domain::catalog::RunStatus;
use matricula_domain::enrollment::EnrollmentStatus;
use matricula_domain::identity::Role;
use matricula_domain::leads::LeadStatus;
use matricula_domain::marketing::CampaignStatus;
use matricula_domain::privacy::{Channel, ConsentAction, Purpose};
use matricula_domain::shared::{Instant, LocalDate, TimeZone};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::campaigns::{Campaign, FRIEND, campaigns};
use super::enquiries::{Door, Enquiry, LEFT, NO_SEAT, NOT_AFTER_ALL, NOT_MEANT, spammer};
use super::names::{Names, Somebody, one_of};
use super::provider::OFFERS;
use super::runs::{Fate, Run, runs};

/// How long before today the provider was founded.
pub(super) const FOUNDED: Days = Days::new(372);

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// When. Steps stand in their order; one that would be earlier than the one before happens right after it.
    pub at: Instant,
    /// Who does it; nobody who works here if `None`.
    pub who: Option<Role>,
    /// What.
    pub act: Act,
}

/// What somebody does. Leads and seats are numbered in the order in which they come to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// A campaign is written down.
    Draft { campaign: usize },
    /// A campaign goes to another state.
    MoveCampaign { campaign: usize, to: CampaignStatus },
    /// A run is announced.
    Announce { run: usize },
    /// A run goes to another state.
    MoveRun { run: usize, to: RunStatus },
    /// Somebody asks: a new lead, or one more touch on this one.
    Capture { lead: usize, enquiry: Box<Enquiry> },
    /// Somebody is to work on a lead.
    Assign { lead: usize, to: Role },
    /// A lead goes to another state.
    Move { lead: usize, to: LeadStatus, reason: Option<&'static str> },
    /// A lead becomes a seat.
    Convert { lead: usize, run: usize },
    /// Somebody gets a seat without having been a lead, or waits for one.
    Enroll { run: usize, who: Somebody, waitlist: bool },
    /// A seat goes to another state.
    MoveSeat { seat: usize, to: EnrollmentStatus, reason: Option<&'static str> },
    /// A seat is held for the person of another seat.
    Hold { run: usize, of: usize, hours: u32 },
    /// The person of a lead decides about a purpose.
    Decide { lead: usize, purpose: Purpose, action: ConsentAction, channel: Channel },
}

/// The year.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Year {
    /// When it began.
    pub founded: Instant,
    /// Its campaigns.
    pub campaigns: Vec<Campaign>,
    /// Its runs.
    pub runs: Vec<Run>,
    /// What happened.
    pub steps: Vec<Step>,
}

/// Imagines the year that ends now.
pub(super) fn imagine(seed: u64, leads: u32, now: Instant) -> Year {
    let today = TimeZone::MADRID.date_of(now);
    let mut random = StdRng::seed_from_u64(seed);
    let (campaigns, runs) = (campaigns(today), runs(&mut random, leads, today));
    let states = vec![State::default(); runs.len()];
    let year = Year { founded: moment(today - FOUNDED, 9 * HOUR), campaigns, runs, steps: Vec::new() };
    let mut teller =
        Teller { random, now, names: Names::from_seed(seed), due: BTreeMap::new(), planned: 0, lives: Vec::new(), seats: Vec::new(), states, year };
    teller.plan(leads, today);
    while let Some(((at, _), due)) = teller.due.pop_first() {
        teller.tell(at, due);
    }
    teller.year
}

const HOUR: i64 = 3600;

/// A second of a day of the provider. An hour behind Greenwich is near enough for when people write and call.
fn moment(day: LocalDate, second: i64) -> Instant {
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(second - HOUR)
}

/// What is to be looked at when its time comes.
#[derive(Clone, Copy, Debug)]
enum Due {
    Draft(usize),
    MoveCampaign(usize, CampaignStatus),
    Announce(usize),
    Start(usize),
    Finish(usize),
    Cancel(usize),
    Leave(usize),
    Hold,
    Day(LocalDate),
    Arrive,
    Again(usize),
    Assign(usize, Role),
    Contact(usize),
    Qualify(usize),
    Move(usize, LeadStatus, Option<&'static str>),
    Place { lead: usize, tries: u32 },
    Decide(usize, Purpose, ConsentAction),
}

/// A lead, as far as it has come.
#[derive(Clone, Debug)]
struct Life {
    who: Somebody,
    person: usize,
    course: Option<usize>,
    campaign: Option<usize>,
    status: LeadStatus,
    by: Role,
}

/// A seat that somebody has, or waits for.
#[derive(Clone, Debug)]
struct Seat {
    run: usize,
    status: EnrollmentStatus,
}

/// How far a run has come.
#[derive(Clone, Debug, Default)]
struct State {
    status: Option<RunStatus>,
    taken: u32,
    waiting: u32,
    people: HashSet<usize>,
}

struct Teller {
    random: StdRng,
    now: Instant,
    names: Names,
    /// By time, and in the order in which it was planned.
    due: BTreeMap<(Instant, u64), Due>,
    planned: u64,
    lives: Vec<Life>,
    seats: Vec<Seat>,
    states: Vec<State>,
    year: Year,
}

impl Teller {
    /// What is not over yet by now does not happen.
    fn due(&mut self, at: Instant, due: Due) {
        if at <= self.now {
            self.planned += 1;
            self.due.insert((at, self.planned), due);
        }
    }

    fn step(&mut self, at: Instant, who: impl Into<Option<Role>>, act: Act) {
        self.year.steps.push(Step { at: at.min(self.now), who: who.into(), act });
    }

    /// Everything that does not come out of something else.
    fn plan(&mut self, leads: u32, today: LocalDate) {
        let opened = moment(today - FOUNDED + Days::new(1), 10 * HOUR);
        for n in 0..self.year.campaigns.len() {
            let Campaign { start, end, fate, .. } = self.year.campaigns[n];
            self.due(moment(start - Days::new(6), 12 * HOUR).max(opened).min(self.now - TimeDelta::days(2)), Due::Draft(n));
            if fate != CampaignStatus::Draft {
                self.due(moment(start, 0).max(opened + TimeDelta::hours(1)), Due::MoveCampaign(n, CampaignStatus::Active));
            }
            let over = end.unwrap_or(today - Days::new(60));
            if !matches!(fate, CampaignStatus::Draft | CampaignStatus::Active) {
                self.due(moment(over, 21 * HOUR), Due::MoveCampaign(n, fate));
            }
        }
        for n in 0..self.year.runs.len() {
            let Run { announced, start, end, fate, .. } = self.year.runs[n];
            self.due(moment(announced, 10 * HOUR).max(opened), Due::Announce(n));
            if fate == Fate::Cancelled {
                let at = self.at_work(self.now - TimeDelta::days(4));
                self.due(at, Due::Cancel(n));
            }
            self.due(moment(start, 8 * HOUR), Due::Start(n));
            self.due(moment(end, 19 * HOUR), Due::Finish(n));
        }
        for n in 0..=365 {
            let day = today - Days::new(365 - n);
            let at = moment(day, 11 * HOUR + self.random.random_range(0..HOUR));
            self.due(at, Due::Day(day));
        }
        self.due(self.now - TimeDelta::hours(3), Due::Hold);
        self.plan_arrivals(leads, today);
    }

    /// Spreads the leads over the year, as people ask: more in autumn and January, on Mondays, at noon and after supper.
    fn plan_arrivals(&mut self, leads: u32, today: LocalDate) {
        const MONTHS: [u32; 12] = [125, 100, 95, 90, 95, 100, 70, 40, 160, 135, 105, 65];
        const WEEKDAYS: [u32; 7] = [120, 115, 110, 100, 85, 55, 65];
        const HOURS: [u32; 24] = [10, 5, 2, 1, 1, 2, 5, 10, 20, 40, 60, 70, 70, 60, 50, 50, 60, 70, 80, 80, 70, 60, 50, 30];
        let days: Vec<_> = (0..365).map(|n| today - Days::new(364 - n)).collect();
        let weights: Vec<_> =
            days.iter().map(|day| MONTHS[day.month0() as usize] * WEEKDAYS[day.weekday().num_days_from_monday() as usize]).collect();
        for _ in 0..leads {
            let day = days[self.weighted(&weights)];
            let hour = i64::try_from(self.weighted(&HOURS)).unwrap_or_default();
            let mut at = moment(day, hour * HOUR) + TimeDelta::milliseconds(self.random.random_range(0..HOUR * 1000));
            if at > self.now {
                at -= TimeDelta::days(1);
            }
            self.due(at, Due::Arrive);
        }
    }

    fn tell(&mut self, at: Instant, due: Due) {
        match due {
            Due::Draft(campaign) => self.step(at, Role::Marketing, Act::Draft { campaign }),
            Due::MoveCampaign(campaign, to) => self.step(at, Role::Marketing, Act::MoveCampaign { campaign, to }),
            Due::Announce(run) => {
                self.states[run].status = Some(RunStatus::Scheduled);
                self.step(at, Role::Manager, Act::Announce { run });
            }
            Due::Start(run) => self.start(at, run),
            Due::Finish(run) => self.finish(at, run),
            Due::Cancel(run) => self.cancel(at, run),
            Due::Leave(seat) => {
                let reason = one_of(&mut self.random, &LEFT);
                self.move_seat(at, seat, EnrollmentStatus::Dropped, Some(reason));
            }
            Due::Hold => {
                let held = self.year.runs.iter().position(|run| run.fate == Fate::Held);
                let waits = self.seats.iter().rposition(|seat| seat.status == EnrollmentStatus::Waitlisted);
                if let Some((run, of)) = held.zip(waits) {
                    self.step(at, Role::Adviser, Act::Hold { run, of, hours: 48 });
                }
            }
            Due::Day(day) => (0..self.states.len()).for_each(|run| self.walk_in(at, day, run)),
            Due::Arrive => self.arrive(at),
            Due::Again(lead) => self.again(at, lead),
            Due::Assign(lead, to) => {
                let by = if to == Role::Manager || self.random.random_bool(0.4) { Role::Manager } else { Role::Adviser };
                self.step(at, by, Act::Assign { lead, to });
            }
            Due::Contact(lead) => self.contact(at, lead),
            Due::Qualify(lead) => self.qualify(at, lead),
            Due::Move(lead, LeadStatus::New, _) if self.has_open(self.lives[lead].person, self.lives[lead].course) => {}
            Due::Move(lead, to, reason) => self.move_lead(at, lead, to, reason),
            Due::Place { lead, tries } => self.place(at, lead, tries),
            Due::Decide(lead, purpose, action) => {
                let by = self.lives[lead].by;
                self.step(at, by, Act::Decide { lead, purpose, action, channel: Channel::Phone });
            }
        }
    }

    /// Somebody asks: somebody new, or somebody who asks for another course.
    fn arrive(&mut self, at: Instant) {
        let day = TimeZone::MADRID.date_of(at);
        let door = match self.random.random_range(0..100) {
            0..9 if in_office(at) => Door::Phone,
            9..13 if in_office(at) => Door::Counter,
            13..14 if in_office(at) => Door::Fair,
            14..18 if in_office(at) => Door::Whatsapp,
            _ => Door::Web,
        };
        let campaign = self.campaign(day, door);
        let asked = campaign.map_or(OFFERS.map(|offer| offer.asked), |campaign| self.year.campaigns[campaign].asked);
        let course = (!self.random.random_bool(0.05)).then(|| self.weighted(&asked));
        let lead = self.lives.len();
        if door == Door::Web && self.random.random_bool(0.04) {
            let who = spammer(&mut self.random, lead);
            let enquiry = Enquiry::spam(&mut self.random, &who, course);
            self.lives.push(Life { who, person: lead, course, campaign: None, status: LeadStatus::New, by: Role::Adviser });
            self.step(at, None, Act::Capture { lead, enquiry: Box::new(enquiry) });
            let seen = self.later(at, 1..60);
            return self.due(seen, Due::Move(lead, LeadStatus::Spam, None));
        }
        let (who, person) = match self.somebody_known(course) {
            Some(known) => (self.lives[known].who.clone(), self.lives[known].person),
            None => (self.names.somebody(&mut self.random), lead),
        };
        let asks = campaign.map(|campaign| &self.year.campaigns[campaign]);
        let mut enquiry = Enquiry::of(&mut self.random, &who, course, asks, door);
        if course.is_some() && self.random.random_bool(0.15) {
            enquiry.run = self.open_run(day, course, person);
        }
        let to = if self.random.random_bool(0.78) { Role::Adviser } else { Role::Manager };
        let ticked = enquiry.body["consents"].as_array().is_some_and(|boxes| boxes.iter().any(|one| one == Purpose::EmailMarketing.as_str()));
        let by = enquiry.visit.is_none().then_some(to);
        self.lives.push(Life { who, person, course, campaign, status: LeadStatus::New, by: to });
        self.step(at, by, Act::Capture { lead, enquiry: Box::new(enquiry) });
        self.expect(at, lead, door, ticked);
    }

    /// What is to become of a new lead.
    fn expect(&mut self, at: Instant, lead: usize, door: Door, ticked: bool) {
        let by = self.lives[lead].by;
        // Some are forgotten, which is what a list of new leads is for.
        if self.random.random_bool(0.985) {
            let contact = match door {
                Door::Web if self.random.random_bool(0.6) => self.later(at, 1..9),
                Door::Web => self.later(at, 9..70),
                _ => at + TimeDelta::minutes(self.random.random_range(3..20)),
            };
            let assign = (contact - TimeDelta::minutes(self.random.random_range(1..40))).max(at + TimeDelta::seconds(40));
            self.due(assign, Due::Assign(lead, by));
            self.due(contact, Due::Contact(lead));
        }
        if door == Door::Web && self.random.random_bool(0.1) {
            let again = at + TimeDelta::minutes(self.random.random_range(20..9_000));
            self.due(again, Due::Again(lead));
        }
        if ticked && self.random.random_bool(0.05) {
            let withdrawn = self.later(at, 200..2_000);
            self.due(withdrawn, Due::Decide(lead, Purpose::EmailMarketing, ConsentAction::Withdrawn));
        }
    }

    /// The same person asks once more while the lead is open.
    fn again(&mut self, at: Instant, lead: usize) {
        let Life { who, course, campaign, status, .. } = self.lives[lead].clone();
        if status.is_open() {
            let campaign = campaign.filter(|campaign| self.year.campaigns[*campaign].runs_on(TimeZone::MADRID.date_of(at)));
            let asks = campaign.map(|campaign| &self.year.campaigns[campaign]);
            let enquiry = Enquiry::of(&mut self.random, &who, course, asks, Door::Web);
            self.step(at, None, Act::Capture { lead, enquiry: Box::new(enquiry) });
        }
    }

    fn contact(&mut self, at: Instant, lead: usize) {
        self.move_lead(at, lead, LeadStatus::Contacted, None);
        match self.random.random_range(0..100) {
            0..33 => {
                let reason = one_of(&mut self.random, &NOT_MEANT);
                let end = self.later(at, 20..400);
                self.due(end, Due::Move(lead, LeadStatus::Rejected, Some(reason)));
                if self.random.random_bool(0.02) {
                    let back = self.later(end, 400..1_500);
                    self.due(back, Due::Move(lead, LeadStatus::New, None));
                }
            }
            33..36 => {}
            _ => {
                let qualified = self.later(at, 1..140);
                self.due(qualified, Due::Qualify(lead));
            }
        }
    }

    fn qualify(&mut self, at: Instant, lead: usize) {
        self.move_lead(at, lead, LeadStatus::Qualified, None);
        let wins = self.lives[lead].campaign.map_or(30, |campaign| self.year.campaigns[campaign].wins);
        if self.random.random_range(0..100) < wins {
            let placed = self.later(at, 2..280);
            self.due(placed, Due::Place { lead, tries: 0 });
        } else if self.random.random_bool(0.93) {
            let reason = one_of(&mut self.random, &NOT_AFTER_ALL);
            let end = self.later(at, 60..700);
            self.due(end, Due::Move(lead, LeadStatus::Rejected, Some(reason)));
        }
    }

    /// A lead gets a seat in a run that suits; if there is none, it waits for another run, but not for long.
    fn place(&mut self, at: Instant, lead: usize, tries: u32) {
        let Life { course, person, by, .. } = self.lives[lead];
        if let Some(run) = self.open_run(TimeZone::MADRID.date_of(at), course, person) {
            self.lives[lead].status = LeadStatus::Converted;
            self.sit(run, Some(person), EnrollmentStatus::Active);
            self.step(at, by, Act::Convert { lead, run });
        } else if tries < 2 {
            let later = self.later(at, 200..500);
            self.due(later, Due::Place { lead, tries: tries + 1 });
        } else {
            self.move_lead(at, lead, LeadStatus::Rejected, Some(NO_SEAT));
        }
    }

    fn move_lead(&mut self, at: Instant, lead: usize, to: LeadStatus, reason: Option<&'static str>) {
        self.lives[lead].status = to;
        let by = self.lives[lead].by;
        self.step(at, by, Act::Move { lead, to, reason });
    }

    /// A day at the counter of a run: people enroll who never were leads, until the run is as full as it gets.
    fn walk_in(&mut self, at: Instant, day: LocalDate, run: usize) {
        let Run { announced, deadline, seats, appeal, fate, .. } = self.year.runs[run];
        if self.states[run].status != Some(RunStatus::Scheduled) || day > deadline {
            return;
        }
        let before = (TimeZone::MADRID.date_of(self.now) - day).num_days();
        let gone = |from: LocalDate, to: LocalDate| u32::try_from((to - from).num_days()).unwrap_or_default();
        let usual = seats * appeal * gone(announced, day) / gone(announced, deadline).max(1) / 100;
        let wanted = match fate {
            Fate::Full if before <= 5 => seats,
            Fate::Cancelled => usual.min(2),
            _ => usual.min(self.most(run)),
        };
        let missing = wanted.saturating_sub(self.states[run].taken);
        let today = if fate == Fate::Full && before <= 5 { missing } else { missing.min(self.random.random_range(0..=2)) };
        for _ in 0..today {
            self.enroll(at, run, EnrollmentStatus::Active);
        }
        if fate == Fate::Full && (1..=4).contains(&before) {
            self.enroll(at, run, EnrollmentStatus::Waitlisted);
        }
    }

    fn enroll(&mut self, at: Instant, run: usize, status: EnrollmentStatus) {
        self.sit(run, None, status);
        let who = self.names.somebody(&mut self.random);
        self.step(at, Role::Adviser, Act::Enroll { run, who, waitlist: status == EnrollmentStatus::Waitlisted });
    }

    fn sit(&mut self, run: usize, person: Option<usize>, status: EnrollmentStatus) {
        let state = &mut self.states[run];
        match status {
            EnrollmentStatus::Waitlisted => state.waiting += 1,
            _ => state.taken += 1,
        }
        state.people.extend(person);
        self.seats.push(Seat { run, status });
    }

    fn start(&mut self, at: Instant, run: usize) {
        if self.states[run].status != Some(RunStatus::Scheduled) {
            return;
        }
        self.states[run].status = Some(RunStatus::Ongoing);
        self.step(at, Role::Manager, Act::MoveRun { run, to: RunStatus::Ongoing });
        let days = (self.year.runs[run].end - self.year.runs[run].start).num_days();
        for seat in self.active_in(run) {
            if self.random.random_bool(0.08) {
                let while_on = at + TimeDelta::days(self.random.random_range(5..days - 8));
                let left = self.later(while_on, 1..30);
                self.due(left, Due::Leave(seat));
            }
        }
    }

    fn finish(&mut self, at: Instant, run: usize) {
        if self.states[run].status != Some(RunStatus::Ongoing) {
            return;
        }
        for seat in self.active_in(run) {
            self.move_seat(at, seat, EnrollmentStatus::Completed, None);
        }
        self.states[run].status = Some(RunStatus::Completed);
        self.step(at + TimeDelta::minutes(10), Role::Manager, Act::MoveRun { run, to: RunStatus::Completed });
    }

    fn cancel(&mut self, at: Instant, run: usize) {
        for seat in self.active_in(run) {
            self.move_seat(at, seat, EnrollmentStatus::Dropped, Some("Grupo anulado por falta de alumnos"));
        }
        self.states[run].status = Some(RunStatus::Cancelled);
        self.step(at + TimeDelta::minutes(10), Role::Manager, Act::MoveRun { run, to: RunStatus::Cancelled });
    }

    fn active_in(&self, run: usize) -> Vec<usize> {
        let active = self.seats.iter().enumerate().filter(|(_, seat)| seat.run == run && seat.status == EnrollmentStatus::Active);
        active.map(|(n, _)| n).collect()
    }

    fn move_seat(&mut self, at: Instant, seat: usize, to: EnrollmentStatus, reason: Option<&'static str>) {
        self.seats[seat].status = to;
        if to == EnrollmentStatus::Dropped {
            self.states[self.seats[seat].run].taken -= 1;
        }
        self.step(at, Role::Manager, Act::MoveSeat { seat, to, reason });
    }

    /// How many seats of a run leads can get.
    fn most(&self, run: usize) -> u32 {
        let Run { seats, fate, .. } = self.year.runs[run];
        match fate {
            Fate::Held => seats - 4,
            Fate::Cancelled => 0,
            Fate::Usual | Fate::Full => seats,
        }
    }

    /// A run of a course, or of any, in which somebody could get a seat on a day: most people take the next one.
    fn open_run(&mut self, day: LocalDate, course: Option<usize>, person: usize) -> Option<usize> {
        let open = |n: &usize| {
            let (run, state) = (&self.year.runs[*n], &self.states[*n]);
            let fits = course.is_none_or(|course| course == run.offer) && state.status == Some(RunStatus::Scheduled) && day < run.deadline;
            fits && state.waiting == 0 && state.taken < self.most(*n) && !state.people.contains(&person)
        };
        let open: Vec<_> = (0..self.year.runs.len()).filter(open).take(4).collect();
        match open.len() {
            0 => None,
            1 => open.first().copied(),
            _ => Some(open[self.weighted(&[60, 30, 7, 3][..open.len()])]),
        }
    }

    /// Which campaign brings a lead on a day.
    fn campaign(&mut self, day: LocalDate, door: Door) -> Option<usize> {
        const DIRECT: u32 = 7;
        if door != Door::Web {
            let friend = self.year.campaigns.iter().position(|one| one.slug == FRIEND);
            return friend.filter(|_| self.random.random_bool(0.2));
        }
        let pulls = self.year.campaigns.iter().map(|one| if one.runs_on(day) { one.pull } else { 0 });
        let pulls: Vec<_> = pulls.chain([DIRECT]).collect();
        Some(self.weighted(&pulls)).filter(|n| *n < self.year.campaigns.len())
    }

    /// Somebody who has asked before, but not for this course: whose lead is open, or came to nothing, would ask about that one again.
    fn somebody_known(&mut self, course: Option<usize>) -> Option<usize> {
        if self.lives.len() < 20 || !self.random.random_bool(0.07) {
            return None;
        }
        let n = self.random.random_range(0..self.lives.len());
        let Life { person, status, .. } = self.lives[n];
        let asked = self.lives.iter().any(|life| life.person == person && life.course == course);
        (status != LeadStatus::Spam && !asked).then_some(n)
    }

    /// Whether a person has an open lead for a course: one who asks again touches that one.
    fn has_open(&self, person: usize, course: Option<usize>) -> bool {
        self.lives.iter().any(|life| life.person == person && life.course == course && life.status.is_open())
    }

    fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.random.random_range(0..weights.iter().sum::<u32>().max(1));
        weights
            .iter()
            .position(|weight| {
                let here = left < *weight;
                left = left.saturating_sub(*weight);
                here
            })
            .unwrap_or_default()
    }

    /// So many hours later, when somebody is at work.
    fn later(&mut self, at: Instant, hours: std::ops::Range<i64>) -> Instant {
        let after = at
            + TimeDelta::minutes(self.random.random_range(hours.start * 60..hours.end * 60))
            + TimeDelta::milliseconds(self.random.random_range(0..60_000));
        self.at_work(after)
    }

    /// This moment, or one of the next morning on which somebody is at work.
    fn at_work(&mut self, at: Instant) -> Instant {
        if in_office(at) {
            return at;
        }
        let local = at + TimeDelta::hours(1);
        let mut day = local.date_naive();
        if local.hour() >= CLOSES {
            day = day + Days::new(1);
        }
        while is_weekend(day) {
            day = day + Days::new(1);
        }
        moment(day, i64::from(OPENS) * HOUR) + TimeDelta::milliseconds(self.random.random_range(0..4 * HOUR * 1000))
    }
}

/// When the office opens and closes.
const OPENS: u32 = 9;
const CLOSES: u32 = 19;

fn is_weekend(day: LocalDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

fn in_office(at: Instant) -> bool {
    let local = at + TimeDelta::hours(1);
    !is_weekend(local.date_naive()) && (OPENS..CLOSES).contains(&local.hour())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imagined(seed: u64, leads: u32, now: &str) -> Year {
        imagine(seed, leads, now.parse().unwrap())
    }

    #[test]
    fn the_same_seed_imagines_the_same_year() {
        let now = "2026-11-21T11:30:00Z";
        assert_eq!(imagined(7, 300, now), imagined(7, 300, now));
        assert_ne!(imagined(7, 300, now).steps, imagined(8, 300, now).steps);
    }

    #[test]
    fn a_year_has_as_many_leads_as_were_asked_for_and_none_of_its_runs_too_many_seats() {
        for (seed, (leads, now)) in [(0, "2026-11-21T00:10:00Z"), (40, "2027-02-27T18:00:00Z"), (900, "2027-08-15T12:00:00Z")].into_iter().enumerate()
        {
            let year = imagined(seed as u64, leads, now);
            let now: Instant = now.parse().unwrap();
            assert!(year.steps.iter().all(|step| year.founded < step.at && step.at <= now));
            let mut arrived = 0;
            let (mut taken, mut waiting) = (vec![0; year.runs.len()], vec![0; year.runs.len()]);
            let mut seats = Vec::new();
            for step in &year.steps {
                match &step.act {
                    Act::Capture { lead, .. } if *lead == arrived => arrived += 1,
                    Act::Capture { lead, .. } | Act::Assign { lead, .. } | Act::Move { lead, .. } => assert!(*lead < arrived),
                    Act::Enroll { run, waitlist: true, .. } => {
                        assert_eq!(taken[*run], year.runs[*run].seats);
                        waiting[*run] += 1;
                        seats.push(*run);
                    }
                    Act::Enroll { run, .. } | Act::Convert { run, .. } => {
                        assert_eq!(waiting[*run], 0);
                        taken[*run] += 1;
                        seats.push(*run);
                        assert!(taken[*run] <= year.runs[*run].seats);
                    }
                    Act::MoveSeat { seat, to: EnrollmentStatus::Dropped, .. } => taken[seats[*seat]] -= 1,
                    _ => {}
                }
            }
            assert_eq!(arrived, leads as usize);
            assert_eq!(year.steps.iter().filter(|step| matches!(step.act, Act::Hold { .. })).count(), 1);
            let full = year.runs.iter().position(|run| run.fate == Fate::Full).unwrap();
            assert!(taken[full] == year.runs[full].seats && waiting[full] == 4);
        }
    }
}
