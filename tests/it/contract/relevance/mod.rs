//! Whether people find what they look for: sixty searches, in Spanish and in English, as people write them.

mod catalogue;

use std::fmt::Write as _;

use catalogue::{CATALOGUE, Entry};
use matricula_domain::catalog::Course;
use matricula_ports::Page;
use matricula_ports::catalog::{CatalogQueries as _, CourseFilter};
use matricula_tests::{Engine, TestDatabase, on};
use serde_json::json;

/// What is written, and what is meant.
const SEARCHES: [(&str, &str); 60] = [
    // As it is called, or nearly.
    ("marketing digital", "marketing-digital"),
    ("soldadura tig", "soldadura-tig"),
    ("excel avanzado", "excel-avanzado"),
    ("prevención de riesgos laborales", "prl-basico"),
    ("inglés b2", "ingles-b2"),
    ("cloud computing", "cloud-aws"),
    ("c++", "cplusplus"),
    ("c#", "csharp"),
    // Without accents, or with those that do not belong there.
    ("fotografia", "fotografia-digital"),
    ("educacion infantil", "educacion-infantil"),
    ("mecanica automovil", "mecanica-automovil"),
    ("climatizacion", "climatizacion"),
    ("FONTANERIA", "fontaneria"),
    ("diseño gráfíco", "diseno-grafico"),
    // One and many, he and she, the doing and the doer.
    ("carretilla", "carretillas"),
    ("drone", "drones"),
    ("nómina", "nominas"),
    ("incendio", "extincion-incendios"),
    ("placa solar", "placas-solares"),
    ("primer auxilio", "primeros-auxilios"),
    ("peluqueros", "peluqueria"),
    ("jardinero", "jardineria"),
    ("teach english", "tefl"),
    ("negotiating skill", "negotiation"),
    // In another order, with words around it.
    ("tuberías tig soldar", "soldadura-tig"),
    ("curso de cocina para veganos", "cocina-vegana"),
    ("quiero aprender alemán desde cero", "aleman-a1"),
    ("auxiliar para clínica de animales", "auxiliar-veterinaria"),
    ("macros en excel", "excel-avanzado"),
    ("how to design a user interface", "ux-design"),
    ("writing a novel", "creative-writing"),
    ("fear of speaking in public", "public-speaking"),
    // Doubled, missing, swapped and wrong letters.
    ("exel basico", "excel-basico"),
    ("fotoshop", "photoshop"),
    ("markting dijital", "marketing-digital"),
    ("soldadra mig", "soldadura-mig"),
    ("contavilidad", "contabilidad"),
    ("electrisista", "electricidad-baja-tension"),
    ("enfermeia", "auxiliar-enfermeria"),
    ("manipulador de alimetnos", "manipulador-alimentos"),
    ("ciberseguirdad", "ciberseguridad"),
    ("cotteleria", "cocteleria"),
    ("yogga", "yoga"),
    ("sumillier", "sumiller"),
    ("machne lerning", "machine-learning"),
    ("kuberntes", "devops"),
    ("acountting", "business-accounting"),
    ("leadreship", "project-leadership"),
    // Begun, and not yet at an end.
    ("socorr", "socorrista"),
    ("panad", "panaderia"),
    ("maquill", "maquillaje"),
    ("watercol", "watercolour"),
    // By what it is about, not by its name.
    ("tablas dinámicas", "excel-avanzado"),
    ("rgpd", "proteccion-datos"),
    ("gruista", "operador-grua"),
    ("desfibrilador", "primeros-auxilios"),
    ("torito", "carretillas"),
    ("impuestos iva", "fiscalidad"),
    ("masa madre", "panaderia"),
    ("bookkeeping", "business-accounting"),
];

/// What each search finds, at most three courses by their slugs; `None` where the engine is not installed.
async fn found(engine: Engine) -> Option<Vec<Vec<String>>> {
    let all = std::sync::Arc::new(tokio::sync::Mutex::new(Vec::new()));
    on(engine, async |db: TestDatabase| {
        let here = db.tenant("uno").await;
        for Entry(slug, title, keywords, category, description) in CATALOGUE {
            here.draft(slug, json!({"title": title, "seo": {"keywords": keywords}, "category": category, "description": description})).await;
        }
        for (q, _) in SEARCHES {
            let filter = CourseFilter { q: Some(q.to_owned()), ..CourseFilter::default() };
            let courses: Vec<Course> = db.queries.courses(&here.scope, &filter, &Page::first(3)).await.unwrap().items;
            all.lock().await.push(courses.iter().map(|course| course.details().slug.to_string()).collect());
        }
    })
    .await;
    let found = std::mem::take(&mut *all.lock().await);
    (!found.is_empty()).then_some(found)
}

/// How many of the searches have the course that is meant, and those that have not.
fn hits(found: &[Vec<String>]) -> (usize, String) {
    let mut missed = String::new();
    for ((q, meant), found) in SEARCHES.iter().zip(found) {
        if !found.iter().any(|slug| slug == meant) {
            write!(missed, "\n  «{q}»: {meant} is not in {found:?}").unwrap();
        }
    }
    (SEARCHES.len() - missed.lines().skip(1).count(), missed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_of_ten_searches_find_the_course_among_the_first_three_and_the_engines_agree_on_the_first() {
    assert!(CATALOGUE.len() >= 100);
    let known = |slug: &str| CATALOGUE.iter().any(|Entry(known, ..)| *known == slug);
    assert!(SEARCHES.iter().all(|(_, slug)| known(slug)));
    let share = |count: usize| count * 10 >= SEARCHES.len() * 9;
    let sqlite = found(Engine::Sqlite).await.unwrap();
    let (hit, missed) = hits(&sqlite);
    println!("of {} searches among {} courses on SQLite {hit} find the course in the first three{missed}", SEARCHES.len(), CATALOGUE.len());
    assert!(share(hit), "{missed}");
    let Some(postgres) = found(Engine::Postgres).await else { return };
    let (hit, missed) = hits(&postgres);
    let agreed = sqlite.iter().zip(&postgres).filter(|(one, other)| one.first() == other.first()).count();
    println!("on PostgreSQL {hit}{missed}\nthe engines agree on the first of {agreed}");
    assert!(share(hit), "{missed}");
    assert!(share(agreed), "{agreed}");
}
