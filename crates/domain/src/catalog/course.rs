use uuid::Uuid;

use super::price::{check_prices, price_of};
use super::{Audience, AudiencePrice, CourseError};
use crate::identity::UserId;
use crate::people::PersonId;
use crate::shared::{
    Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Html, Id, Instant, Line, Money, Noun, Prose, RecordId, Slug, Value,
};

crate::id!(
    /// A course.
    CourseId
);

crate::choice! {
    /// How a course is taught (seed 0, `courses.modality`).
    pub enum Modality {
        /// In a classroom.
        InPerson = "presencial",
        /// Over the network alone; it needs no campus.
        Online = "online",
        /// Partly each.
        Hybrid = "hibrido",
    }
}

crate::choice! {
    /// Where a course stands (seed 0: draft → published → archived).
    pub enum CourseStatus {
        /// Being written; the staff alone sees it.
        Draft = "draft",
        /// Offered to the public.
        Published = "published",
        /// No longer offered, kept for those who took it.
        Archived = "archived",
    }
}

crate::form! {
    /// What search engines are told (seed 0, `courses.seo_*`).
    pub struct Seo {
        /// Title of the page.
        title: Option<Line<200>>,
        /// What the result list shows below the title.
        description: Option<Prose<1000>>,
        /// Words by which it should be found.
        keywords: Vec<Line<60>>,
    }
}

crate::form! {
    /// What a course says of itself (`api.md`, Catalog).
    pub struct CourseDetails {
        /// Its name in addresses.
        slug: Slug,
        /// Its name.
        title: Line<200>,
        /// What it is about: text or simple HTML.
        description: Option<Html<20000>>,
        /// How long it takes.
        duration_hours: u32,
        /// How it is taught.
        modality: Modality,
        /// What it costs; an amount of 0 says that it is free.
        price: Option<Money>,
        /// The educational cycle that it belongs to.
        cycle_id: Option<RecordId>,
        /// Where it is taught.
        campus_ids: Vec<RecordId>,
        /// For whom it is, such as beginners.
        level: Option<Line<60>>,
        /// The subject by which it is listed.
        category: Option<Line<100>>,
        /// Whether it stands out in lists.
        featured: Option<bool>,
        /// Words by which it is filed; at most 20.
        tags: Vec<Slug>,
        /// What those pay who do not pay the general price.
        prices: Vec<AudiencePrice>,
        /// Who of the organization teaches it.
        instructor_id: Option<UserId>,
        /// What search engines are told.
        seo: Option<Seo>,
    }
    check |this, faults| {
        faults.refuse_duplicates("campus_ids", &this.campus_ids);
        faults.refuse_duplicates("tags", &this.tags);
        if this.tags.len() > MOST_TAGS {
            faults.add(Fault::new("TOO_MANY", format!("at most {MOST_TAGS} items")).under("tags"));
        }
        check_prices(this.price, &this.prices, faults);
    }
}

/// How many tags a course may have.
const MOST_TAGS: usize = 20;

impl CourseDetails {
    /// Everything that the public must be told and is not there yet: a description, a price (of whomever), and a campus unless it is taught
    /// online.
    pub fn missing(&self) -> Faults {
        let mut faults = Faults::default();
        let mut need = |there: bool, field: &str, detail: &'static str| {
            if !there {
                faults.add(Fault::new("REQUIRED", detail).under(field));
            }
        };
        need(self.description.as_ref().is_some_and(|text| !text.to_text().is_empty()), "description", "a published course says what it is about");
        need(self.price.is_some() || !self.prices.is_empty(), "price", "a published course says what it costs");
        need(
            self.modality == Modality::Online || !self.campus_ids.is_empty(),
            "campus_ids",
            "a published course that is not online says where it is taught",
        );
        faults
    }

    /// What an audience pays: its own price, else the general one.
    pub fn price_for(&self, audience: Audience) -> Option<Money> {
        price_of(&self.prices, audience).or(self.price)
    }
}

/// What is taught. Its dated offerings are [`CourseRun`](super::CourseRun)s.
///
/// `archived` is a status, which says that the course is no longer offered; [`Course::archive`] hides a course that
/// should not have been there, with undo (`product.md`, Words). What is published stays complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    parts: CourseParts,
}

