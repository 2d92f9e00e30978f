//! The words of texts, as they are searched: folded, stemmed in Spanish and in English, and compared by their trigrams. Done here and not by
//! the databases, so that both engines find the same.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};

use crate::people::fold;

/// So many characters of a word count.
const LONGEST: usize = 40;

/// Words that say nothing of what a text is about, in both languages, folded.
static STOP_WORDS: LazyLock<HashSet<String>> =
    LazyLock::new(|| ["es", "en"].into_iter().filter_map(stop_words::lookup).flatten().map(|word| fold(word)).collect());

/// The words of a text in their order, folded: runs of letters and digits. `C++` and `C#` are words too.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in fold(text).chars().chain([' ']) {
        match c {
            '+' if !word.is_empty() => word.push_str("plus"),
            '#' if !word.is_empty() => word.push_str("sharp"),
            c if c.is_alphanumeric() => word.push(c),
            _ if word.is_empty() => {}
            _ => words.push(std::mem::take(&mut word).chars().take(LONGEST).collect()),
        }
    }
    words
}

/// Whether a word is one of those that say nothing: «de», «the».
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(word)
}

/// What a word is found by: itself, and its stems in both languages.
pub fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    for language in [Algorithm::Spanish, Algorithm::English] {
        let stem = Stemmer::new(language).stem(word).into_owned();
        if !forms.contains(&stem) {
            forms.push(stem);
        }
    }
    forms
}

/// Each three characters of a word that stand side by side, with two blanks before it and one behind: its beginning counts more than its
/// end (as `pg_trgm` has it).
pub fn trigrams(word: &str) -> BTreeSet<String> {
    let padded: Vec<char> = format!("  {word} ").chars().collect();
    padded.windows(3).map(|three| three.iter().collect()).collect()
}

/// How alike two words are, from 0 to 1: the share of their trigrams that both have.
pub fn similarity(one: &str, other: &str) -> f64 {
    let (one, other) = (trigrams(one), trigrams(other));
    let (both, any) = (one.intersection(&other).count(), one.union(&other).count());
    #[expect(clippy::cast_precision_loss, reason = "no word has 2^52 trigrams")]
    let share = both as f64 / any as f64;
    share
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_folded() {
        for (text, expected) in [
            ("Diseño gráfico: Photoshop", &["diseno", "grafico", "photoshop"][..]),
            ("  ¿C++, C# o .NET 8? ", &["cplusplus", "csharp", "o", "net", "8"]),
            ("l'anglais*\"OR\" (a:b)", &["l", "anglais", "or", "a", "b"]),
            ("++ # \0 ' --", &[]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(words(&"ñ".repeat(100)), ["n".repeat(LONGEST)]);
    }

    #[test]
    fn one_and_many_with_accent_and_without_meet_in_a_form() {
        for (one, other) in [
            ("administración", "administraciones"),
            ("administracion", "administraciones"),
            ("peluquería", "peluquerias"),
            ("logística", "logistico"),
            ("redes", "red"),
            ("programador", "programación"),
            ("courses", "course"),
            ("accounting", "accountant"),
        ] {
            let [one, other] = [one, other].map(|word| forms(&words(word)[0]));
            assert!(one.iter().any(|form| other.contains(form)), "{one:?} {other:?}");
        }
        assert!(!forms("soldadura").iter().any(|form| forms("cocina").contains(form)));
    }

    #[test]
    fn what_says_nothing_is_known_in_both_languages() {
        assert!(["de", "la", "mas", "tambien", "the", "of"].iter().all(|word| is_stop_word(word)));
        assert!(["curso", "empleo", "course"].iter().all(|word| !is_stop_word(word)));
    }

    #[test]
    fn a_slip_leaves_a_word_more_alike_than_another_word() {
        for (slip, meant, other) in [
            ("exel", "excel", "exterior"),
            ("soldadra", "soldadura", "soldado"),
            ("fotgorafia", "fotografia", "geografia"),
            ("bideo", "video", "idea"),
        ] {
            assert!(similarity(slip, meant) > similarity(slip, other).max(0.3), "{slip}");
        }
    }

    proptest! {
        #[test]
        fn a_word_is_letters_and_digits_alone(text in ".*") {
            for word in words(&text) {
                prop_assert!(word.chars().all(char::is_alphanumeric) && (1..=LONGEST).contains(&word.chars().count()), "{word}");
                prop_assert!(forms(&word).iter().all(|form| !form.is_empty()), "{word}");
            }
        }

        #[test]
        fn alike_is_alike_both_ways(one in "[a-z]{1,12}", other in "[a-z]{1,12}") {
            let share = similarity(&one, &other);
            prop_assert!((0.0..=1.0).contains(&share));
            prop_assert!((share - similarity(&other, &one)).abs() < f64::EPSILON);
            prop_assert!((similarity(&one, &one) - 1.0).abs() < f64::EPSILON);
        }
    }
}
