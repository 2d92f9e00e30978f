use std::fmt;

use crate::shared::{Fault, Field, Kind, Value};

/// The id of a video on YouTube. The address of one is taken too, and reduced to the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YoutubeVideoId(String);

/// What the addresses of videos begin with, before the id.
const ADDRESSES: [&str; 7] = [
    "youtu.be/",
    "youtube.com/watch?v=",
    "youtube.com/embed/",
    "youtube.com/shorts/",
    "youtube.com/live/",
    "m.youtube.com/watch?v=",
    "youtube-nocookie.com/embed/",
];

impl YoutubeVideoId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for YoutubeVideoId {
    const KIND: Kind = Kind::Text { min: 11, max: 200, pattern: None, format: None };
    fn parse(value: &Value) -> Result<Self, Fault> {
        let text = value.as_text().ok_or_else(|| Fault::wrong_type("text"))?.trim();
        let id = match text.strip_prefix("https://") {
            Some(address) => {
                let address = address.strip_prefix("www.").unwrap_or(address);
                let rest = ADDRESSES.iter().find_map(|beginning| address.strip_prefix(beginning));
                rest.and_then(|rest| rest.split(['?', '&', '#', '/']).next())
            }
            None => Some(text),
        };
        let is_id = |id: &&str| id.len() == 11 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        match id.filter(is_id) {
            Some(id) => Ok(Self(id.to_owned())),
            None => Err(Fault::new("NOT_A_YOUTUBE_VIDEO", "must be the id of a video or its address on YouTube")),
        }
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

impl fmt::Display for YoutubeVideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reduced_to_its_id() {
        for (text, id) in [
            ("dQw4w9WgXcQ", Some("dQw4w9WgXcQ")),
            (" a-b_c1234XY ", Some("a-b_c1234XY")),
            ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=42s", Some("dQw4w9WgXcQ")),
            ("https://youtu.be/dQw4w9WgXcQ?si=x", Some("dQw4w9WgXcQ")),
            ("https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ", Some("dQw4w9WgXcQ")),
            ("https://m.youtube.com/watch?v=dQw4w9WgXcQ#t", Some("dQw4w9WgXcQ")),
            ("https://youtube.com/shorts/dQw4w9WgXcQ/", Some("dQw4w9WgXcQ")),
            ("https://vimeo.com/dQw4w9WgXcQ", None),
            ("https://youtube.com.example.es/watch?v=dQw4w9WgXcQ", None),
            ("http://youtu.be/dQw4w9WgXcQ", None),
            ("dQw4w9WgXc", None),
            ("dQw4w9WgXcQ1", None),
            ("\"><script>a", None),
            ("", None),
        ] {
            assert_eq!(YoutubeVideoId::parse(&text.into()).ok().map(|id| id.0).as_deref(), id, "{text}");
        }
    }
}
