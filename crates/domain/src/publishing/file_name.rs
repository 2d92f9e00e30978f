use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::MediaType;
use crate::shared::{Fault, Field, Kind, Line, Value};

/// How somebody calls a file that they send: one name with one extension, and no path. It says nothing of what the file is, which its
/// bytes do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(Line<255>);

/// The most that is kept of a name without its extension.
const STEM: usize = 80;

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Under which name the file is handed out: plain letters, digits and hyphens, with the extension of what it is.
    pub fn handed_out(&self, media_type: MediaType) -> String {
        let stem = self.as_str().rsplit_once('.').map_or(self.as_str(), |(stem, _)| stem);
        let plain: String = stem.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect();
        let words: Vec<_> = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let mut stem = words.join("-").to_ascii_lowercase();
        stem.truncate(STEM);
        let stem = stem.trim_end_matches('-');
        format!("{}.{}", if stem.is_empty() { "file" } else { stem }, media_type.extension())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a part of a name between two dots could be an extension: `php`, but not `2` or `0 portada`.
fn looks_like_an_extension(part: &str) -> bool {
    (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()) && part.bytes().any(|b| b.is_ascii_alphabetic())
}

impl Field for FileName {
    const KIND: Kind = Kind::Text { min: 1, max: 255, pattern: Some(r"^[^./\\][^/\\]*$"), format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let name = <Line<255> as Field>::parse(value)?;
        let text = name.as_str();
        if text.contains(['/', '\\']) || text.starts_with('.') {
            return Err(Fault::new("NOT_A_FILE_NAME", "must be a name without a path, and not begin with a dot"));
        }
        let mut between = text.split('.').skip(1).collect::<Vec<_>>();
        between.pop();
        if between.into_iter().any(looks_like_an_extension) {
            return Err(Fault::new("DOUBLE_EXTENSION", "must have one extension"));
        }
        Ok(Self(name))
    }
    fn value(&self) -> Value {
        self.0.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Result<FileName, &'static str> {
        FileName::parse(&name.into()).map_err(|fault| fault.code)
    }

    #[test]
    fn a_name_has_no_path_and_one_extension() {
        for (name, code) in [
            ("", "REQUIRED"),
            ("foto\u{0}.png", "CONTROL_CHARACTER"),
            ("foto\u{202e}gnp.exe", "CONTROL_CHARACTER"),
            ("../foto.png", "NOT_A_FILE_NAME"),
            ("..", "NOT_A_FILE_NAME"),
            ("a/b.png", "NOT_A_FILE_NAME"),
            (r"a\b.png", "NOT_A_FILE_NAME"),
            (".htaccess", "NOT_A_FILE_NAME"),
            ("foto.php.jpg", "DOUBLE_EXTENSION"),
            ("foto.html.png", "DOUBLE_EXTENSION"),
            ("foto.jpg.", "DOUBLE_EXTENSION"),
        ] {
            assert_eq!(parse(name), Err(code), "{name}");
        }
        assert_eq!(parse(&"a".repeat(256)), Err("TOO_LONG"));
        for name in ["foto.jpg", "Curso 2.0 portada.jpg", "v1.2.pdf", "sin extensión", "a.b"] {
            assert_eq!(parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_file_is_handed_out_under_a_plain_name_that_says_what_it_is() {
        for (name, plain) in [
            ("Soldadura TIG — Ñandú.PNG", "soldadura-tig-nandu.jpg"),
            ("foto.exe", "foto.jpg"),
            ("\"; filename=x.html", "filename-x.jpg"),
            ("写真.jpg", "file.jpg"),
            ("Curso 2.0 portada", "curso-2.jpg"),
        ] {
            assert_eq!(parse(name).unwrap().handed_out(MediaType::Jpeg), plain);
        }
        assert_eq!(parse(&"á".repeat(200)).unwrap().handed_out(MediaType::Pdf).len(), STEM + 4);
    }
}
