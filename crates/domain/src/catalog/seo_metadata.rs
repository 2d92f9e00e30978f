use uuid::Uuid;

use super::Seo;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Field, Fields, Form, Instant, Line, Noun, Prose, RecordId, WebAddress};

crate::id!(
    /// What search engines and social networks are told of something.
    SeoMetadataId
);

crate::choice! {
    /// What can have a page of its own.
    pub enum PageOf {
        /// A course.
        Course = "course",
        /// A run of a course.
        CourseRun = "course_run",
        /// A blog post.
        BlogPost = "blog_post",
        /// A cycle.
        Cycle = "cycle",
        /// A campus.
        Campus = "campus",
    }
}

crate::choice! {
    /// How a link looks on X (seed 0, `seo_metadata.twitter_card`).
    pub enum TwitterCard {
        /// With a small image.
        Summary = "summary",
        /// With a large one.
        SummaryLargeImage = "summary_large_image",
    }
}

crate::choice! {
    /// What search engines may do with a page.
    pub enum Robots {
        /// Show it, and follow its links.
        IndexFollow = "index,follow",
        /// Show it.
        IndexNofollow = "index,nofollow",
        /// Follow its links.
        NoindexFollow = "noindex,follow",
        /// Nothing.
        NoindexNofollow = "noindex,nofollow",
    }
}

crate::form! {
    /// What search engines and social networks are told of a page. What is left out is derived ([`SeoDetails::resolve`]).
    pub struct SeoDetails {
        /// Title of the page.
        title: Option<Line<200>>,
        /// What the result list shows below the title.
        description: Option<Prose<1000>>,
        /// Words by which it should be found.
        keywords: Vec<Line<60>>,
        /// Title where it is shared.
        og_title: Option<Line<200>>,
        /// Description where it is shared.
        og_description: Option<Prose<1000>>,
        /// The https address of the image where it is shared.
        og_image: Option<WebAddress>,
        /// How a link to it looks on X.
        twitter_card: Option<TwitterCard>,
        /// The https address under which search engines know it.
        canonical_url: Option<WebAddress>,
        /// What search engines may do with it.
        robots: Option<Robots>,
    }
    check |this, faults| {
        for (field, address) in [("og_image", &this.og_image), ("canonical_url", &this.canonical_url)] {
            if address.as_ref().is_some_and(|address| !address.as_str().starts_with("https://")) {
                faults.add(Fault::new("NOT_HTTPS", "must begin with https://").under(field));
            }
        }
    }
}

/// What a page shows anyway, from which it is derived what search engines are told.
#[derive(Clone, Debug)]
pub struct PageContent<'a> {
    /// Its title.
    pub title: &'a str,
    /// What there is to read in it, without markup.
    pub text: &'a str,
    /// What the thing itself says for search engines.
    pub seo: Option<&'a Seo>,
    /// The address of its image.
    pub image: Option<&'a str>,
}

/// What search engines and social networks are told of a page, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedSeo {
    /// Title of the page.
    pub title: String,
    /// What the result list shows below the title; may be empty if there is nothing to read.
    pub description: String,
    /// Words by which it should be found.
    pub keywords: Vec<String>,
    /// Title where it is shared.
    pub og_title: String,
    /// Description where it is shared.
    pub og_description: String,
    /// The address of the image where it is shared.
    pub og_image: Option<String>,
    /// How a link to it looks on X.
    pub twitter_card: TwitterCard,
    /// The address under which search engines know it.
    pub canonical_url: String,
    /// What search engines may do with it.
    pub robots: Robots,
}

/// How many characters of a text stand for its description, about what result lists show.
const DESCRIPTION: usize = 160;

impl SeoDetails {
    /// Fills in what is left out: from what the thing says of itself, then from what its page shows at its address.
    pub fn resolve(told: Option<&Self>, page: &PageContent<'_>, address: &str) -> ResolvedSeo {
        let line = |line: &Line<200>| line.to_string();
        let prose = |prose: &Prose<1000>| Some(prose.as_str().to_owned()).filter(|text| !text.trim().is_empty());
        let title = told.and_then(|told| told.title.as_ref()).or(page.seo.and_then(|seo| seo.title.as_ref()));
        let title = title.map_or_else(|| page.title.to_owned(), line);
        let description = told.and_then(|told| told.description.as_ref()).and_then(prose);
        let description = description.or_else(|| page.seo.and_then(|seo| seo.description.as_ref()).and_then(prose));
        let description = description.unwrap_or_else(|| beginning(page.text));
        let keywords = told.map(|told| &told.keywords).filter(|keywords| !keywords.is_empty()).or(page.seo.map(|seo| &seo.keywords));
        let og_image = told.and_then(|told| told.og_image.as_ref()).map(WebAddress::as_str).or(page.image).map(str::to_owned);
        ResolvedSeo {
            keywords: keywords.into_iter().flatten().map(ToString::to_string).collect(),
            og_title: told.and_then(|told| told.og_title.as_ref()).map_or_else(|| title.clone(), line),
            og_description: told.and_then(|told| told.og_description.as_ref()).and_then(prose).unwrap_or_else(|| description.clone()),
            twitter_card: told.and_then(|told| told.twitter_card).unwrap_or(if og_image.is_some() {
                TwitterCard::SummaryLargeImage
            } else {
                TwitterCard::Summary
            }),
            canonical_url: told.and_then(|told| told.canonical_url.as_ref()).map_or(address, WebAddress::as_str).to_owned(),
            robots: told.and_then(|told| told.robots).unwrap_or(Robots::IndexFollow),
            title,
            description,
            og_image,
        }
    }
}

