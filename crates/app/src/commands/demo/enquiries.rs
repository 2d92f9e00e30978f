//! What people ask, and by which door they come in.

use std::net::{IpAddr, Ipv4Addr};

use matricula_application::Circumstances;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value as Json, json};

use super::campaigns::Campaign;
use super::names::{Somebody, one_of};
use super::provider::{BOXES, FORMS, OFFERS};

/// By which door somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The form on the provider's site.
    Web,
    /// A call.
    Phone,
    /// The counter of a campus.
    Counter,
    /// A stand at a fair.
    Fair,
    /// The messenger of that name.
    Whatsapp,
}

impl Door {
    /// The word for it.
    fn source(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Phone => "phone",
            Self::Counter => "counter",
            Self::Fair => "fair",
            Self::Whatsapp => "whatsapp",
        }
    }
}

/// An enquiry as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Enquiry {
    /// The body of the form.
    pub body: Json,
    /// The run of interest, which has an id only once it is announced.
    pub run: Option<usize>,
    /// How the form came to be sent; `None` if staff write it down.
    pub visit: Option<Circumstances>,
}

impl Enquiry {
    /// Somebody asks.
    pub(super) fn of(random: &mut StdRng, who: &Somebody, course: Option<usize>, campaign: Option<&Campaign>, door: Door) -> Self {
        let slug = course.map(|course| OFFERS[course].slug);
        let english = door == Door::Web && random.random_bool(0.03);
        let locale =
            if english { "en" } else { one_of(random, &["es", "es", "es", "es", "es", "es", "es", "es", "es", "es", "es", "es", "es", "es", "ca"]) };
        let clicked = campaign.filter(|_| door == Door::Web).map(|campaign| campaign.click(random));
        let (utm, click_ids) = clicked.unzip();
        let form = (door == Door::Web).then(|| FORMS[usize::from(english)].0);
        let body = json!({
            "name": who.name,
            "email": who.email,
            "phone": who.phone,
            "course": slug,
            "campaign": campaign.map(|campaign| campaign.slug.as_str()),
            "form": form,
            "message": message(random, course, english),
            "locale": locale,
            "age_band": age_band(random, course),
            "gdpr_consent": true,
            "privacy_policy_accepted": true,
            "consents": if form.is_some() { ticked(random, who) } else { Vec::new() },
            "utm": utm,
            "click_ids": click_ids.flatten(),
            "source": door.source(),
        });
        Self { body, run: None, visit: (door == Door::Web).then(|| visit(random, slug)) }
    }

    /// Somebody who does not mean it.
    pub(super) fn spam(random: &mut StdRng, who: &Somebody, course: Option<usize>) -> Self {
        let message = one_of(
            random,
            &[
                "We can bring your website to the FIRST PAGE of the results in 48 hours. Reply for a free audit!!!",
                "Préstamos sin papeles y sin preguntas, hoy mismo en tu cuenta. Escríbenos.",
                "Buy 10.000 real followers now, special price for academies.",
                "asdf asdf asdf",
            ],
        );
        let slug = course.map(|course| OFFERS[course].slug);
        let body = json!({"name": who.name, "email": who.email, "course": slug, "form": FORMS[0].0, "message": message, "locale": "es",
            "gdpr_consent": true, "privacy_policy_accepted": true, "source": Door::Web.source()});
        Self { body, run: None, visit: Some(visit(random, slug)) }
    }
}

/// Who sends what nobody has asked for.
pub(super) fn spammer(random: &mut StdRng, number: usize) -> Somebody {
    let name = one_of(random, &["SEO Expert Team", "Crédito Fácil", "Marketing Boost", "asdf asdf", "Best Followers"]);
    Somebody { name: name.to_owned(), email: Some(format!("promo{number}@spam.example")), phone: None }
}

/// The boxes that somebody ticks: most people none.
fn ticked(random: &mut StdRng, who: &Somebody) -> Vec<&'static str> {
    let chances = if who.phone.is_some() { [0.34, 0.16, 0.12] } else { [0.34, 0.0, 0.12] };
    BOXES.iter().zip(chances).filter(|(_, chance)| random.random_bool(*chance)).map(|(purpose, _)| purpose.as_str()).collect()
}

fn age_band(random: &mut StdRng, course: Option<usize>) -> Option<&'static str> {
    let young = if course == Some(2) { 12 } else { 2 };
    match random.random_range(0..100) {
        0..4 => None,
        n if n < 4 + young => Some("16_17"),
        _ => Some("adult"),
    }
}

