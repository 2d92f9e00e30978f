//! Which words of which crate a source names: a walk over its tokens, so that comments and texts do not count.

use std::str::FromStr;

use anyhow::anyhow;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A word that a source names at the top of a crate: `people` in `crate::people::PersonId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Where.
    pub line: usize,
    /// `crate` for the crate of the source itself.
    pub of: String,
    /// The word.
    pub word: String,
}

/// The tokens of a source.
pub fn tokens(content: &str) -> anyhow::Result<TokenStream> {
    TokenStream::from_str(content).map_err(|error| anyhow!("line {}: {error}", error.span().start().line))
}

/// Every identifier, with its line.
pub fn identifiers(stream: TokenStream, found: &mut Vec<(usize, String)>) {
    for token in stream {
        match token {
            TokenTree::Ident(ident) => found.push((ident.span().start().line, ident.to_string())),
            TokenTree::Group(group) => identifiers(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Every word that is named at the top of this crate or of another of the workspace. `depth` says how many modules the source
/// is below the top of its own crate, so that `super::super::people` is seen through.
pub fn named(stream: TokenStream, depth: usize) -> Vec<Name> {
    let mut found = Vec::new();
    walk(stream, depth, &mut found);
    found
}

/// How many modules a file under `src/` is below the top of its crate.
pub fn depth(inside: &str) -> usize {
    let parts = inside.split('/').count();
    if ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| inside.rsplit('/').next() == Some(name)) { parts - 1 } else { parts }
}

fn walk(stream: TokenStream, depth: usize, found: &mut Vec<Name>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                if word == "crate" || word.starts_with("matricula_") {
                    below(&tokens, at + 1, &word, found);
                } else if word == "super" || word == "self" {
                    climb(&tokens, at, depth, found);
                }
            }
            TokenTree::Group(group) => {
                let module = group.delimiter() == Delimiter::Brace && at >= 2 && is_word(&tokens[at - 2], "mod");
                walk(group.stream(), depth + usize::from(module), found);
            }
            _ => {}
        }
    }
}

/// `self` and `super`, `super::super` …, which name the top of the crate if they climb as far.
fn climb(tokens: &[TokenTree], from: usize, mut depth: usize, found: &mut Vec<Name>) {
    let mut at = from;
    loop {
        match &tokens[at] {
            TokenTree::Ident(ident) if ident == "super" && depth > 0 => depth -= 1,
            TokenTree::Ident(ident) if ident == "self" => {}
            _ => return,
        }
        if !is_path(tokens, at + 1) {
            return;
        }
        if matches!(tokens.get(at + 3), Some(TokenTree::Ident(ident)) if ident == "super") {
            at += 3;
        } else {
            break;
        }
    }
    if depth == 0 {
        below(tokens, at + 1, "crate", found);
    }
}

/// What follows a crate: `::word` or `::{word, word::more}`.
fn below(tokens: &[TokenTree], at: usize, of: &str, found: &mut Vec<Name>) {
    if !is_path(tokens, at) {
        return;
    }
    let mut push = |token: &TokenTree| {
        if let TokenTree::Ident(ident) = token {
            found.push(Name { line: ident.span().start().line, of: of.to_owned(), word: ident.to_string() });
        }
    };
    match tokens.get(at + 2) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let mut first = true;
            for token in group.stream() {
                if first {
                    push(&token);
                }
                first = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',');
            }
        }
        Some(token) => push(token),
        None => {}
    }
}

fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(content: &str, depth: usize) -> Vec<String> {
        named(tokens(content).unwrap(), depth).into_iter().map(|name| format!("{}:{}", name.of, name.word)).collect()
    }

    #[test]
    fn paths_and_use_trees_are_seen() {
        assert_eq!(
            words("use crate::people::PersonId; fn f() -> matricula_domain::catalog::CourseId { crate::shared::x() }", 1),
            ["crate:people", "matricula_domain:catalog", "crate:shared"]
        );
        assert_eq!(words("use crate::{shared::{Id, Instant}, people::{self, Person}};", 1), ["crate:shared", "crate:people"]);
        assert_eq!(words("pub use ::matricula_ports::{leads::Leads, Scope};", 1), ["matricula_ports:leads", "matricula_ports:Scope"]);
    }

    #[test]
    fn comments_and_texts_do_not_count() {
        assert!(words("// crate::people::X\n/// [`crate::people`]\nconst A: &str = \"crate::people::X\";", 1).is_empty());
    }

    #[test]
    fn a_macro_counts_where_it_is_written() {
        assert_eq!(words("macro_rules! id { () => { $crate::people::Person } }", 1), ["crate:people"]);
    }

    #[test]
    fn climbing_to_the_top_is_seen_through() {
        assert_eq!(words("use super::super::people::Person;", 2), ["crate:people"]);
        assert_eq!(words("mod tests { use super::super::people::Person; use super::super::super::catalog::Course; }", 2), ["crate:catalog"]);
        assert!(words("use super::people::Person;", 2).is_empty());
        assert_eq!(words("use super::people::Person;", 1), ["crate:people"]);
        assert_eq!(words("use self::people::Person;", 0), ["crate:people"]);
    }

    #[test]
    fn the_depth_of_a_file_counts_its_modules() {
        assert_eq!(["lib.rs", "leads.rs", "leads/mod.rs", "leads/lead.rs"].map(depth), [0, 1, 1, 2]);
    }

    #[test]
    fn a_name_has_its_line() {
        assert_eq!(named(tokens("\n\nuse crate::people::Person;").unwrap(), 1)[0].line, 3);
    }
}
