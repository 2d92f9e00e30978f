use matricula_domain::identity::Password;
use matricula_domain::shared::{Fault, Faults};

/// How hard a password is to guess at least, of 4: more than a hundred million tries (zxcvbn).
const GOOD: u8 = 3;

/// Refuses what is quickly guessed, above all from what is known of its owner (ASVS 6.2.4). `under` is where in the input it stands.
///
/// # Errors
/// `WEAK_PASSWORD`.
pub(super) fn good_enough(password: &Password, under: &str, known: &[&str]) -> Result<(), Faults> {
    let words: Vec<&str> =
        known.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([*text])).filter(|word| word.len() > 2).collect();
    let guessed = zxcvbn::zxcvbn(password.reveal(), &words);
    if u8::from(guessed.score()) >= GOOD {
        Ok(())
    } else {
        Err(Fault::rule(under, "WEAK_PASSWORD", "is guessed too quickly: make it longer, or less common").into())
    }
}

#[cfg(test)]
mod tests {
    use matricula_domain::shared::Field;

    use super::*;

    fn is_good(password: &str) -> bool {
        let known = ["lucia.perez@example.es", "Lucía Pérez", "Academia Sevilla"];
        good_enough(&Field::parse(&password.into()).unwrap(), "/password", &known).is_ok()
    }

    #[test]
    fn what_is_common_or_known_of_somebody_is_too_weak() {
        for weak in ["12345678", "password1", "qwertyuiop", "contraseña", "luciaperez", "Academia2026", "aaaaaaaaaaaaaaaa", "admin123"] {
            assert!(!is_good(weak), "{weak}");
        }
    }

    #[test]
    fn what_is_long_or_uncommon_is_good() {
        for good in ["correct horse battery staple", "matricula-demo", "tres tristes tigres tragaban", "Xk9#vLq2!mPz", "plátano verde en la azotea"]
        {
            assert!(is_good(good), "{good}");
        }
    }
}
