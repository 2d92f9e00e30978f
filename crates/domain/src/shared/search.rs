//! What is searched and what is sought, in words; and which of the things that are found come first.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{forms, is_stop_word, similarity, words};

/// The texts of a thing, as they count in a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchedTexts<'t> {
    /// Its title, which counts most.
    pub title: &'t str,
    /// Words by which it should be found: tags, keywords.
    pub labels: Vec<&'t str>,
    /// What it is listed by.
    pub category: Vec<&'t str>,
    /// What it is about, without markup.
    pub description: Vec<&'t str>,
}

/// A thing in words, as the search index has it. Each text is what its words are found by, each once, with blanks between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexedWords {
    /// Of its title.
    pub title: String,
    /// Of the words by which it should be found.
    pub labels: String,
    /// Of what it is listed by.
    pub category: String,
    /// Of what it is about.
    pub description: String,
    /// The words from which slips of those who search are mended: those of the short texts, which somebody chose with care, and of them at
    /// most [`IndexedWords::MOST_MENDED`].
    pub vocabulary: BTreeSet<String>,
}

impl IndexedWords {
    /// From how many words of a thing slips are mended: its title's go first, then those that it is listed by. Each is kept by its trigrams,
    /// some ten rows for a usual word and [`words`]' longest 45, so whoever saves a thing writes a few hundred rows of them and never more
    /// than three thousand.
    pub const MOST_MENDED: usize = 64;

    /// The words of some texts.
    pub fn of(texts: &SearchedTexts<'_>) -> Self {
        let title = words(texts.title);
        let [labels, category, description] =
            [&texts.labels, &texts.category, &texts.description].map(|texts| texts.iter().flat_map(|text| words(text)).collect::<Vec<_>>());
        let telling = |words: &[String]| indexed(words.iter().filter(|word| !is_stop_word(word)));
        let mut vocabulary = BTreeSet::new();
        for word in title.iter().chain(&category).chain(&labels).filter(|word| can_be_mended(word)) {
            if vocabulary.len() < Self::MOST_MENDED {
                vocabulary.insert(word.clone());
            }
        }
        Self {
            // Of the title all of them: it may be nothing else («IT»).
            title: indexed(title.iter()),
            labels: telling(&labels),
            category: telling(&category),
            description: telling(&description),
            vocabulary,
        }
    }
}

/// The forms of words, each once.
fn indexed<'w>(words: impl Iterator<Item = &'w String>) -> String {
    let (mut seen, mut text) = (BTreeSet::new(), Vec::new());
    for form in words.flat_map(|word| forms(word)) {
        if seen.insert(form.clone()) {
            text.push(form);
        }
    }
    text.join(" ")
}

/// Whether a word is one that people slip in: not «de», not «2026», not «TIG».
fn can_be_mended(word: &str) -> bool {
    word.chars().count() > 3 && !is_stop_word(word) && word.chars().all(char::is_alphabetic)
}

/// A word that is sought.
#[derive(Clone, Debug, PartialEq)]
pub struct Sought {
    /// The word, folded.
    pub word: String,
    /// What it is found by.
    pub forms: Vec<String>,
    /// Where nothing is called so: the words that may have been meant, and how alike they are.
    pub meant: Vec<(String, f64)>,
}

impl Sought {
    /// Whether a thing may also be found by what begins with the word: somebody is still writing it.
    pub fn begins(&self) -> bool {
        self.word.chars().count() > 2
    }

    /// How well a text of an index has the word, from 0 to 1: it, one that begins so, or one that may have been meant.
    fn quality(&self, text: &str) -> f64 {
        let has = |form: &String| text.split(' ').any(|word| word == form);
        if self.forms.iter().any(has) {
            return 1.0;
        }
        let begun = self.begins() && text.split(' ').any(|word| word.starts_with(&self.word));
        let meant = self.meant.iter().filter(|(word, _)| forms(word).iter().any(has)).map(|(_, alike)| *alike);
        meant.fold(if begun { BEGUN } else { 0.0 }, f64::max)
    }
}

/// What a word counts that only begins as it was sought.
const BEGUN: f64 = 0.7;

/// What a word counts in a text: title, labels, category, description.
const WEIGHTS: [f64; 4] = [1.0, 0.6, 0.4, 0.2];

/// How much of a word is enough: half of what it can count is reached at this.
const ENOUGH: f64 = 0.5;

/// How many forms a usual title has, and how much it matters if it has more: who names little else is more about what is sought.
const USUAL_TITLE: f64 = 8.0;
const LENGTH_MATTERS: f64 = 0.3;

/// From how much on two words are alike.
const ALIKE: f64 = 0.3;

/// How many words at most may have been meant by one.
const MOST_MEANT: usize = 3;

/// What somebody looks for, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    sought: Vec<Sought>,
}

/// A thing in which something of it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub id: Uuid,
    /// The words of its title.
    pub title: String,
    /// Those by which it should be found.
    pub labels: String,
    /// Those of what it is listed by.
    pub category: String,
    /// Which of the sought words its description has, a bit for each.
    pub described: i32,
}