/// What a repository keeps of a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseParts {
    /// Id.
    pub id: CourseId,
    /// What it says of itself.
    pub details: CourseDetails,
    /// Where it stands.
    pub status: CourseStatus,
    /// Since when it is hidden.
    pub archived_at: Option<Instant>,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl Course {
    /// A new course, which the staff alone sees.
    pub fn draft(id: CourseId, details: CourseDetails, now: Instant) -> Changed<Self> {
        let parts = CourseParts { id, details, status: CourseStatus::Draft, archived_at: None, created_at: now, updated_at: now, version: 0 };
        Changed::created(Self { parts }, CourseFact::Created, now)
    }

    /// Changes the details that the patch names (RFC 7396).
    ///
    /// # Errors
    /// Every fault of what would come out; for a published course also what it would lack, since the public reads it.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let details = CourseDetails::read(&Value::Map(self.parts.details.fields()).merged(patch))?;
        if self.parts.status == CourseStatus::Published {
            details.missing().into_result()?;
        }
        Ok(self.with(CourseFact::Changed, now, |parts| parts.details = details))
    }

    /// Takes it to another status.
    ///
    /// # Errors
    /// [`CourseError::InvalidTransition`]; [`CourseError::NotReady`] if it should be published and something is missing.
    pub fn transition(&self, to: CourseStatus, now: Instant) -> Result<Changed<Self>, CourseError> {
        let from = self.parts.status;
        let Some(fact) = step(from, to) else {
            let possible = CourseStatus::ALL.iter().filter(|to| step(from, **to).is_some()).map(|to| to.as_str()).collect();
            return Err(CourseError::InvalidTransition { from, to, possible });
        };
        if to == CourseStatus::Published {
            self.parts.details.missing().into_result().map_err(CourseError::NotReady)?;
        }
        Ok(self.with(fact, now, |parts| parts.status = to))
    }

    /// Its id.
    pub fn id(&self) -> CourseId {
        self.parts.id
    }
    /// What it says of itself.
    pub fn details(&self) -> &CourseDetails {
        &self.parts.details
    }
    /// Where it stands.
    pub fn status(&self) -> CourseStatus {
        self.parts.status
    }
    /// Since when it exists.
    pub fn created_at(&self) -> Instant {
        self.parts.created_at
    }
    /// When it was last changed.
    pub fn updated_at(&self) -> Instant {
        self.parts.updated_at
    }
}

/// The state machine: what has happened when a course goes from one status to another, if it can.
fn step(from: CourseStatus, to: CourseStatus) -> Option<CourseFact> {
    use CourseStatus::{Archived, Draft, Published};
    match (from, to) {
        (Draft, Published) => Some(CourseFact::Published),
        (Published, Draft) => Some(CourseFact::Unpublished),
        (Draft | Published, Archived) => Some(CourseFact::Retired),
        (Archived, Draft) => Some(CourseFact::Reopened),
        _ => None,
    }
}

crate::shared::kept_as!(Course, CourseParts, CourseFact);
crate::shared::archivable!(Course.parts.archived_at, CourseFact);

impl Aggregate for Course {
    type Fact = CourseFact;
    fn noun(&self) -> Noun {
        Noun { context: "catalog", one: "course", many: "courses" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.parts.version = version;
        self.parts.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let mut fields = self.parts.details.fields();
        fields.push(("status".to_owned(), self.parts.status.value()));
        fields.push(("archived_at".to_owned(), self.parts.archived_at.value()));
        fields
    }
}

/// What can happen to a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseFact {
    /// It is there, as a draft.
    Created,
    /// Details changed.
    Changed,
    /// The public is offered it.
    Published,
    /// It was taken back to the drafts.
    Unpublished,
    /// It is no longer offered (status `archived`).
    Retired,
    /// What was no longer offered is a draft again.
    Reopened,
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
}

