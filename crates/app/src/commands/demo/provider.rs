//! The provider that the demo tells of: what it is called, who works there, what it teaches and where, what it tells people.

use matricula_domain::catalog::DayOfWeek;
use matricula_domain::identity::Role;
use matricula_domain::privacy::Purpose;
use serde_json::{Value as Json, json};

/// Its name in addresses.
pub(super) const SLUG: &str = "cep-formacion";

/// Its name.
pub(super) const NAME: &str = "CEP Formación";

/// With which everybody of the demo signs in.
pub(super) const PASSWORD: &str = "matricula-demo";

/// The key of its form, and that of the same form in English.
pub(super) const FORMS: [(&str, &str, &str); 2] = [("web-contacto", "es", "Solicita información"), ("web-contacto-en", "en", "Ask for information")];

/// The organization.
pub(super) fn organization() -> Json {
    json!({"slug": SLUG, "name": NAME, "time_zone": "Europe/Madrid", "locale": "es", "country": "ES"})
}

/// The address with which a role signs in.
pub(super) fn email_of(role: Role) -> String {
    format!("{role}@cep-formacion.example")
}

/// Who has a role.
pub(super) fn name_of(role: Role) -> &'static str {
    match role {
        Role::Owner => "Carmen Ibáñez Roca",
        Role::Admin => "Sergio Palacios Mena",
        Role::Manager => "Elena Cuesta Villar",
        Role::Marketing => "Nuria Bosch Ferrer",
        Role::Adviser => "Javier Lozano Prieto",
        Role::Viewer => "Rosa Aguirre Sanz",
        Role::Trainer => "Daniel Ferrer Coll",
        Role::Learner => "Lucía Pérez Navarro",
        Role::Dpo => "Ignacio Robles Vega",
    }
}

/// A user.
pub(super) fn user(role: Role) -> Json {
    json!({"email": email_of(role), "name": name_of(role), "password": PASSWORD, "role": role.as_str()})
}

/// The cycles.
pub(super) fn cycles() -> [Json; 3] {
    [
        json!({"slug": "comercio-y-marketing", "name": "Comercio y Marketing", "level": "grado_superior", "order_display": 1,
            "description": "Marketing, publicidad y venta, en la tienda y en la red."}),
        json!({"slug": "administracion-y-gestion", "name": "Administración y Gestión", "level": "grado_medio", "order_display": 2,
            "description": "La oficina por dentro: documentos, contabilidad, personal y atención a quien llega."}),
        json!({"slug": "informatica-y-comunicaciones", "name": "Informática y Comunicaciones", "level": "certificado_profesionalidad", "order_display": 3,
            "description": "Programación, datos y redes, con prácticas en empresas."}),
    ]
}

/// The towns of the campuses.
pub(super) const TOWNS: [&str; 2] = ["madrid", "barcelona"];

/// The campuses.
pub(super) fn campuses() -> [Json; 2] {
    [
        json!({"slug": TOWNS[0], "name": "CEP Madrid", "city": "Madrid", "address": "Calle de la Enseñanza, 12", "postal_code": "28013",
            "phone": "+34790000001", "email": "madrid@cep-formacion.example", "maps_url": "https://maps.example/cep-madrid", "time_zone": "Europe/Madrid",
            "opening_hours": weekdays(&[("09:00", "14:00"), ("16:00", "21:00")])}),
        json!({"slug": TOWNS[1], "name": "CEP Barcelona", "city": "Barcelona", "address": "Carrer de l'Aprenentatge, 45", "postal_code": "08011",
            "phone": "+34790000002", "email": "barcelona@cep-formacion.example", "maps_url": "https://maps.example/cep-barcelona", "time_zone": "Europe/Madrid",
            "opening_hours": weekdays(&[("09:30", "20:30")])}),
    ]
}

/// Opening hours that are the same from Monday to Friday.
fn weekdays(hours: &[(&str, &str)]) -> Json {
    let day = |day: &DayOfWeek| {
        hours.iter().map(|(opens, closes)| json!({"day_of_week": day.as_str(), "opens": opens, "closes": closes})).collect::<Vec<_>>()
    };
    DayOfWeek::ALL[..5].iter().flat_map(day).collect()
}

