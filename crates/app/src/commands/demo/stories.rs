//! What the provider tells everybody beside its courses: posts, and questions with their answers.

use serde_json::{Value as Json, json};

/// A post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Story {
    /// How many days ago it was published; in how many days it will be, if that is negative.
    pub days_ago: i64,
    /// Its name in addresses.
    pub slug: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is about.
    pub excerpt: &'static str,
    /// What it says.
    pub content: &'static str,
    /// Its category.
    pub category: &'static str,
    /// Its tags.
    pub tags: [&'static str; 2],
}

impl Story {
    /// Its details, with a picture that stands above it.
    pub(super) fn details(&self, image: Option<&str>) -> Json {
        json!({"slug": self.slug, "title": self.title, "excerpt": self.excerpt, "content": self.content, "category": self.category, "tags": self.tags,
            "featured_image_id": image})
    }
}

/// The posts, the oldest first.
pub(super) const STORIES: [Story; 3] = [
    Story {
        days_ago: 140,
        slug: "becas-y-ayudas-para-estudiar",
        title: "Becas y ayudas para estudiar este año",
        excerpt: "Qué ayudas hay para formarse, quién puede pedirlas y qué papeles conviene tener preparados.",
        content: "<p>Cada año hay personas que no se matriculan porque creen que no pueden pagarlo. Antes de descartarlo, mira estas tres vías.</p>\
            <h2>Si estás en paro</h2><p>Algunos de nuestros cursos son <strong>gratuitos para personas desempleadas</strong>. Necesitas estar inscrita en tu \
            oficina de empleo el día en que empieza el curso.</p>\
            <h2>Si trabajas</h2><p>Tu empresa puede pagar el curso con su crédito de formación. Lo tramitamos contigo.</p>\
            <h2>Si estudias</h2><p>Pregunta por el precio para estudiantes y por el pago a plazos.</p>",
        category: "Ayudas",
        tags: ["becas", "ayudas"],
    },
    Story {
        days_ago: 12,
        slug: "como-es-un-dia-en-desarrollo-web",
        title: "Cómo es un día en el curso de Desarrollo Web",
        excerpt: "De la primera línea de código a la revisión en grupo: así se reparte una tarde de clase.",
        content: "<p>A las cuatro se abre el aula y empieza la tarde con un reto pequeño, para entrar en calor.</p>\
            <ul><li>Media hora de teoría, con ejemplos que se prueban en el momento.</li><li>Dos horas de proyecto, en parejas.</li>\
            <li>Veinte minutos para leer el código de otra pareja y decir qué se entiende y qué no.</li></ul>\
            <p>«Lo que más me costó fue enseñar lo que no estaba terminado; ahora es lo primero que hago», cuenta una alumna.</p>",
        category: "Aula",
        tags: ["programacion", "aula"],
    },
    Story {
        days_ago: -6,
        slug: "jornada-de-puertas-abiertas",
        title: "Jornada de puertas abiertas",
        excerpt: "Ven a conocer las aulas, a quienes enseñan y a quienes ya han terminado.",
        content: "<p>Abrimos las puertas de los dos centros durante toda la tarde. No hace falta apuntarse.</p>\
            <p>Habrá una clase abierta cada hora y alguien que resuelva tus dudas sobre <a href=\"/site/cep-formacion/courses\">los cursos</a>, los precios y las ayudas.</p>",
        category: "Actividades",
        tags: ["jornada", "centros"],
    },
];

/// The questions with their answers.
pub(super) fn faqs() -> [Json; 6] {
    let faq = |category: &str, order: u32, question: &str, answer: &str| json!({"question": question, "answer": answer, "category": category, "order_display": order, "is_published": true});
    [
        faq(
            "enrollment",
            1,
            "¿Cómo me matriculo?",
            "<p>Elige una convocatoria, escríbenos o ven al centro. Te llamamos, resolvemos tus dudas y te guardamos la plaza.</p>",
        ),
        faq(
            "enrollment",
            2,
            "¿Qué pasa si una convocatoria está completa?",
            "Te apuntamos en la lista de espera. Si queda una plaza libre, se ofrece a la primera persona de la lista.",
        ),
        faq("enrollment", 3, "¿Puedo cambiar de convocatoria?", "Sí, mientras no haya empezado y queden plazas en la otra."),
        faq("financial", 4, "¿Puedo pagar a plazos?", "<p>Sí. El precio se divide en <strong>hasta cuatro pagos</strong>, sin recargo.</p>"),
        faq(
            "financial",
            5,
            "¿Hay precios para personas desempleadas?",
            "En varios cursos, sí: el precio de cada público está en la página del curso.",
        ),
        faq(
            "technical",
            6,
            "¿Qué necesito para los cursos en línea?",
            "<ul><li>Un ordenador de los últimos ocho años.</li><li>Conexión a internet.</li><li>Auriculares con micrófono.</li></ul>",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use matricula_domain::publishing::{BlogPostDetails, Faq};
    use matricula_domain::shared::Form;
    use matricula_ports::json::from_json;

    use super::*;

    #[test]
    fn what_is_told_is_valid_and_complete() {
        for story in STORIES {
            BlogPostDetails::read(&from_json(story.details(None))).unwrap().missing().into_result().unwrap();
        }
        assert!(STORIES.windows(2).all(|pair| pair[0].days_ago > pair[1].days_ago));
        let faqs = faqs().map(|faq| Faq::read(&from_json(faq)).unwrap());
        assert!(faqs.iter().map(|faq| faq.category.as_str()).collect::<BTreeSet<_>>().len() >= 2);
    }
}
