//! Walks through lists as a screen does.

use matricula_domain::shared::{LocalDate, Value};
use matricula_ports::{Cursor, Page, PortError, Slice};

/// All items of a list, a page after another; between two pages something happens.
pub(super) async fn walk<T>(first: Page, list: impl AsyncFn(&Page) -> Result<Slice<T>, PortError>, between: impl AsyncFn(usize)) -> Vec<T> {
    let (mut page, mut all, limit) = (first.clone(), Vec::new(), usize::from(first.limit));
    for n in 0.. {
        let Slice { items, next } = list(&page).await.unwrap();
        assert!(items.len() <= limit, "more than were asked for");
        let full = items.len() == limit;
        all.extend(items);
        let Some(next) = next else { break };
        assert!(full, "a page that is not full is the last one");
        page.after = Some(next);
        between(n).await;
    }
    all
}

/// What is no cursor of a list is told, and does not find anything by chance.
pub(super) async fn assert_refuses_foreign_cursors<T: std::fmt::Debug>(list: impl AsyncFn(&Page) -> Result<Slice<T>, PortError>) {
    let day: LocalDate = "2026-03-01".parse().unwrap();
    for cursor in [vec![], vec![Value::Null], vec![Value::Date(day), Value::Int(1)], vec!["x".into(), "y".into(), "z".into()]] {
        let refused = list(&Page { after: Some(Cursor(cursor)), ..Page::first(3) }).await;
        assert!(matches!(refused, Err(PortError::Dangling("cursor"))), "{refused:?}");
    }
}

/// A text of so many characters, of one to four bytes each.
pub(super) fn longest(characters: usize) -> String {
    "a'ñ%漢\\🎓_".chars().cycle().take(characters).collect()
}
