//! By what a list of courses can be narrowed: each choice says how many courses would be left, and none leads to an empty list.

use matricula_domain::catalog::Modality;
use matricula_ports::PortError;
use matricula_ports::catalog::{CourseFilter, Facet};

use super::Site;

/// The choices of a field.
pub(super) struct Choices {
    /// The field.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What can be chosen.
    pub options: Vec<Choice>,
}

/// Something that can be chosen.
pub(super) struct Choice {
    /// What is asked then.
    pub value: String,
    /// What people call it.
    pub text: String,
    /// So many courses would be left.
    pub count: u64,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// What is chosen now has its place even if it leaves nothing: who looks at the form sees what was asked.
fn options(facets: Vec<Facet>, chosen: Option<&str>, text: impl Fn(&Facet) -> String) -> Vec<Choice> {
    let is_chosen = |facet: &Facet| chosen == Some(facet.value.as_str());
    let missing = chosen.filter(|_| !facets.iter().any(is_chosen)).map(|value| Facet { value: value.to_owned(), name: None, count: 0 });
    let all = facets.into_iter().chain(missing);
    all.map(|facet| Choice { text: text(&facet), count: facet.count, chosen: is_chosen(&facet), value: facet.value }).collect()
}

/// What a list of courses can be narrowed by. The choices of a field leave what is chosen in that field aside, since another one takes its place:
/// so the courses are counted once, and once more for each field in which something is chosen.
pub(super) async fn choices(site: &Site, filter: &CourseFilter) -> Result<Vec<Choices>, PortError> {
    let count = async |filter: CourseFilter| site.api().catalog_queries.course_facets(site.scope(), &filter).await;
    let mut facets = count(filter.clone()).await?;
    if filter.modality.is_some() {
        facets.modality = count(CourseFilter { modality: None, ..filter.clone() }).await?.modality;
    }
    if filter.campus.is_some() {
        facets.campus = count(CourseFilter { campus: None, ..filter.clone() }).await?.campus;
    }
    if filter.cycle.is_some() {
        facets.cycle = count(CourseFilter { cycle: None, ..filter.clone() }).await?.cycle;
    }
    if filter.tag.is_some() {
        facets.tag = count(CourseFilter { tag: None, ..filter.clone() }).await?.tag;
    }
    let words = site.words;
    let modality = |facet: &Facet| Modality::from_word(&facet.value).map_or_else(|| facet.value.clone(), |found| words.modality(found).to_owned());
    let named = |facet: &Facet| facet.name.clone().unwrap_or_else(|| facet.value.clone());
    let fields = [
        ("modality", words.modality, options(facets.modality, filter.modality.map(Modality::as_str), modality)),
        ("campus", words.campus, options(facets.campus, filter.campus.as_deref(), named)),
        ("cycle", words.cycle, options(facets.cycle, filter.cycle.as_deref(), named)),
        ("tag", words.tag, options(facets.tag, filter.tag.as_deref(), named)),
    ];
    let offered = fields.into_iter().filter(|(_, _, options)| !options.is_empty());
    Ok(offered.map(|(name, label, options)| Choices { name, label, options }).collect())
}