/// A course, and how it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Its name in addresses.
    pub slug: &'static str,
    /// Which cycle it belongs to.
    pub cycle: usize,
    /// At which campuses it is taught; none if it is online.
    pub campuses: &'static [usize],
    /// How many of a hundred people ask for it.
    pub asked: u32,
    /// How many weeks a run takes.
    pub weeks: i64,
    /// How many seats a run has.
    pub seats: u32,
    /// With fewer people it is not worth teaching.
    pub worthwhile: u32,
}

/// The courses.
pub(super) const OFFERS: [Offer; 5] = [
    Offer { slug: "marketing-digital", cycle: 0, campuses: &[0, 1], asked: 32, weeks: 12, seats: 20, worthwhile: 8 },
    Offer { slug: "desarrollo-web", cycle: 2, campuses: &[0, 1], asked: 25, weeks: 20, seats: 16, worthwhile: 8 },
    Offer { slug: "gestion-administrativa", cycle: 1, campuses: &[0], asked: 18, weeks: 16, seats: 24, worthwhile: 10 },
    Offer { slug: "analitica-de-datos", cycle: 2, campuses: &[], asked: 14, weeks: 10, seats: 25, worthwhile: 6 },
    Offer { slug: "redes-sociales", cycle: 0, campuses: &[], asked: 11, weeks: 6, seats: 25, worthwhile: 5 },
];

/// What a course says of itself; cycle and campuses come from its [`Offer`].
pub(super) fn course(slug: &str) -> Json {
    match slug {
        "marketing-digital" => {
            json!({"title": "Marketing Digital", "duration_hours": 180, "modality": "hibrido", "level": "Inicial", "category": "Marketing",
            "price": euros(1290), "featured": true, "tags": ["marketing", "publicidad", "tardes"],
            "prices": [price("company", 1450), price("unemployed", 890)],
            "description": "Estrategia, buscadores, publicidad de pago, correo y medición. Cada semana, dos tardes en el aula y un encargo de una empresa \
                real que se entrega en línea. Al terminar se tiene una campaña propia, con sus cifras.",
            "seo": {"title": "Curso de Marketing Digital en Madrid y Barcelona", "description": "180 horas, grupos pequeños y prácticas con presupuesto real.",
                "keywords": ["marketing digital", "curso marketing madrid", "curso marketing barcelona", "seo", "publicidad online"]}})
        }
        "desarrollo-web" => {
            json!({"title": "Desarrollo Web", "duration_hours": 400, "modality": "presencial", "level": "Inicial", "category": "Informática",
            "price": euros(2450), "featured": true, "tags": ["programacion", "web", "practicas-en-empresas"],
            "prices": [price("unemployed", 1690), price("student", 1990)],
            "description": "De la primera etiqueta a una aplicación publicada: HTML, CSS, JavaScript, una base de datos y el trabajo en equipo con control de \
                versiones. Incluye 80 horas de prácticas en empresas.",
            "seo": {"title": "Curso de Desarrollo Web presencial", "description": "400 horas con prácticas en empresas, en Madrid y Barcelona.",
                "keywords": ["desarrollo web", "aprender a programar", "curso programación", "javascript"]}})
        }
        "gestion-administrativa" => {
            json!({"title": "Gestión Administrativa", "duration_hours": 320, "modality": "presencial", "level": "Sin requisitos",
            "category": "Administración", "price": euros(980), "featured": false, "tags": ["oficina", "contabilidad", "oposiciones"],
            "prices": [price("company", 1100), price("unemployed", 0)],
            "description": "Facturas, nóminas, contabilidad y atención al público con los programas que usan las empresas. Prepara para el puesto de auxiliar \
                administrativo y para oposiciones.",
            "seo": {"title": "Curso de Gestión Administrativa en Madrid", "description": "320 horas en el aula y bolsa de empleo.",
                "keywords": ["gestión administrativa", "auxiliar administrativo", "contabilidad", "nóminas"]}})
        }
        "analitica-de-datos" => {
            json!({"title": "Analítica de Datos", "duration_hours": 150, "modality": "online", "level": "Intermedio", "category": "Informática",
            "price": euros(1150), "featured": false, "tags": ["datos", "sql", "a-distancia"],
            "prices": [price("company", 1300), price("self_employed", 990)],
            "description": "Preguntar a los datos y contar lo que responden: hojas de cálculo, SQL, visualización y un proyecto con datos abiertos. En línea, con \
                tutorías en directo dos tardes por semana.",
            "seo": {"title": "Curso online de Analítica de Datos", "description": "150 horas en línea con tutorías en directo.",
                "keywords": ["analítica de datos", "sql", "visualización de datos", "curso online"]}})
        }
        _ => json!({"title": "Redes Sociales y Contenidos", "duration_hours": 60, "modality": "online", "level": "Inicial", "category": "Marketing",
            "price": euros(420), "featured": false, "tags": ["marketing", "redes-sociales", "a-distancia"],
            "prices": [price("self_employed", 350)],
            "description": "Planificar, escribir, grabar y medir. Un curso corto para quien lleva las redes de su negocio o quiere llevar las de otros.",
            "seo": {"title": "Curso online de Redes Sociales", "description": "60 horas en línea, a tu ritmo.",
                "keywords": ["redes sociales", "community manager", "contenidos", "curso online"]}}),
    }
}

