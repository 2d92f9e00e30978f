//! The campaigns of the year, and what a click on one of them says of itself.

use chrono::{Datelike, Days};
use matricula_domain::marketing::{CampaignStatus, Platform};
use matricula_domain::shared::LocalDate;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value as Json, json};

use super::names::one_of;

/// The campaign of those who recommend a course.
pub(super) const FRIEND: &str = "trae-a-un-amigo";

/// A campaign of the year.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Campaign {
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub platform: Platform,
    /// First day.
    pub start: LocalDate,
    /// Last day, if it is to end.
    pub end: Option<LocalDate>,
    /// How many leads it brings while it runs, beside the others.
    pub pull: u32,
    /// Of a hundred leads that are qualified, how many become a place.
    pub wins: u32,
    /// Of a hundred of its leads, how many are for each course.
    pub asked: [u32; 5],
    /// What becomes of it.
    pub fate: CampaignStatus,
    /// What may be spent, in euros.
    budget: u32,
    description: &'static str,
}

impl Campaign {
    /// Whether it brings leads on a day.
    pub(super) fn runs_on(&self, day: LocalDate) -> bool {
        self.fate != CampaignStatus::Draft && self.start <= day && self.end.is_none_or(|end| day <= end)
    }

    /// It, as it is written down before it runs.
    pub(super) fn written(&self) -> Json {
        json!({
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "platform": self.platform.as_str(),
            "budget": (self.budget > 0).then(|| json!({"amount": i64::from(self.budget) * 100, "currency": "EUR"})),
            "start_date": self.start.to_string(),
            "end_date": self.end.map(|end| end.to_string()),
            "target_audience": {"age_min": 18, "age_max": 45, "places": ["Madrid", "Barcelona"], "interests": ["formación", "empleo"]},
            "conversion_goal": "enrollment",
            "status": CampaignStatus::Draft.as_str(),
        })
    }

    /// The UTM parameters of a click on it, and what the network calls the click.
    pub(super) fn click(&self, random: &mut StdRng) -> (Json, Option<Json>) {
        let utm = |source: &str, medium: &str, content: Option<&str>, term: Option<&str>| json!({"source": source, "medium": medium, "campaign": self.slug, "content": content, "term": term});
        match self.platform {
            Platform::MetaAds => {
                let content = one_of(random, &["a1", "a2", "video-15s", "carrusel", "historia"]);
                let ids = json!({"fbclid": format!("IwAR{}", letters(random, 52))});
                (utm("meta", "cpc", Some(content), None), random.random_bool(0.92).then_some(ids))
            }
            Platform::GoogleAds => {
                let term = one_of(
                    random,
                    &["curso marketing digital", "curso programación madrid", "curso administrativo", "curso sql online", "cursos barcelona"],
                );
                let kind = one_of(random, &["gclid", "gclid", "gclid", "gclid", "gbraid", "wbraid"]);
                let ids = json!({kind: format!("Cj0KCQ{}", letters(random, 60))});
                (utm("google", "cpc", None, Some(term)), random.random_bool(0.9).then_some(ids))
            }
            Platform::Email => (utm("boletin", "email", Some(one_of(random, &["cabecera", "boton", "pie"])), None), None),
            Platform::Organic => (utm("google", "organic", None, None), None),
            Platform::Referral => (utm("amigo", "referral", None, None), None),
        }
    }
}

