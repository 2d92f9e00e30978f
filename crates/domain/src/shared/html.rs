use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use unicode_normalization::UnicodeNormalization;

use super::text::{no_control, text};
use super::{Fault, Field, Kind, Value};

/// Text for a page, at most `MAX` characters: plain text, or simple HTML in which nothing is active.
///
/// It is clean once it exists: what could act in a reader's browser (scripts, event handlers, `javascript:` addresses, frames, SVG …) is
/// refused, and of everything else what is not on the list of allowed elements and attributes is left out (OWASP ASVS 1.3.1). Text without a
/// tag stays as it was written, and [`Html::to_html`] makes paragraphs of it.
///
/// ```
/// use matricula_domain::shared::{Field, Html};
///
/// let read = |raw: &str| Html::<1000>::parse(&raw.into());
/// assert_eq!(read("<p onclick='pay()'>Desde cero</p>").unwrap_err().code, "HTML_NOT_ALLOWED");
/// assert_eq!(read("<p class=intro>Desde <b>cero</b>").unwrap().as_str(), "<p>Desde <b>cero</b></p>");
/// assert_eq!(read("Si a < b & c").unwrap().to_html(), "<p>Si a &lt; b &amp; c</p>");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html<const MAX: usize>(String);

impl<const MAX: usize> Html<MAX> {
    /// What a repository reads back, which was clean when it was kept.
    pub fn from_kept(kept: String) -> Self {
        Self(kept)
    }

    /// As it is kept and shown by the API: text without a tag, or clean HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a page: plain text in paragraphs, everything in it escaped.
    pub fn to_html(&self) -> Cow<'_, str> {
        if is_text(&self.0) { paragraphs(&self.0).into() } else { self.0.as_str().into() }
    }

    /// What there is to read in it, on one line, without any markup.
    pub fn to_text(&self) -> String {
        if is_text(&self.0) { one_line(&self.0) } else { one_line(&Read::of(&self.0).text) }
    }
}

impl<const MAX: usize> Field for Html<MAX> {
    const KIND: Kind = Kind::Text { min: 0, max: MAX, pattern: None, format: Some("html") };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let raw = text(value, MAX)?.replace("\r\n", "\n");
        no_control(&raw, true)?;
        let raw: String = raw.trim_end().nfc().collect();
        if is_text(&raw) {
            return Ok(Self(raw));
        }
        let read = Read::of(&raw);
        if read.is_active {
            return Err(Fault::rule("", "HTML_NOT_ALLOWED", "must not hold scripts, event handlers, frames, forms, SVG or addresses that run code"));
        }
        if read.deepest > DEEPEST {
            return Err(Fault::new("TOO_DEEP", format!("at most {DEEPEST} elements within each other")));
        }
        let clean = CLEANER.clean(&raw).to_string();
        // Without a tag it would be taken for plain text, in which `&lt;` says what it says.
        let clean = if is_text(&clean) { format!("<p>{clean}</p>") } else { clean };
        if clean.chars().count() > MAX {
            return Err(Fault::new("TOO_LONG", format!("at most {MAX} characters, with everything escaped")));
        }
        Ok(Self(clean))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

/// How many elements may stand within each other. A browser repeats the open ones in each paragraph, so without a limit a short text is a
/// long page.
const DEEPEST: usize = 32;

/// Elements that have no place in a text: whoever writes one means something else.
const ACTIVE: &[&str] =
    &["applet", "base", "embed", "form", "frame", "frameset", "iframe", "link", "math", "meta", "object", "portal", "script", "svg"];

/// Attributes that hold an address.
const ADDRESSES: &[&str] = &["action", "background", "cite", "data", "formaction", "href", "poster", "src", "srcset", "xlink:href"];

/// Elements whose end need not be written, and such as have none.
const NEVER_ENDED: &[&str] =
    &["br", "col", "dd", "dt", "hr", "img", "input", "li", "option", "p", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "wbr"];

/// Elements between which words do not run into each other.
const INLINE: &[&str] = &["a", "abbr", "b", "cite", "code", "em", "i", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "u"];

/// Elements that a text may have, with their attributes. The title of the page is its `h1`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("a", &["href", "title", "hreflang"]),
    ("abbr", &["title"]),
    ("b", &[]),
    ("blockquote", &[]),
    ("br", &[]),
    ("caption", &[]),
    ("cite", &[]),
    ("code", &[]),
    ("dd", &[]),
    ("dl", &[]),
    ("dt", &[]),
    ("em", &[]),
    ("figcaption", &[]),
    ("figure", &[]),
    ("h2", &[]),
    ("h3", &[]),
    ("h4", &[]),
    ("h5", &[]),
    ("h6", &[]),
    ("hr", &[]),
    ("i", &[]),
    ("img", &["src", "alt", "title", "width", "height"]),
    ("li", &[]),
    ("mark", &[]),
    ("ol", &["start"]),
    ("p", &[]),
    ("pre", &[]),
    ("q", &[]),
    ("s", &[]),
    ("small", &[]),
    ("strong", &[]),
    ("sub", &[]),
    ("sup", &[]),
    ("table", &[]),
    ("tbody", &[]),
    ("td", &["colspan", "rowspan"]),
    ("tfoot", &[]),
    ("th", &["colspan", "rowspan", "scope"]),
    ("thead", &[]),
    ("tr", &[]),
    ("u", &[]),
    ("ul", &[]),
];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(ALLOWED.iter().map(|(element, _)| *element).collect())
        .tag_attributes(
            ALLOWED.iter().map(|(element, attributes)| (*element, attributes.iter().copied().collect())).collect::<HashMap<_, HashSet<_>>>(),
        )
        .generic_attributes(HashSet::from(["lang"]))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .url_schemes(HashSet::from(["https", "http", "mailto", "tel"]))
        .url_relative(UrlRelative::PassThrough)
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("img", "src") if !is_https(value) && !is_own(value) => None,
            ("a", "href") if !has_scheme(value) && !is_own(value) && !value.starts_with('#') => None,
            _ => Some(value.into()),
        })
        .link_rel(Some("noopener noreferrer"));
    cleaner
});

