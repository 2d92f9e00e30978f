//! What the pages say, in each language: a word that one of them lacks does not compile.

use std::borrow::Borrow;
use std::fmt::Write as _;

use chrono::Datelike;
use matricula_domain::catalog::{Audience, Availability, DayOfWeek, Modality, RunStatus, SeatsLeft};
use matricula_domain::publishing::FaqCategory;
use matricula_domain::shared::{Language, LocalDate, Money};

/// The words of a language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub language: Language,
    months: [&'static str; 12],
    days: [&'static str; 7],
    decimal: char,
    thousands: char,
    pub skip: &'static str,
    pub navigation: &'static str,
    pub courses: &'static str,
    pub posts: &'static str,
    pub faqs: &'static str,
    pub calendar: &'static str,
    pub search: &'static str,
    pub search_label: &'static str,
    pub any: &'static str,
    pub modality: &'static str,
    pub campus: &'static str,
    pub cycle: &'static str,
    pub category: &'static str,
    pub level: &'static str,
    pub duration: &'static str,
    pub hours: &'static str,
    pub price: &'static str,
    pub free_of_charge: &'static str,
    pub found_nothing: &'static str,
    pub no_posts: &'static str,
    pub no_faqs: &'static str,
    pub next_page: &'static str,
    pub first_page: &'static str,
    pub featured: &'static str,
    pub facts: &'static str,
    pub dates: &'static str,
    pub no_dates: &'static str,
    pub start: &'static str,
    pub end: &'static str,
    pub enroll_until: &'static str,
    pub seats: &'static str,
    pub status: &'static str,
    pub see_run: &'static str,
    pub add_to_calendar: &'static str,
    pub where_taught: &'static str,
    pub phone: &'static str,
    pub email: &'static str,
    pub map: &'static str,
    pub opening_hours: &'static str,
    pub published: &'static str,
    pub tag: &'static str,
    pub tags: &'static str,
    pub watch: &'static str,
    pub gallery: &'static str,
    pub attachments: &'static str,
    pub not_there: &'static str,
    pub not_there_detail: &'static str,
    pub not_now: &'static str,
    pub not_now_detail: &'static str,
    pub back: &'static str,
    in_person: &'static str,
    online: &'static str,
    hybrid: &'static str,
    scheduled: &'static str,
    ongoing: &'static str,
    completed: &'static str,
    cancelled: &'static str,
    free: &'static str,
    of: &'static str,
    available: &'static str,
    few: &'static str,
    full: &'static str,
    for_private: &'static str,
    for_companies: &'static str,
    for_self_employed: &'static str,
    for_unemployed: &'static str,
    for_students: &'static str,
    faqs_general: &'static str,
    faqs_enrollment: &'static str,
    faqs_technical: &'static str,
    faqs_financial: &'static str,
}

const SPANISH: Words = Words {
    language: Language::Spanish,
    months: ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"],
    days: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
    decimal: ',',
    thousands: '.',
    skip: "Ir al contenido",
    navigation: "Principal",
    courses: "Cursos",
    posts: "Blog",
    faqs: "Preguntas frecuentes",
    calendar: "Calendario",
    search: "Buscar",
    search_label: "Qué quieres aprender",
    any: "Cualquiera",
    modality: "Modalidad",
    campus: "Centro",
    cycle: "Ciclo",
    category: "Categoría",
    level: "Nivel",
    duration: "Duración",
    hours: "horas",
    price: "Precio",
    free_of_charge: "Gratuito",
    found_nothing: "No hemos encontrado ningún curso. Prueba con otras palabras o con menos filtros.",
    no_posts: "Aún no hay nada publicado.",
    no_faqs: "Aún no hay preguntas publicadas.",
    next_page: "Página siguiente",
    first_page: "Primera página",
    featured: "Destacado",
    facts: "En pocas palabras",
    dates: "Próximas convocatorias",
    no_dates: "Ahora mismo no hay fechas previstas.",
    start: "Comienza",
    end: "Termina",
    enroll_until: "Matrícula hasta",
    seats: "Plazas",
    status: "Estado",
    see_run: "Ver convocatoria",
    add_to_calendar: "Añadir al calendario",
    where_taught: "Dónde se imparte",
    phone: "Teléfono",
    email: "Correo",
    map: "Ver en el mapa",
    opening_hours: "Horario",
    published: "Publicado",
    tag: "Etiqueta",
    tags: "Etiquetas",
    watch: "Ver el vídeo en YouTube",
    gallery: "Imágenes",
    attachments: "Para descargar",
    not_there: "Esta página no existe",
    not_there_detail: "Puede que el curso ya no se ofrezca o que la dirección esté mal escrita.",
    not_now: "Ahora no podemos mostrar esta página",
    not_now_detail: "Vuelve a intentarlo dentro de un momento.",
    back: "Volver a los cursos",
    in_person: "Presencial",
    online: "En línea",
    hybrid: "Semipresencial",
    scheduled: "Prevista",
    ongoing: "En marcha",
    completed: "Terminada",
    cancelled: "Cancelada",
    free: "libres",
    of: "de",
    available: "Hay plazas",
    few: "Quedan pocas",
    full: "Completo",
    for_private: "Precio para particulares",
    for_companies: "Precio para empresas",
    for_self_employed: "Precio para autónomos",
    for_unemployed: "Precio para desempleados",
    for_students: "Precio para estudiantes",
    faqs_general: "En general",
    faqs_enrollment: "Matrícula",
    faqs_technical: "Requisitos técnicos",
    faqs_financial: "Precios y pagos",
};

const ENGLISH: Words = Words {
    language: Language::English,
    months: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
    days: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    decimal: '.',
    thousands: ',',
    skip: "Skip to content",
    navigation: "Main",
    courses: "Courses",
    posts: "Blog",
    faqs: "Questions and answers",
    calendar: "Calendar",
    search: "Search",
    search_label: "What you want to learn",
    any: "Any",
    modality: "Modality",
    campus: "Campus",
    cycle: "Cycle",
    category: "Category",
    level: "Level",
    duration: "Duration",
    hours: "hours",
    price: "Price",
    free_of_charge: "Free",
    found_nothing: "No course was found. Try other words or fewer filters.",
    no_posts: "Nothing is published yet.",
    no_faqs: "No questions are published yet.",
    next_page: "Next page",
    first_page: "First page",
    featured: "Featured",
    facts: "In short",
    dates: "Upcoming dates",
    no_dates: "No dates are planned at the moment.",
    start: "Starts",
    end: "Ends",
    enroll_until: "Enroll until",
    seats: "Places",
    status: "Status",
    see_run: "See details",
    add_to_calendar: "Add to calendar",
    where_taught: "Where it is taught",
    phone: "Phone",
    email: "E-mail",
    map: "See on a map",
    opening_hours: "Opening hours",
    published: "Published",
    tag: "Tag",
    tags: "Tags",
    watch: "Watch the video on YouTube",
    gallery: "Pictures",
    attachments: "To download",
    not_there: "This page does not exist",
    not_there_detail: "The course may no longer be offered, or the address may be misspelt.",
    not_now: "This page cannot be shown now",
    not_now_detail: "Please try again in a moment.",
    back: "Back to the courses",
    in_person: "In person",
    online: "Online",
    hybrid: "Blended",
    scheduled: "Scheduled",
    ongoing: "Ongoing",
    completed: "Completed",
    cancelled: "Cancelled",
    free: "free",
    of: "of",
    available: "Places left",
    few: "Only a few left",
    full: "Full",
    for_private: "Price for individuals",
    for_companies: "Price for companies",
    for_self_employed: "Price for the self-employed",
    for_unemployed: "Price for the unemployed",
    for_students: "Price for students",
    faqs_general: "In general",
    faqs_enrollment: "Enrollment",
    faqs_technical: "Technical requirements",
    faqs_financial: "Prices and payment",
};

impl Words {
    /// The words of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Spanish => &SPANISH,
            Language::English => &ENGLISH,
        }
    }

    pub(super) fn modality(&self, modality: impl Borrow<Modality>) -> &'static str {
        match modality.borrow() {
            Modality::InPerson => self.in_person,
            Modality::Online => self.online,
            Modality::Hybrid => self.hybrid,
        }
    }

    pub(super) fn run_status(&self, status: impl Borrow<RunStatus>) -> &'static str {
        match status.borrow() {
            RunStatus::Scheduled => self.scheduled,
            RunStatus::Ongoing => self.ongoing,
            RunStatus::Completed => self.completed,
            RunStatus::Cancelled => self.cancelled,
        }
    }

    pub(super) fn day_of_week(&self, day: impl Borrow<DayOfWeek>) -> &'static str {
        DayOfWeek::ALL.iter().zip(self.days).find(|(named, _)| *named == day.borrow()).map_or("", |(_, word)| word)
    }

    /// What questions are about.
    pub(super) fn faq_category(&self, category: impl Borrow<FaqCategory>) -> &'static str {
        match category.borrow() {
            FaqCategory::General => self.faqs_general,
            FaqCategory::Enrollment => self.faqs_enrollment,
            FaqCategory::Technical => self.faqs_technical,
            FaqCategory::Financial => self.faqs_financial,
        }
    }

    /// What an audience's price is called.
    pub(super) fn price_for(&self, audience: Audience) -> &'static str {
        match audience {
            Audience::Private => self.for_private,
            Audience::Company => self.for_companies,
            Audience::SelfEmployed => self.for_self_employed,
            Audience::Unemployed => self.for_unemployed,
            Audience::Student => self.for_students,
        }
    }

    /// What is told of seats, if anything is.
    pub(super) fn seats_left(&self, seats: SeatsLeft) -> Option<String> {
        match seats {
            SeatsLeft::Exact { max, free } => Some(format!("{free} {} {} {max}", self.free, self.of)),
            SeatsLeft::Roughly(Availability::Available) => Some(self.available.to_owned()),
            SeatsLeft::Roughly(Availability::Few) => Some(self.few.to_owned()),
            SeatsLeft::Roughly(Availability::Full) => Some(self.full.to_owned()),
            SeatsLeft::Hidden => None,
        }
    }

    /// A day, in full.
    pub(super) fn day(&self, day: impl Borrow<LocalDate>) -> String {
        let day: &LocalDate = day.borrow();
        let month = self.months[day.month0() as usize];
        match self.language {
            Language::Spanish => format!("{} de {month} de {}", day.day(), day.year()),
            Language::English => format!("{} {month} {}", day.day(), day.year()),
        }
    }

    /// An amount; one of nothing says that there is nothing to pay.
    pub(super) fn money(&self, money: impl Borrow<Money>) -> String {
        let money: &Money = money.borrow();
        if money.amount == 0 {
            return self.free_of_charge.to_owned();
        }
        let currency = money.currency.as_str();
        let digits = (money.amount / 100).to_string();
        let mut whole = String::new();
        for (n, digit) in digits.chars().enumerate() {
            if n > 0 && (digits.len() - n).is_multiple_of(3) {
                whole.push(self.thousands);
            }
            whole.push(digit);
        }
        if money.amount % 100 != 0 {
            _ = write!(whole, "{}{:02}", self.decimal, money.amount % 100);
        }
        format!("{whole}\u{a0}{}", if currency == "EUR" { "€" } else { currency })
    }
}

#[cfg(test)]
mod tests {
    use matricula_domain::shared::Field;

    use super::*;

    #[test]
    fn days_and_amounts_read_as_people_write_them() {
        let day: LocalDate = "2026-04-01".parse().unwrap();
        let money = |amount| Money { amount, currency: Field::parse(&"EUR".into()).unwrap() };
        for (language, written, amounts) in [
            (Language::Spanish, "1 de abril de 2026", ["Gratuito", "0,05\u{a0}€", "125\u{a0}€", "1.234.567,80\u{a0}€"]),
            (Language::English, "1 April 2026", ["Free", "0.05\u{a0}€", "125\u{a0}€", "1,234,567.80\u{a0}€"]),
        ] {
            let words = Words::of(language);
            assert_eq!(words.day(day), written);
            assert_eq!([0, 5, 12_500, 123_456_780].map(|amount| words.money(money(amount))), amounts);
        }
    }
}
