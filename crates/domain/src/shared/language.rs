crate::choice! {
    /// A language in which the program writes, and in which what is published is read.
    pub enum Language {
        /// Spanish.
        Spanish = "es",
        /// English.
        English = "en",
    }
}

impl Language {
    /// The language for a locale: Spanish for the languages of Spain, English for the rest of the world.
    pub fn of(locale: &str) -> Self {
        let language = locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        if matches!(language.as_str(), "es" | "ca" | "eu" | "gl" | "ast" | "an" | "oc") { Self::Spanish } else { Self::English }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_has_a_language() {
        for (locale, language) in [
            ("es", Language::Spanish),
            ("es-AR", Language::Spanish),
            ("ES_es", Language::Spanish),
            ("ca", Language::Spanish),
            ("en", Language::English),
            ("en-GB", Language::English),
            ("fr", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(locale), language, "{locale}");
        }
    }
}