fn has_scheme(address: &str) -> bool {
    ["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| address.starts_with(scheme))
}

fn is_https(address: &str) -> bool {
    address.starts_with("https://")
}

/// Whether an address leads to a path of this program: browsers take `//` and `/\` for the beginning of another host.
fn is_own(address: &str) -> bool {
    address.starts_with('/') && !address[1..].starts_with(['/', '\\']) && !address.contains(|c: char| c.is_ascii_control() || c == '\\')
}

/// Whether no parser would find a tag in it, whatever follows.
fn is_text(text: &str) -> bool {
    text.split('<').skip(1).all(|after| !after.is_empty() && !after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)))
}

fn paragraphs(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let blocks = escaped.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.fold(String::with_capacity(escaped.len() + 7), |page, block| page + "<p>" + &block.replace('\n', "<br>") + "</p>")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is found in HTML token by token, as a browser would begin to read it.
#[derive(Default)]
struct Read {
    /// Whether something in it could act.
    is_active: bool,
    /// How many elements stand within each other where it is deepest.
    deepest: usize,
    /// Its characters.
    text: String,
    open: Vec<String>,
}

impl Read {
    fn of(html: &str) -> Self {
        let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(html));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.into_inner()
    }

    fn tag(&mut self, tag: &Tag) {
        let name = &*tag.name;
        self.is_active |= ACTIVE.contains(&name) || tag.attrs.iter().any(|attribute| acts(&attribute.name.local, &attribute.value));
        if !INLINE.contains(&name) {
            self.text.push(' ');
        }
        if NEVER_ENDED.contains(&name) {
            return;
        }
        match tag.kind {
            TagKind::StartTag => self.open.push(name.to_owned()),
            TagKind::EndTag => {
                if let Some(place) = self.open.iter().rposition(|open| open == name) {
                    self.open.remove(place);
                }
            }
        }
        self.deepest = self.deepest.max(self.open.len());
    }
}

/// Whether an attribute makes its element act: an event handler, a document within, an address that runs code.
fn acts(name: &str, value: &str) -> bool {
    let is_handler = name.strip_prefix("on").is_some_and(|event| event.starts_with(|c: char| c.is_ascii_alphabetic()));
    // Browsers overlook blanks and control characters in front of a scheme and line ends within it.
    let address: String = value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(16).collect::<String>().to_ascii_lowercase();
    let runs = ["javascript:", "vbscript:", "data:"].iter().any(|scheme| address.starts_with(scheme));
    is_handler || name == "srcdoc" || ADDRESSES.contains(&name) && runs
}