/// The first characters of a text, up to the end of a word.
fn beginning(text: &str) -> String {
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(DESCRIPTION) else { return text.to_owned() };
    // One character of the room is for the sign that it goes on.
    let room = text[..end].char_indices().last().map_or(0, |(last, _)| last);
    let words = text[..room].rfind(char::is_whitespace).map_or(&text[..room], |space| &text[..space]);
    format!("{}…", words.trim_end_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation()))
}

/// What search engines and social networks are told of one thing. There is at most one of each thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeoMetadata {
    parts: SeoMetadataParts,
}

/// What a repository keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeoMetadataParts {
    /// Id.
    pub id: SeoMetadataId,
    /// What kind of thing it is about.
    pub entity_type: PageOf,
    /// Which one.
    pub entity_id: RecordId,
    /// What is told.
    pub details: SeoDetails,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl SeoMetadata {
    /// What is told of a thing for the first time.
    pub fn describe(id: SeoMetadataId, entity_type: PageOf, entity_id: RecordId, details: SeoDetails, now: Instant) -> Changed<Self> {
        let parts = SeoMetadataParts { id, entity_type, entity_id, details, created_at: now, updated_at: now, version: 0 };
        Changed::created(Self { parts }, SeoMetadataFact::Created, now)
    }

    /// What is told instead.
    pub fn replace(&self, details: SeoDetails, now: Instant) -> Changed<Self> {
        self.with(SeoMetadataFact::Changed, now, |parts| parts.details = details)
    }

    /// What is told.
    pub fn details(&self) -> &SeoDetails {
        &self.parts.details
    }
}

crate::shared::kept_as!(SeoMetadata, SeoMetadataParts, SeoMetadataFact);

impl Aggregate for SeoMetadata {
    type Fact = SeoMetadataFact;
    fn noun(&self) -> Noun {
        Noun { context: "catalog", one: "seo_metadata", many: "seo_metadata" }
    }
    fn id(&self) -> Uuid {
        crate::shared::Id::as_uuid(self.parts.id)
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
        let mut fields = vec![("entity_type".to_owned(), self.parts.entity_type.value()), ("entity_id".to_owned(), self.parts.entity_id.value())];
        fields.extend(self.parts.details.fields());
        fields
    }
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeoMetadataFact {
    /// It is told for the first time.
    Created,
    /// Something else is told.
    Changed,
}

impl Fact for SeoMetadataFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Value;

    const ADDRESS: &str = "https://matricula.example.es/a/courses/soldadura";

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn told(fields: &[(&str, Value)]) -> SeoDetails {
        SeoDetails::read(&map(fields)).unwrap()
    }

