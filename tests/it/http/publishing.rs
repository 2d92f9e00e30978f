//! What is published, for staff and for everybody.

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{each, text};
use serde_json::json;

use super::office::Office;

over_http! {
    everybody_sees_the_questions_that_are_published_in_their_order,
    an_answer_is_clean_or_refused,
}

async fn everybody_sees_the_questions_that_are_published_in_their_order(service: &Service) {
    let office = Office::found(service).await;
    let (visitor, door) = (service.visitor(), office.door("/faqs"));
    let mut faqs = Vec::new();
    for (question, order, category, published) in
        [("b", 2, "financial", true), ("a", 1, "general", true), ("c", 3, "financial", false), ("d", 4, "financial", true)]
    {
        let faq = json!({"question": question, "answer": "Sí.", "order_display": order, "category": category, "is_published": published});
        faqs.push(office.record("faqs", faq).await);
    }
    office.client(Role::Marketing).await.act(&format!("/faqs/{}/archive", faqs[3].id)).await.is(200);
    for (query, expected) in [("", vec!["a", "b"]), ("?category=financial", vec!["b"]), ("?category=technical", vec![])] {
        let found = visitor.get(&format!("{door}{query}")).await.is(200);
        assert_eq!(each(&found, "question").iter().map(text).collect::<Vec<_>>(), expected, "{query}");
    }
    let first = visitor.get(&format!("{door}?limit=1")).await.is(200);
    assert_eq!(first["items"], json!([{"id": faqs[1].id, "question": "a", "answer": "Sí.", "category": "general"}]));
    let second = visitor.get(&format!("{door}?limit=1&cursor={}", text(&first["next_cursor"]))).await.is(200);
    assert_eq!((each(&second, "question"), &second["next_cursor"]), (vec![json!("b")], &json!(null)));
    let wrong = visitor.get(&format!("{door}?category=otra&is_published=false")).await;
    let faults = [("/is_published", "UNKNOWN_FIELD"), ("/category", "NOT_A_CHOICE")];
    assert_eq!(wrong.faults(), faults.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    // Staff sees those that are not published too.
    let viewer = office.client(Role::Viewer).await;
    assert_eq!(each(&viewer.get("/faqs?is_published=false").await.is(200), "question"), [json!("c")]);
    viewer.post("/faqs", &json!({})).await.refused(403, "PERMISSION_DENIED");
}

async fn an_answer_is_clean_or_refused(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let faq = |answer: &str| json!({"question": "¿Hay beca?", "answer": answer, "category": "financial", "order_display": 1});
    let made = marketing.post("/faqs", &faq("<h1>Sí</h1><p class=\"x\">Aquí: <a href=\"/becas\">becas</a>")).await.is(201);
    assert_eq!(made["answer"], "Sí<p>Aquí: <a href=\"/becas\" rel=\"noopener noreferrer\">becas</a></p>");
    let rows = office.rows("faqs").await;
    let refused = marketing.post("/faqs", &faq("<p>Sí</p><script>alert(1)</script>")).await;
    refused.refused(422, "HTML_NOT_ALLOWED");
    assert_eq!(refused.faults(), [("/answer".to_owned(), "HTML_NOT_ALLOWED".to_owned())]);
    assert_eq!(office.rows("faqs").await, rows, "nothing half stored");
}