fn price(audience: &str, amount: i64) -> Json {
    json!({"audience": audience, "price": euros(amount)})
}

fn euros(euros: i64) -> Json {
    json!({"amount": euros * 100, "currency": "EUR"})
}

/// The purposes for which the forms have boxes.
pub(super) const BOXES: [Purpose; 3] = [Purpose::EmailMarketing, Purpose::PhoneMarketing, Purpose::OpenClickTracking];

/// What stands beside the box of a purpose; the notice, if none is named.
pub(super) fn wording(purpose: Option<Purpose>, locale: &str) -> &'static str {
    match (purpose, locale) {
        (Some(Purpose::EmailMarketing), "es") => "Quiero recibir por correo electrónico novedades y ofertas de los cursos de CEP Formación.",
        (Some(Purpose::EmailMarketing), _) => "I want to receive news and offers about the courses of CEP Formación by e-mail.",
        (Some(Purpose::PhoneMarketing), "es") => "Acepto que CEP Formación me llame por teléfono para ofrecerme otros cursos.",
        (Some(Purpose::PhoneMarketing), _) => "CEP Formación may call me to offer me other courses.",
        (Some(_), "es") => "Acepto que se registre si abro los correos y en qué enlaces pulso, para que los siguientes me interesen más.",
        (Some(_), _) => "It may be recorded whether I open the e-mails and which links I follow, so that the next ones suit me better.",
        (None, "es") => {
            "CEP Formación (Calle de la Enseñanza, 12, 28013 Madrid) trata tus datos para responder a tu solicitud (art. 6.1.b del RGPD) y los guarda doce meses \
             si no te matriculas. No se ceden a nadie. Solo si marcas una casilla los usará para lo que dice la casilla, y puedes retirarla cuando quieras. \
             Tienes derecho de acceso, rectificación, supresión, oposición, limitación y portabilidad: escribe a dpo@cep-formacion.example. Puedes reclamar \
             ante la Agencia Española de Protección de Datos."
        }
        (None, _) => {
            "CEP Formación (Calle de la Enseñanza, 12, 28013 Madrid) uses your data to answer your enquiry (GDPR art. 6(1)(b)) and keeps them for twelve months \
             if you do not enrol. They are given to nobody. Only if you tick a box are they used for what the box says, and you can take that back at any time. \
             You have the rights of access, rectification, erasure, objection, restriction and portability: write to dpo@cep-formacion.example. You can \
             complain to the Agencia Española de Protección de Datos."
        }
    }
}

#[cfg(test)]
mod tests {
    use matricula_domain::catalog::{Campus, CourseDetails, Cycle};
    use matricula_domain::identity::{NewUser, OrganizationDetails};
    use matricula_domain::shared::Form;
    use matricula_ports::json::from_json;

    use super::*;

    #[test]
    fn what_the_provider_says_is_valid() {
        OrganizationDetails::read(&from_json(organization())).unwrap();
        for role in Role::ALL {
            NewUser::read(&from_json(user(*role))).unwrap();
        }
        for cycle in cycles() {
            Cycle::read(&from_json(cycle)).unwrap();
        }
        for campus in campuses() {
            Campus::read(&from_json(campus)).unwrap();
        }
        for offer in OFFERS {
            let mut course = course(offer.slug);
            course["slug"] = offer.slug.into();
            course["campus_ids"] = offer.campuses.iter().map(|n| format!("00000000-0000-7000-8000-00000000000{n}")).collect();
            let details = CourseDetails::read(&from_json(course)).unwrap();
            details.missing().into_result().unwrap();
        }
        assert_eq!(OFFERS.iter().map(|offer| offer.asked).sum::<u32>(), 100);
    }
}