#[derive(Default)]
struct Reader(RefCell<Read>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => self.0.borrow_mut().tag(&tag),
            Token::CharacterTokens(characters) => self.0.borrow_mut().text.push_str(&characters),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(raw: &str) -> Result<Html<2000>, Fault> {
        Html::parse(&raw.into())
    }

    #[test]
    fn what_a_text_needs_stays() {
        for same in [
            "<h2>Temario</h2><ul><li>Uno</li><li>Dos</li></ul>",
            "<p lang=\"en\">A <a href=\"https://example.es/?a=1&amp;b=2\" rel=\"noopener noreferrer\">link</a>, <strong>bold</strong></p>",
            "<p><a href=\"/cursos/soldadura\" rel=\"noopener noreferrer\">aquí</a> <a href=\"#fin\" rel=\"noopener noreferrer\">abajo</a></p>",
            "<p><a href=\"mailto:hola@example.es\" rel=\"noopener noreferrer\">escríbenos</a></p>",
            "<figure><img src=\"/media/1.webp\" alt=\"Aula\" width=\"40\"><figcaption>El aula</figcaption></figure>",
            "<img src=\"https://example.es/a.jpg\" alt=\"\">",
            "<table><thead><tr><th scope=\"col\">Día</th></tr></thead><tbody><tr><td colspan=\"2\">Lunes</td></tr></tbody></table>",
        ] {
            assert_eq!(html(same).unwrap().as_str(), same);
        }
    }

    #[test]
    fn what_is_harmless_and_unknown_is_left_out() {
        for (raw, clean) in [
            ("<h1>Título</h1><p>Texto", "Título<p>Texto</p>"),
            ("<div class=\"x\" id=\"y\" style=\"color:red\"><p>a</p></div>", "<p>a</p>"),
            ("<p>a<!-- nota --></p><style>p { color: red }</style>", "<p>a</p>"),
            ("<center>a &lt;b&gt;</center>", "<p>a &lt;b&gt;</p>"),
            ("<p><a href=\"ftp://example.es\" target=\"_blank\">a</a></p>", "<p><a rel=\"noopener noreferrer\">a</a></p>"),
            ("<a href=\"//otra.example\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href=\"/\\otra.example\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<img src=\"http://example.es/a.jpg\" alt=\"a\">", "<img alt=\"a\">"),
            ("<img src=\"//otra.example/a.jpg\">", "<img>"),
        ] {
            assert_eq!(html(raw).unwrap().as_str(), clean, "{raw}");
        }
    }

    #[test]
    fn text_without_a_tag_stays_text() {
        for (raw, page) in [
            ("De cero a cien.\n\nPor la tarde,\nlos lunes.", "<p>De cero a cien.</p><p>Por la tarde,<br>los lunes.</p>"),
            ("a < b && c > \"d\"", "<p>a &lt; b &amp;&amp; c &gt; &quot;d&quot;</p>"),
            ("&lt;script&gt;", "<p>&amp;lt;script&amp;gt;</p>"),
            ("<3 y 1<2", "<p>&lt;3 y 1&lt;2</p>"),
            ("", ""),
        ] {
            let text = html(raw).unwrap();
            assert_eq!((text.as_str(), &*text.to_html()), (raw, page));
        }
    }

    #[test]
    fn what_there_is_to_read_has_no_markup() {
        for (raw, text) in [
            ("<h2>Temario</h2><p>A <b>c</b>d &amp; e<br>f</p><ul><li>g</li><li>h</li></ul>", "Temario A cd & e f g h"),
            ("Uno\n\ndos  & tres", "Uno dos & tres"),
            ("<p> </p>", ""),
        ] {
            assert_eq!(html(raw).unwrap().to_text(), text);
        }
    }

    #[test]
    fn a_text_is_neither_too_deep_nor_too_long() {
        let nested = |depth: usize| format!("{}a{}", "<b>".repeat(depth), "</b>".repeat(depth));
        assert!(html(&nested(32)).is_ok());
        assert_eq!(html(&nested(33)).unwrap_err().code, "TOO_DEEP");
        assert!(html(&"<p>a<li>b".repeat(50)).is_ok(), "what need not be ended does not count");
        assert_eq!(html(&"a".repeat(2001)).unwrap_err().code, "TOO_LONG");
        assert_eq!(html(&format!("<p>{}", "&".repeat(1000))).unwrap_err().code, "TOO_LONG");
        assert_eq!(html("<p>\u{0}").unwrap_err().code, "CONTROL_CHARACTER");
    }

    proptest! {
        /// Whatever somebody writes, what is kept holds nothing active, and is kept as it is when it is written again.
        #[test]
        fn what_is_kept_is_clean(raw in "(<|</|>|=|\"|'| |&|;|javascript:|data:|on[a-z]{1,5}|script|svg|img|src|href|style|a|b|p|table|math|title|textarea|template|noscript|!--|--|\\[CDATA\\[|/|x){0,40}") {
            if let Ok(kept) = html(&raw) {
                prop_assert!(!Read::of(&kept.to_html()).is_active, "{}", kept.as_str());
                let again = html(kept.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), kept.as_str());
            }
        }
    }
}