/// What somebody writes; half of them nothing.
fn message(random: &mut StdRng, course: Option<usize>, english: bool) -> Option<&'static str> {
    if random.random_bool(0.5) {
        return None;
    }
    if english {
        return Some(one_of(random, &["Is the course taught in English as well?", "When does the next group start?", "Can I pay in instalments?"]));
    }
    let of_the_course: &[&str] = match course {
        Some(0) => &[
            "¿Se trabaja con presupuesto real en los anuncios?",
            "Tengo una tienda pequeña y quiero aprender a anunciarla.",
            "¿El título sirve para trabajar en una agencia?",
        ],
        Some(1) => {
            &["No he programado nunca, ¿es demasiado difícil?", "¿Hace falta traer ordenador propio?", "¿Las prácticas en empresa están aseguradas?"]
        }
        Some(2) => {
            &["¿Se puede hacer mientras se prepara una oposición?", "¿Hay bolsa de empleo al terminar?", "¿Qué programa de contabilidad se usa?"]
        }
        Some(3) => &["¿Las tutorías quedan grabadas?", "Trabajo con hojas de cálculo, ¿con qué nivel se empieza?", "¿Se hace un proyecto propio?"],
        Some(4) => &["Llevo las redes de mi negocio, ¿me sirve?", "¿Cuánto tiempo se tarda en hacerlo?"],
        _ => &["No sé qué curso me conviene, ¿me podéis orientar?", "Estoy en paro, ¿hay algún curso subvencionado?"],
    };
    let of_any = [
        "¿Hay plazas por la tarde?",
        "¿Cuándo empieza el próximo grupo?",
        "¿Se puede pagar a plazos?",
        "Quisiera saber el precio y el horario.",
        "¿Es bonificable para trabajadores en activo?",
        "Por favor, llamadme a partir de las 18 h.",
        "Prefiero que me escribáis por correo.",
        "¿Qué pasa si falto algún día?",
        "Me interesa, pero solo podría los fines de semana.",
    ];
    Some(if random.random_bool(0.4) { one_of(random, of_the_course) } else { one_of(random, &of_any) })
}

/// From where the form was sent: addresses that are reserved for documentation (RFC 5737).
fn visit(random: &mut StdRng, course: Option<&str>) -> Circumstances {
    let [a, b, c] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][random.random_range(0..3)];
    let agent = one_of(
        random,
        &[
            "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
        ],
    );
    let page = course.map_or_else(String::new, |slug| format!("cursos/{slug}"));
    Circumstances {
        ip: Some(IpAddr::V4(Ipv4Addr::new(a, b, c, random.random_range(1..=254)))),
        user_agent: Some(agent.to_owned()),
        referer: Some(format!("https://www.cep-formacion.example/{page}")),
    }
}

/// Why a lead comes to nothing before it was looked at closely.
pub(super) const NOT_MEANT: [&str; 7] = [
    "No responde tras tres intentos",
    "No responde tras tres intentos",
    "Solo pedía información",
    "El precio no le encaja",
    "Ha elegido otro centro",
    "El número no existe",
    "Busca otra modalidad",
];

/// Why a lead comes to nothing after all.
pub(super) const NOT_AFTER_ALL: [&str; 7] = [
    "El precio no le encaja",
    "Los horarios no le encajan",
    "Ha elegido otro centro",
    "Lo deja para más adelante",
    "Lo deja para más adelante",
    "No ha conseguido financiación",
    "Ha encontrado trabajo",
];

/// Why a lead comes to nothing though it was meant.
pub(super) const NO_SEAT: &str = "No hay plaza en las fechas que necesita";

/// Why somebody leaves a run.
pub(super) const LEFT: [&str; 4] = ["Ha encontrado trabajo", "Motivos personales", "Enfermedad", "No puede con el horario"];

#[cfg(test)]
mod tests {
    use matricula_domain::leads::Capture;
    use matricula_domain::shared::Form;
    use matricula_ports::json::from_json;
    use rand::SeedableRng;

    use super::super::campaigns::campaigns;
    use super::super::names::Names;
    use super::*;

    #[test]
    fn every_enquiry_is_valid() {
        let (mut names, mut random) = (Names::from_seed(1), StdRng::seed_from_u64(1));
        let campaigns = campaigns("2026-11-21".parse().unwrap());
        let doors = [Door::Web, Door::Phone, Door::Counter, Door::Fair, Door::Whatsapp];
        for n in 0..600 {
            let who = names.somebody(&mut random);
            let course = if n % 6 == 5 { None } else { Some(n % 6) };
            let campaign = campaigns.get(n % 11);
            let asked = Enquiry::of(&mut random, &who, course, campaign, doors[n % 5]);
            Capture::read(&from_json(asked.body)).unwrap();
            let spammer = spammer(&mut random, n);
            Capture::read(&from_json(Enquiry::spam(&mut random, &spammer, course).body)).unwrap();
        }
    }
}
