use super::{BlogPost, BlogPostDetails};
use crate::shared::{Html, IndexedWords, Line, Prose, SearchedTexts, Slug};

impl BlogPost {
    /// The fields that the search index knows.
    pub const SEARCHED_FIELDS: &[&str] = &["title", "excerpt", "content", "category", "tags"];
}

impl BlogPostDetails {
    /// The words by which the post is found.
    pub fn indexed_words(&self) -> IndexedWords {
        let content = self.content.as_ref().map(Html::to_text);
        IndexedWords::of(&SearchedTexts {
            title: self.title.as_str(),
            labels: self.tags.iter().map(Slug::as_str).collect(),
            category: self.category.iter().map(Line::as_str).collect(),
            description: self.excerpt.as_ref().map(Prose::as_str).into_iter().chain(content.as_deref()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Form as _, Value, forms};

    #[test]
    fn a_post_is_found_by_all_that_it_says() {
        let fields = [
            ("slug", "x".into()),
            ("title", "Becas".into()),
            ("excerpt", "Ayudas".into()),
            ("content", "<h2>Plazos</h2><p>y <b>requisitos</b></p>".into()),
            ("category", "Noticias".into()),
            ("tags", Value::List(vec!["fp-dual".into()])),
        ];
        let words = BlogPostDetails::read(&Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())).unwrap().indexed_words();
        for (text, expected) in [
            (&words.title, &["becas"][..]),
            (&words.labels, &["fp", "dual"]),
            (&words.category, &["noticias"]),
            (&words.description, &["ayudas", "plazos", "requisitos"]),
        ] {
            let all: Vec<_> = expected.iter().flat_map(|word| forms(word)).collect();
            assert_eq!(text.split(' ').collect::<Vec<_>>(), all);
        }
    }
}