    fn page<'a>(text: &'a str, seo: Option<&'a Seo>, image: Option<&'a str>) -> PageContent<'a> {
        PageContent { title: "Soldadura TIG", text, seo, image }
    }

    #[test]
    fn what_nobody_said_is_derived_from_the_page() {
        let resolved = SeoDetails::resolve(None, &page("Desde cero.", None, None), ADDRESS);
        assert_eq!(
            resolved,
            ResolvedSeo {
                title: "Soldadura TIG".into(),
                description: "Desde cero.".into(),
                keywords: Vec::new(),
                og_title: "Soldadura TIG".into(),
                og_description: "Desde cero.".into(),
                og_image: None,
                twitter_card: TwitterCard::Summary,
                canonical_url: ADDRESS.into(),
                robots: Robots::IndexFollow,
            }
        );
    }

    #[test]
    fn what_the_thing_says_goes_before_its_page_and_what_was_told_before_both() {
        let own =
            Seo::read(&map(&[("title", "Curso TIG".into()), ("description", "El curso.".into()), ("keywords", Value::List(vec!["tig".into()]))]))
                .unwrap();
        let nothing = told(&[]);
        let all = told(&[
            ("title", "T".into()),
            ("description", "D".into()),
            ("keywords", Value::List(vec!["k".into()])),
            ("og_title", "OT".into()),
            ("og_description", "OD".into()),
            ("og_image", "https://example.es/og.png".into()),
            ("twitter_card", "summary".into()),
            ("canonical_url", "https://example.es/tig".into()),
            ("robots", "noindex,nofollow".into()),
        ]);
        let half = told(&[("title", "T".into())]);
        let blank = told(&[("description", " \n".into())]);
        let image = Some("https://matricula.example.es/media/1.webp");
        for (told, title, description, og_title, og_description, og_image) in [
            (&nothing, "Curso TIG", "El curso.", "Curso TIG", "El curso.", image),
            (&half, "T", "El curso.", "T", "El curso.", image),
            (&blank, "Curso TIG", "El curso.", "Curso TIG", "El curso.", image),
            (&all, "T", "D", "OT", "OD", Some("https://example.es/og.png")),
        ] {
            let resolved = SeoDetails::resolve(Some(told), &page("Texto.", Some(&own), image), ADDRESS);
            assert_eq!((resolved.title.as_str(), resolved.description.as_str()), (title, description));
            assert_eq!((resolved.og_title.as_str(), resolved.og_description.as_str()), (og_title, og_description));
            assert_eq!(resolved.og_image.as_deref(), og_image);
        }
        let resolved = SeoDetails::resolve(Some(&all), &page("", Some(&own), image), ADDRESS);
        assert_eq!((resolved.twitter_card, resolved.robots), (TwitterCard::Summary, Robots::NoindexNofollow));
        assert_eq!((resolved.canonical_url.as_str(), resolved.keywords), ("https://example.es/tig", vec!["k".to_owned()]));
        let resolved = SeoDetails::resolve(Some(&nothing), &page("", Some(&own), image), ADDRESS);
        assert_eq!((resolved.twitter_card, resolved.keywords), (TwitterCard::SummaryLargeImage, vec!["tig".to_owned()]));
    }

    #[test]
    fn a_long_text_is_cut_at_the_end_of_a_word() {
        for (text, description) in [
            ("a".repeat(160), "a".repeat(160)),
            ("ñ".repeat(161), format!("{}…", "ñ".repeat(159))),
            (format!("{} {}", "ñ".repeat(150), "o".repeat(20)), format!("{}…", "ñ".repeat(150))),
            (format!("{}, {}", "a".repeat(100), "o".repeat(100)), format!("{}…", "a".repeat(100))),
        ] {
            let resolved = SeoDetails::resolve(None, &page(&text, None, None), ADDRESS);
            assert_eq!(resolved.description, description);
            assert!(resolved.description.chars().count() <= 160);
        }
    }

    #[test]
    fn what_is_told_is_checked() {
        let wrong = map(&[("og_image", "http://example.es/og.png".into()), ("canonical_url", "http://example.es".into())]);
        let places: Vec<_> = SeoDetails::read(&wrong).unwrap_err().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect();
        assert_eq!(places, [("/og_image".to_owned(), "NOT_HTTPS"), ("/canonical_url".to_owned(), "NOT_HTTPS")]);
        for (field, value, code) in [
            ("robots", "all", "NOT_A_CHOICE"),
            ("twitter_card", "player", "NOT_A_CHOICE"),
            ("canonical_url", "javascript:alert(1)", "NOT_A_WEB_ADDRESS"),
            ("title", "a\u{0}", "CONTROL_CHARACTER"),
        ] {
            assert_eq!(SeoDetails::read(&map(&[(field, value.into())])).unwrap_err().0[0].code, code);
        }
    }

    #[test]
    fn what_is_told_instead_replaces_all_of_it() {
        let now: Instant = "2026-03-01T10:00:00Z".parse().unwrap();
        let id = crate::shared::Id::from_uuid;
        let described = SeoMetadata::describe(
            id(Uuid::from_u128(1)),
            PageOf::Course,
            crate::shared::Id::from_uuid(Uuid::from_u128(2)),
            told(&[("title", "T".into())]),
            now,
        );
        assert_eq!((described.fact().verb(), described.state().version()), ("created", 1));
        let replaced = described.into_state().replace(told(&[("description", "D".into())]), now);
        let fields: Vec<_> = replaced.changes().iter().map(|change| change.field.as_str()).collect();
        assert_eq!((replaced.fact().verb(), fields), ("changed", vec!["title", "description"]));
    }
}
