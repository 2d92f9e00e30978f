use std::collections::BTreeMap;

use matricula_domain::notifications::Message;
use matricula_domain::shared::{Fault, Language, Line};
use matricula_ports::PortError;
use matricula_ports::notifications::{Wording, Wordings};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

/// The templates: for each message and language a text whose first line is the subject. The HTML is made from the same words.
macro_rules! templates {
    ($($message:literal),+ $(,)?) => {
        const TEMPLATES: &[(&str, &str)] = &[$(
            (concat!("es/", $message), include_str!(concat!("templates/es/", $message, ".txt"))),
            (concat!("en/", $message), include_str!(concat!("templates/en/", $message, ".txt"))),
        )+];
    };
}
templates!("password_reset", "password_changed", "sign_in_ended", "invitation", "email_change", "email_veto");

const LAYOUT: &str = "layout";

/// Words messages by templates that stand in the program.
#[derive(Debug)]
pub struct Templates {
    plain: Environment<'static>,
    html: Environment<'static>,
}

impl Templates {
    /// The templates of all messages.
    ///
    /// # Errors
    /// [`PortError::Broken`] if one of them is none.
    pub fn new() -> Result<Self, PortError> {
        Ok(Self { plain: environment(|| AutoEscape::None)?, html: environment(|| AutoEscape::Html)? })
    }

    fn render(environment: &Environment<'_>, name: &str, values: BTreeMap<&'static str, Value>) -> Result<String, PortError> {
        environment.get_template(name).and_then(|template| template.render(Value::from(values))).map_err(broken)
    }
}

fn environment(escape: fn() -> AutoEscape) -> Result<Environment<'static>, PortError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| escape());
    // A variable that is not given is a fault, not a gap in the text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(10_000));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).map_err(broken)?;
    }
    environment.add_template(LAYOUT, include_str!("templates/layout.html")).map_err(broken)?;
    Ok(environment)
}

fn broken(error: impl std::fmt::Display) -> PortError {
    PortError::Broken(format!("a template: {error}"))
}

impl Wordings for Templates {
    fn word(&self, message: Message, language: Language, values: &[(&'static str, String)]) -> Result<Wording, PortError> {
        let known = message.variables();
        if values.len() != known.len() || !values.iter().all(|(name, _)| known.contains(name)) {
            return Err(broken(format_args!("{message} says {known:?}, and nothing else")));
        }
        if values.iter().any(|(_, value)| value.chars().any(char::is_control)) {
            return Err(broken(format_args!("a value of {message} has a control character")));
        }
        let name = format!("{language}/{message}");
        let context = || values.iter().map(|(name, value)| (*name, Value::from(value.as_str()))).collect();
        let whole = Self::render(&self.plain, &name, context())?;
        let (subject, text) = whole.split_once("\n\n").unwrap_or((&whole, ""));
        let subject = Line::parse(subject).map_err(|Fault { code, .. }| broken(format_args!("the subject of {message}: {code}")))?;
        let escaped = Self::render(&self.html, &name, context())?;
        let paragraphs: Vec<_> = escaped.split("\n\n").skip(1).map(|paragraph| Value::from_safe_string(paragraph.trim().to_owned())).collect();
        let around =
            [("language", Value::from(language.as_str())), ("subject", Value::from(subject.as_str())), ("paragraphs", Value::from_iter(paragraphs))];
        let html = Self::render(&self.html, LAYOUT, around.into())?;
        Ok(Wording { subject, text: text.to_owned(), html })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const LINK: &str = "https://matricula.example.es/password-reset#mlk_0123456789?a=1&b=2";

    fn values(message: Message, value: &str) -> Vec<(&'static str, String)> {
        let of = |name: &&'static str| (*name, if *name == "link" { LINK.to_owned() } else { value.to_owned() });
        message.variables().iter().map(of).collect()
    }

    #[test]
    fn every_message_is_worded_in_every_language() {
        let templates = Templates::new().unwrap();
        assert_eq!(TEMPLATES.len(), Message::ALL.len() * Language::ALL.len());
        for message in Message::ALL {
            let mut subjects = HashSet::new();
            for language in Language::ALL {
                let worded = templates.word(*message, *language, &values(*message, "Lucía")).unwrap();
                assert!(worded.text.contains("Lucía") && worded.html.contains("Lucía"), "{message} {language}");
                assert!(worded.html.contains(&format!("<html lang=\"{language}\">")), "{message} {language}");
                assert!(!worded.text.contains(['{', '}', '<']) && !worded.html.contains("{{"), "{message} {language}: {}", worded.text);
                if message.variables().contains(&"link") {
                    let line_of_its_own = worded.text.lines().any(|line| line == LINK);
                    assert!(line_of_its_own && worded.html.contains("<a href=\"https:"), "{message} {language}: {}", worded.html);
                }
                subjects.insert(worded.subject.as_str().to_owned());
            }
            assert_eq!(subjects.len(), Language::ALL.len(), "{message} has a subject of each language");
        }
    }

    #[test]
    fn a_template_says_what_is_declared_and_nothing_else() {
        let templates = Templates::new().unwrap();
        for message in Message::ALL {
            let declared: HashSet<_> = message.variables().iter().map(ToString::to_string).collect();
            for language in Language::ALL {
                let said = templates.plain.get_template(&format!("{language}/{message}")).unwrap().undeclared_variables(true);
                assert_eq!(said, declared, "{message} {language}");
            }
        }
        let mut few = values(Message::PasswordReset, "x");
        few.pop();
        assert!(templates.word(Message::PasswordReset, Language::Spanish, &few).is_err());
        let other = values(Message::Invitation, "x");
        assert!(templates.word(Message::PasswordReset, Language::Spanish, &other).is_err());
    }

    #[test]
    fn a_value_is_never_markup_and_never_a_header() {
        let templates = Templates::new().unwrap();
        let worded = templates.word(Message::Invitation, Language::English, &values(Message::Invitation, "<img src=x onerror=\"a&b\">")).unwrap();
        assert!(!worded.html.contains("<img") && worded.html.contains("&lt;img"), "{}", worded.html);
        assert!(worded.text.contains("<img src=x onerror=\"a&b\">"), "plain text is plain");
        for evil in ["a\r\nBcc: x@example.es", "a\nb", "a\u{0}", "a\u{85}"] {
            assert!(templates.word(Message::Invitation, Language::English, &values(Message::Invitation, evil)).is_err(), "{evil:?}");
        }
    }
}
