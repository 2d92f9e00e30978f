//! Texts that want to act in a reader's browser, and a look at whether HTML could.

/// The elements, handlers, addresses, encodings and parser tricks by which scripts get into pages; a browser is shown the same ones.
pub fn payloads() -> Vec<String> {
    serde_json::from_str(include_str!("../payloads.json")).unwrap()
}

/// What a text may have in a page; the title of the page is its own.
const ELEMENTS: &str = "a abbr b blockquote br caption cite code dd dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img li mark ol p pre q s small strong \
    sub sup table tbody td tfoot th thead tr u ul";

/// What of clean HTML could act: tags that no text has, attributes that run code, addresses of another kind. (Clean HTML has its attributes in
/// double quotes and every `<` of a text escaped, so that looking for tags is enough.)
pub fn active_parts(html: &str) -> Vec<String> {
    let mut active = Vec::new();
    // A `<` before anything else begins no tag and no comment, but is itself (HTML, 13.2.5.6).
    let begins_tag = |tag: &&str| tag.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
    for tag in html.split('<').skip(1).filter(begins_tag) {
        let (name, attributes) = tag.split_at(tag.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(tag.len()));
        // The tag ends at the first `>` that is in no quotes; what comes then is text.
        let mut quoted = false;
        let mut is_inside = |c: char| {
            quoted ^= c == '"';
            quoted || c != '>'
        };
        let attributes: String = attributes.to_ascii_lowercase().chars().take_while(|c| is_inside(*c)).collect();
        let allowed = ELEMENTS.split_whitespace().any(|element| element == name.trim_start_matches('/'));
        let handler = attributes.split_whitespace().any(|part| part.starts_with("on") && part.contains('='));
        let address = ["href=\"", "src=\""].iter().filter_map(|name| attributes.split_once(name)).any(|(_, value)| {
            !["https://", "http://", "mailto:", "tel:", "/", "#", "\""].iter().any(|beginning| value.starts_with(beginning))
                || value.starts_with("//")
        });
        let inside = ["style=", "srcdoc=", "background=", "action=", "cite="].iter().any(|name| attributes.contains(name));
        if !allowed || handler || address || inside {
            active.push(format!("<{tag}"));
        }
    }
    active
}
