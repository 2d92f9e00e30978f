//! Lists that run by time and id, in pages that stay right while others write.

use matricula_domain::shared::{Field, Id, Instant, RecordId};
use matricula_ports::{Order, Page, PortError};
use sea_orm::{EntityTrait, IdenStatic, Iterable};

use crate::sql::Sql;

/// The columns of a table under its alias, for a hand-made select whose rows are read as models. Named one by one: a statement that
/// was prepared with `*` fails once a migration adds a column under it.
pub(crate) fn columns<E: EntityTrait>(alias: &str) -> String {
    E::Column::iter().map(|column| format!("{alias}.{}", column.as_str())).collect::<Vec<_>>().join(", ")
}

/// The condition of a page that runs from newest to oldest (or the other way) by `created_at` and id.
pub(crate) fn after(sql: &mut Sql, page: &Page, at: &str, id: &str) -> Result<(), PortError> {
    let Some(cursor) = &page.after else { return Ok(()) };
    let [when, last] = cursor.0.as_slice() else { return Err(PortError::Dangling("cursor")) };
    let (Ok(when), Ok(last)) = (Instant::parse(when), RecordId::parse(last)) else {
        return Err(PortError::Dangling("cursor"));
    };
    let comparison = match page.order {
        Order::Descending => "<",
        Order::Ascending => ">",
    };
    sql.push(&format!(" AND ({at}, {id}) {comparison} (")).bind(when).push(", ").bind(last.as_uuid()).push(")");
    Ok(())
}

/// The order and limit that go with [`after`]; one item more than asked for tells whether there is a next page.
pub(crate) fn order(sql: &mut Sql, page: &Page, at: &str, id: &str) {
    let way = match page.order {
        Order::Descending => "DESC",
        Order::Ascending => "ASC",
    };
    sql.push(&format!(" ORDER BY {at} {way}, {id} {way} LIMIT ")).bind(i64::from(page.limit) + 1);
}

/// The order of the page once more, for what is made of its rows.
pub(crate) fn order_again(sql: &mut Sql, page: &Page, alias: &str) {
    let way = if page.order == Order::Descending { "DESC" } else { "ASC" };
    sql.push(&format!(" ORDER BY {alias}.created_at {way}, {alias}.id {way}"));
}