/// Letters and digits, as networks name clicks with.
fn letters(random: &mut StdRng, length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    (0..length).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

/// The season in which a day lies, as a slug and as a word.
fn season(day: LocalDate) -> (String, String) {
    let (slug, word) = match day.month() {
        3..=5 => ("primavera", "Primavera"),
        6..=8 => ("verano", "Verano"),
        9..=11 => ("otono", "Otoño"),
        _ => ("invierno", "Invierno"),
    };
    // December is of the winter that ends next year.
    let year = day.year() + i32::from(day.month() == 12);
    (format!("{slug}-{year}"), format!("{word} {year}"))
}

/// How a campaign goes: how many leads it brings, how many of a hundred it wins, and how many euros it may spend.
type Figures = (u32, u32, u32);

/// A day beside another one.
fn beside(today: LocalDate, days: i64) -> LocalDate {
    let length = Days::new(days.unsigned_abs());
    if days < 0 { today - length } else { today + length }
}

/// A campaign that has always run.
fn always(today: LocalDate, [slug, name, description]: [&'static str; 3], platform: Platform, figures: Figures, asked: [u32; 5]) -> Campaign {
    let span = (-390, 0);
    let fate = CampaignStatus::Active;
    Campaign { slug: slug.to_owned(), name: name.to_owned(), end: None, ..seasonal(today, span, (platform, fate), figures, asked, description) }
}

/// A campaign of some weeks, which has its name from the season.
fn seasonal(
    today: LocalDate,
    (from, to): (i64, i64),
    (platform, fate): (Platform, CampaignStatus),
    (pull, wins, budget): Figures,
    asked: [u32; 5],
    description: &'static str,
) -> Campaign {
    let (season, word) = season(beside(today, i64::midpoint(from, to)));
    let (network, label) = match platform {
        Platform::MetaAds => ("meta", "Facebook e Instagram"),
        Platform::GoogleAds => ("google", "Google"),
        _ => ("correo", "correo"),
    };
    let (slug, name) = (format!("{season}-{network}"), format!("{word}, {label}"));
    Campaign { slug, name, platform, start: beside(today, from), end: Some(beside(today, to)), pull, wins, asked, fate, budget, description }
}

/// The campaigns of the year that ends today, by their place beside today.
pub(super) fn campaigns(today: LocalDate) -> Vec<Campaign> {
    use CampaignStatus::{Active, Completed, Draft, Paused};
    use Platform::{Email, GoogleAds, MetaAds, Organic, Referral};
    let always = |words, platform, figures, asked| always(today, words, platform, figures, asked);
    let seasonal = |span, how, figures, asked, description| seasonal(today, span, how, figures, asked, description);
    let search = ["busqueda-google", "Búsqueda en Google", "Anuncios de búsqueda, todo el año."];
    let site = ["web", "Web y buscadores", "Quien llega a la web sin que se haya pagado por ello."];
    let mail = ["boletin", "Boletín mensual", "El correo de cada mes a quien lo ha pedido."];
    let friend = [FRIEND, "Trae a un amigo", "Antiguos alumnos que recomiendan un curso."];
    let autumn = "Anuncios en Facebook e Instagram para los grupos que empiezan antes de Navidad y en enero.";
    let firms = "Formación bonificada; parada hasta el nuevo presupuesto.";
    vec![
        Campaign {
            slug: "otono-2026".to_owned(),
            name: "Otoño 2026".to_owned(),
            ..seasonal((-80, 40), (MetaAds, Active), (80, 19, 9_000), [46, 22, 10, 10, 12], autumn)
        },
        always(search, GoogleAds, (26, 27, 18_000), [28, 30, 20, 15, 7]),
        always(site, Organic, (22, 31, 0), [30, 24, 22, 13, 11]),
        always(mail, Email, (8, 36, 600), [24, 14, 14, 24, 24]),
        always(friend, Referral, (6, 46, 1_500), [32, 26, 24, 10, 8]),
        seasonal((-345, -285), (Email, Completed), (20, 33, 400), [26, 18, 18, 22, 16], "Un correo y dos recordatorios a quien pidió noticias."),
        seasonal((-270, -180), (MetaAds, Completed), (34, 17, 7_500), [40, 24, 12, 12, 12], "Jornadas de puertas abiertas y anuncios en redes."),
        seasonal((-190, -110), (GoogleAds, Completed), (16, 23, 4_000), [22, 38, 12, 20, 8], "Cursos intensivos en la búsqueda."),
        Campaign {
            slug: "empresas".to_owned(),
            name: "Formación para empresas".to_owned(),
            end: None,
            ..seasonal((-150, -60), (GoogleAds, Paused), (5, 38, 2_000), [30, 10, 20, 30, 10], firms)
        },
        seasonal((45, 110), (MetaAds, Draft), (0, 0, 8_000), [40, 25, 15, 10, 10], "En preparación, para los próximos grupos."),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use matricula_domain::shared::Form;
    use matricula_ports::json::from_json;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn campaigns_are_valid_on_every_day() {
        let mut random = StdRng::seed_from_u64(1);
        for week in 0..60 {
            let today = LocalDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(week * 7);
            let campaigns = campaigns(today);
            let slugs: HashSet<_> = campaigns.iter().map(|one| one.slug.clone()).collect();
            assert!(slugs.len() == campaigns.len() && slugs.contains("otono-2026"), "{slugs:?}");
            for one in &campaigns {
                matricula_domain::marketing::Campaign::read(&from_json(one.written())).unwrap();
                matricula_domain::leads::Utm::read(&from_json(one.click(&mut random).0)).unwrap();
                assert_eq!(one.asked.iter().sum::<u32>(), 100, "{}", one.slug);
            }
            assert!(campaigns[0].runs_on(today) && campaigns[0].platform == Platform::MetaAds && campaigns[0].fate == CampaignStatus::Active);
        }
    }
}