impl Search {
    /// How many words of a text are sought at most: the first ones, whatever follows is passed over. Each is looked for by itself and with all
    /// others but one, so what a search asks of the database grows with the square of this number; and [`Found::described`] has a bit for each.
    pub const MOST_WORDS: usize = 8;

    /// Looks for a text: for each of its words once, and not for those that say nothing, unless there is no other.
    pub fn of(text: &str) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        for word in words(text) {
            if !distinct.contains(&word) {
                distinct.push(word);
            }
        }
        if distinct.iter().any(|word| !is_stop_word(word)) {
            distinct.retain(|word| !is_stop_word(word));
        }
        distinct.truncate(Self::MOST_WORDS);
        let sought = distinct.into_iter().map(|word| Sought { forms: forms(&word), word, meant: Vec::new() });
        Self { sought: sought.collect() }
    }

    /// The words that are sought.
    pub fn sought(&self) -> &[Sought] {
        &self.sought
    }

    /// The words that may be slips, since none of their forms is among the known ones.
    pub fn slips(&self, known: &BTreeSet<String>) -> Vec<String> {
        let unknown = |sought: &&Sought| can_be_mended(&sought.word) && !sought.forms.iter().any(|form| known.contains(form));
        self.sought.iter().filter(unknown).map(|sought| sought.word.clone()).collect()
    }

    /// Remembers, of some words that there are, those that may have been meant by one that is sought.
    pub fn mend(&mut self, slip: &str, vocabulary: impl IntoIterator<Item = String>) {
        let mut meant: Vec<_> = vocabulary.into_iter().map(|word| (similarity(slip, &word), word)).filter(|(alike, _)| *alike >= ALIKE).collect();
        meant.sort_by(|(one, word), (other, same)| other.total_cmp(one).then_with(|| word.cmp(same)));
        meant.truncate(MOST_MEANT);
        if let Some(sought) = self.sought.iter_mut().find(|sought| sought.word == slip) {
            sought.meant = meant.into_iter().map(|(alike, word)| (word, alike)).collect();
        }
    }

    /// What each word weighs among what was found, in thousandths: the rarer, the more (the inverse document frequency of BM25).
    pub fn weights(&self, found: &[Found]) -> Vec<i64> {
        let weigh = |(n, sought): (usize, &Sought)| {
            let with_it = count(found.iter().filter(|found| Self::amount(n, sought, found) > 0.0).count());
            let rarity = ((count(found.len()) - with_it + 0.5) / (with_it + 0.5)).ln_1p();
            thousandths(rarity.max(0.1))
        };
        self.sought.iter().enumerate().map(weigh).collect()
    }

    /// How much a thing is about what is sought, where the words have these weights. Nothing else counts: as long as the thing does not
    /// change, neither does its score.
    pub fn score(&self, found: &Found, weights: &[i64]) -> i64 {
        let score = |((n, sought), weight): ((usize, &Sought), &i64)| {
            let amount = Self::amount(n, sought, found);
            weight * thousandths(amount / (amount + ENOUGH))
        };
        self.sought.iter().enumerate().zip(weights).map(score).sum()
    }

    /// How much of a word a thing has, in all its texts together.
    fn amount(n: usize, sought: &Sought, found: &Found) -> f64 {
        let length = count(found.title.split(' ').count()) / USUAL_TITLE;
        let described =
            if found.described & (1 << n) == 0 { 0.0 } else { sought.meant.iter().map(|(_, alike)| *alike).reduce(f64::max).unwrap_or(1.0) };
        let qualities = [
            sought.quality(&found.title) / (1.0 - LENGTH_MATTERS + LENGTH_MATTERS * length),
            sought.quality(&found.labels),
            sought.quality(&found.category),
            described,
        ];
        qualities.iter().zip(WEIGHTS).map(|(quality, weight)| quality * weight).sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody finds 2^52 things")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "weights are small")]
fn thousandths(share: f64) -> i64 {
    (share * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn thing(title: &str, labels: &[&str], category: &str, description: &str) -> IndexedWords {
        IndexedWords::of(&SearchedTexts { title, labels: labels.to_vec(), category: vec![category], description: vec![description] })
    }

    /// A thing as a search finds it.
    fn found(n: u128, words: &IndexedWords, search: &Search) -> Found {
        let bits = search.sought().iter().enumerate().map(|(n, sought)| i32::from(sought.quality(&words.description) > 0.0) << n);
        let IndexedWords { title, labels, category, .. } = words.clone();
        Found { id: Uuid::from_u128(n), title, labels, category, described: bits.sum() }
    }

    /// The things by their numbers, best first.
    fn ranked(search: &Search, things: &[IndexedWords]) -> Vec<usize> {
        let found: Vec<_> = (0..).zip(things).map(|(n, thing)| found(n, thing, search)).collect();
        let weights = search.weights(&found);
        let mut order: Vec<_> = (0..things.len()).collect();
        order.sort_by_key(|n| -search.score(&found[*n], &weights));
        order
    }

    #[test]
    fn a_thing_is_known_by_the_forms_of_its_words() {
        let words = thing("Soldadura TIG de tuberías", &["soldar tubos"], "Metal", "Desde cero y con prácticas.");
        assert_eq!(words.title, "soldadura soldadur tig de tuberias tuberi tuberia");
        assert_eq!(words.labels, "soldar sold tubos tub tubo");
        assert!(!words.description.split(' ').any(|word| word == "con"));
        assert_eq!(words.vocabulary.iter().map(String::as_str).collect::<Vec<_>>(), ["metal", "soldadura", "soldar", "tuberias", "tubos"]);
    }

    #[test]
    fn slips_are_mended_from_so_many_words_of_a_thing_and_those_of_its_title_before_others() {
        let word = |n: usize| n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect::<String>();
        let labels: Vec<_> = (0..IndexedWords::MOST_MENDED).map(|n| word(1000 + n)).collect();
        let words = thing("Soldadura", &labels.iter().map(String::as_str).collect::<Vec<_>>(), "Metal", "");
        assert_eq!(words.vocabulary.len(), IndexedWords::MOST_MENDED);
        assert!(["soldadura", "metal"].iter().all(|word| words.vocabulary.contains(*word)));
        assert!(labels.iter().all(|label| words.labels.contains(label)), "all are found");
    }

    #[test]
    fn what_says_nothing_is_sought_only_if_there_is_nothing_else() {
        for (text, expected) in [
            ("curso de la cocina", &["curso", "cocina"][..]),
            ("IT", &["it"]),
            ("cocina Cocina COCINA", &["cocina"]),
            ("%_' \" OR *", &["or"]),
            ("¡!", &[]),
            ("a1 a2 a3 a4 a5 a6 a7 a8 a9", &["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"]),
        ] {
            let search = Search::of(text);
            assert_eq!(search.sought().iter().map(|sought| sought.word.as_str()).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn title_counts_more_than_labels_they_more_than_category_and_it_more_than_description() {
        let things = [
            thing("Otra cosa", &[], "Nada", "Algo de cocina"),
            thing("Otra cosa", &[], "Cocina", ""),
            thing("Otra cosa", &["cocina"], "Nada", ""),
            thing("Cocina", &[], "Nada", ""),
            thing("Cocina", &["cocina"], "Nada", ""),
        ];
        assert_eq!(ranked(&Search::of("cocina"), &things), [4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_rare_word_counts_more_than_one_that_all_have() {
        let things = [
            thing("Curso práctico", &[], "x", ""),
            thing("Curso general", &[], "x", ""),
            thing("Buceo", &[], "x", ""),
            thing("Curso breve", &[], "x", ""),
        ];
        assert_eq!(ranked(&Search::of("curso buceo"), &things)[0], 2);
    }

    #[test]
    fn who_names_little_else_comes_first() {
        let things = [thing("Soldadura para la construcción naval y la industria pesada", &[], "x", ""), thing("Soldadura", &[], "x", "")];
        assert_eq!(ranked(&Search::of("soldadura"), &things), [1, 0]);
    }

    #[test]
    fn the_word_itself_counts_more_than_its_beginning_and_that_more_than_what_may_have_been_meant() {
        let mut search = Search::of("solda");
        search.mend("solda", ["solfa", "metal"].map(str::to_owned));
        assert_eq!(search.sought()[0].meant.len(), 1, "what is not alike was not meant");
        let things = [thing("Solfa", &[], "x", ""), thing("Soldadura", &[], "x", ""), thing("Solda", &[], "x", "")];
        assert_eq!(ranked(&search, &things), [2, 1, 0]);
    }

    #[test]
    fn a_slip_is_a_word_that_is_not_known() {
        let known: BTreeSet<String> = forms("cocina").into_iter().collect();
        assert_eq!(Search::of("cocinas con exel 2026 tig").slips(&known), ["exel"]);
    }

    #[test]
    fn of_what_may_have_been_meant_the_most_alike_is_kept() {
        let mut search = Search::of("markting");
        search.mend("markting", ["marketing", "martin", "market", "parking", "arte", "cocina"].map(str::to_owned));
        let meant: Vec<_> = search.sought()[0].meant.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(meant, ["marketing", "market", "martin"]);
    }

    proptest! {
        #[test]
        fn whatever_is_sought_and_found_can_be_scored(text in "\\PC{0,60}", title in "[a-zñ ]{1,40}[a-z]") {
            let search = Search::of(&text);
            let one = thing(&title, &[&title], &title, &text);
            let found = found(1, &one, &search);
            let weights = search.weights(std::slice::from_ref(&found));
            prop_assert_eq!(weights.len(), search.sought().len());
            prop_assert!(search.score(&found, &weights) >= 0);
        }

        #[test]
        fn a_thing_is_found_by_its_title(title in "[a-z]{1,12}( [a-z]{1,12}){0,3}") {
            let search = Search::of(&title);
            let other = thing("zzzzzzzzzzzzzzzz", &[], "x", "");
            let one = thing(&title, &[], "x", "");
            let found = [found(1, &one, &search), found(2, &other, &search)];
            let weights = search.weights(&found);
            prop_assert!(search.score(&found[0], &weights) > search.score(&found[1], &weights));
        }
    }
}