impl Fact for CourseFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Retired => "retired",
            Self::Reopened => "reopened",
            Self::Archived => "archived",
            Self::Restored => "restored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn campus(n: u128) -> Value {
        Value::Id(Uuid::from_u128(n))
    }

    /// The least that a draft needs.
    fn bare() -> Value {
        map(&[("slug", "soldadura".into()), ("title", "Soldadura TIG".into()), ("duration_hours", Value::Int(60)), ("modality", "presencial".into())])
    }

    /// What publishing needs beside it.
    fn rest() -> Value {
        map(&[("description", "Desde cero.".into()), ("price", Money::euros_in_cents(0).value()), ("campus_ids", Value::List(vec![campus(7)]))])
    }

    fn draft(input: &Value) -> Course {
        Course::draft(CourseId::from_uuid(Uuid::from_u128(1)), CourseDetails::read(input).unwrap(), now()).into_state()
    }

    fn at(status: CourseStatus) -> Course {
        Course::from_parts(CourseParts { status, ..draft(&bare().merged(&rest())).parts().clone() })
    }

    fn places(faults: &Faults) -> Vec<(&str, &str)> {
        faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect()
    }

    #[test]
    fn every_pair_of_statuses_is_either_a_step_or_refused() {
        use CourseStatus::{Archived, Draft, Published};
        for (from, steps) in [
            (Draft, &[(Published, "published"), (Archived, "retired")][..]),
            (Published, &[(Draft, "unpublished"), (Archived, "retired")]),
            (Archived, &[(Draft, "reopened")]),
        ] {
            for to in CourseStatus::ALL.iter().copied() {
                let outcome = at(from).transition(to, now());
                if let Some((_, verb)) = steps.iter().find(|(step, _)| *step == to) {
                    let changed = outcome.unwrap();
                    assert_eq!((changed.state().status(), changed.fact().verb()), (to, *verb), "{from} to {to}");
                } else {
                    let possible = steps.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>();
                    let Err(CourseError::InvalidTransition { possible: told, .. }) = outcome else { panic!("{from} to {to}") };
                    assert_eq!(told.len(), possible.len());
                    assert!(possible.iter().all(|word| told.contains(word)), "{told:?}");
                }
            }
        }
    }

    #[test]
    fn what_publishing_lacks_is_told_at_once() {
        let Err(CourseError::NotReady(faults)) = draft(&bare()).transition(CourseStatus::Published, now()) else { panic!() };
        assert_eq!(places(&faults), [("/description", "REQUIRED"), ("/price", "REQUIRED"), ("/campus_ids", "REQUIRED")]);
    }

    #[test]
    fn a_blank_description_is_none() {
        let course = draft(&bare().merged(&rest()).merged(&map(&[("description", "".into())])));
        assert_eq!(places(&course.details().missing()), [("/description", "REQUIRED")]);
    }

    #[test]
    fn an_online_course_needs_no_campus() {
        let online = map(&[("modality", "online".into()), ("campus_ids", Value::Null)]);
        let course = draft(&bare().merged(&rest()).merged(&online));
        assert!(course.transition(CourseStatus::Published, now()).is_ok());
    }

    #[test]
    fn what_is_published_stays_complete() {
        let patch = map(&[("price", Value::Null), ("campus_ids", Value::List(vec![]))]);
        let faults = at(CourseStatus::Published).change(&patch, now()).unwrap_err();
        assert_eq!(places(&faults), [("/price", "REQUIRED"), ("/campus_ids", "REQUIRED")]);
        assert!(at(CourseStatus::Draft).change(&patch, now()).is_ok());
    }

    #[test]
    fn a_change_touches_what_the_patch_names() {
        let changed = at(CourseStatus::Published).change(&map(&[("title", "Soldadura MIG".into()), ("level", "inicial".into())]), now()).unwrap();
        let fields: Vec<_> = changed.changes().iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["title", "level"]);
        assert_eq!((changed.fact().verb(), changed.state().version()), ("changed", 2));
    }

    #[test]
    fn a_change_tells_all_its_faults() {
        let patch = map(&[("status", "published".into()), ("slug", "No Slug".into()), ("seo", map(&[("keywords", Value::List(vec!["".into()]))]))]);
        let faults = at(CourseStatus::Draft).change(&patch, now()).unwrap_err();
        assert_eq!(places(&faults), [("/status", "UNKNOWN_FIELD"), ("/slug", "NOT_A_SLUG"), ("/seo/keywords/0", "REQUIRED")]);
    }

    fn price(audience: &str, amount: i64, currency: &str) -> Value {
        let price = map(&[("amount", Value::Int(amount)), ("currency", currency.into())]);
        map(&[("audience", audience.into()), ("price", price)])
    }

    #[test]
    fn every_audience_has_one_price_and_all_are_in_one_currency() {
        let (company, unemployed) = (price("company", 90_000, "EUR"), price("unemployed", 0, "EUR"));
        let general = || ("price", Money::euros_in_cents(60_000).value());
        for (prices, fields, wrong) in [
            (vec![company.clone(), unemployed.clone()], vec![general()], &[][..]),
            (vec![company.clone(), company.clone()], vec![general()], &[("/prices/1", "DUPLICATE")]),
            (vec![price("company", 1, "GBP")], vec![general()], &[("/prices/0/price/currency", "CURRENCY_MISMATCH")]),
            (vec![price("company", 1, "GBP")], vec![], &[]),
            (vec![price("company", 1, "GBP"), unemployed], vec![], &[("/prices/1/price/currency", "CURRENCY_MISMATCH")]),
            (vec![price("rich", -1, "EUR")], vec![], &[("/prices/0/audience", "NOT_A_CHOICE"), ("/prices/0/price/amount", "OUT_OF_RANGE")]),
        ] {
            let read = CourseDetails::read(&bare().merged(&map(&fields)).merged(&map(&[("prices", Value::List(prices))])));
            assert_eq!(read.as_ref().err().map(places).unwrap_or_default(), wrong);
        }
        let details = CourseDetails::read(&bare().merged(&map(&[general(), ("prices", Value::List(vec![company]))]))).unwrap();
        for (audience, amount) in [(Audience::Company, 90_000), (Audience::Private, 60_000)] {
            assert_eq!(details.price_for(audience), Some(Money::euros_in_cents(amount)));
        }
    }

    #[test]
    fn the_price_of_an_audience_is_a_price() {
        let only = map(&[("price", Value::Null), ("prices", Value::List(vec![price("unemployed", 0, "EUR")]))]);
        assert!(draft(&bare().merged(&rest()).merged(&only)).transition(CourseStatus::Published, now()).is_ok());
    }

    #[test]
    fn tags_are_few_and_each_stands_once() {
        let tagged =
            |tags: Vec<String>| CourseDetails::read(&bare().merged(&map(&[("tags", Value::List(tags.into_iter().map(Value::Text).collect()))])));
        let numbered = |many: usize| (0..many).map(|n| format!("tag-{n}")).collect::<Vec<_>>();
        assert_eq!(tagged(numbered(20)).unwrap().tags.len(), 20);
        assert_eq!(places(&tagged(numbered(21)).unwrap_err()), [("/tags", "TOO_MANY")]);
        let wrong = ["metal", "Metal", "metal"].map(str::to_owned);
        assert_eq!(places(&tagged(wrong.to_vec()).unwrap_err()), [("/tags/1", "NOT_A_SLUG")]);
        let twice = ["metal", "gas", "metal"].map(str::to_owned);
        assert_eq!(places(&tagged(twice.to_vec()).unwrap_err()), [("/tags/2", "DUPLICATE")]);
    }

    #[test]
    fn a_campus_is_named_once() {
        let faults = CourseDetails::read(&bare().merged(&map(&[("campus_ids", Value::List(vec![campus(7), campus(8), campus(7)]))]))).unwrap_err();
        assert_eq!(places(&faults), [("/campus_ids/2", "DUPLICATE")]);
    }

    #[test]
    fn what_is_hidden_comes_back_as_it_was() {
        let course = at(CourseStatus::Published);
        let hidden = course.archive(now()).unwrap().into_state();
        assert_eq!((hidden.archived_at(), hidden.status()), (Some(now()), CourseStatus::Published));
        assert!(hidden.archive(now()).is_none() && course.restore(now()).is_none());
        let back = hidden.restore(now()).unwrap();
        assert_eq!((back.fact().verb(), back.state().parts().archived_at), ("restored", None));
    }
}
