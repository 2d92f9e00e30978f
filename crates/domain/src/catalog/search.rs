use super::{Course, CourseDetails};
use crate::shared::{Html, IndexedWords, Line, Prose, SearchedTexts, Slug};

impl Course {
    /// The fields that the search index knows.
    pub const SEARCHED_FIELDS: &[&str] = &["title", "description", "level", "category", "tags", "seo"];
}

impl CourseDetails {
    /// The words by which the course is found.
    pub fn indexed_words(&self) -> IndexedWords {
        let seo = self.seo.as_ref();
        let keywords = seo.into_iter().flat_map(|seo| &seo.keywords).map(Line::as_str);
        let category = [self.category.as_ref().map(Line::as_str), self.level.as_ref().map(Line::as_str)];
        let description = self.description.as_ref().map(Html::to_text);
        let described = [
            description.as_deref(),
            seo.and_then(|seo| seo.title.as_ref()).map(Line::as_str),
            seo.and_then(|seo| seo.description.as_ref()).map(Prose::as_str),
        ];
        IndexedWords::of(&SearchedTexts {
            title: self.title.as_str(),
            labels: self.tags.iter().map(Slug::as_str).chain(keywords).collect(),
            category: category.into_iter().flatten().collect(),
            description: described.into_iter().flatten().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Form as _, Value, forms};

    #[test]
    fn a_course_is_found_by_all_that_it_says() {
        let list = |words: &[&str]| Value::List(words.iter().map(|word| (*word).into()).collect());
        let map = |fields: &[(&str, Value)]| Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        let course = CourseDetails::read(&map(&[
            ("slug", "x".into()),
            ("title", "Soldadura".into()),
            ("duration_hours", Value::Int(1)),
            ("modality", "online".into()),
            ("category", "Metal".into()),
            ("level", "inicial".into()),
            ("tags", list(&["industria"])),
            ("description", "<p>Con <b>electrodos</b></p>".into()),
            ("seo", map(&[("title", "Arco".into()), ("description", "Chispas".into()), ("keywords", list(&["tubos"]))])),
        ]))
        .unwrap();
        let words = course.indexed_words();
        for (text, expected) in [
            (&words.title, &["soldadura"][..]),
            (&words.labels, &["industria", "tubos"]),
            (&words.category, &["metal", "inicial"]),
            (&words.description, &["electrodos", "arco", "chispas"]),
        ] {
            let all: Vec<_> = expected.iter().flat_map(|word| forms(word)).collect();
            assert_eq!(text.split(' ').collect::<Vec<_>>(), all);
        }
    }
}
