//! The vocabulary of the migrations: PostgreSQL's own, and a few words more.
//!
//! A migration is one text of `CREATE` statements as PostgreSQL reads them. This module makes of it what each engine
//! needs, and what takes it back.
//!
//! | written | stands for |
//! |---|---|
//! | `@owned` | `organization_id` and `id`, which together are the primary key |
//! | `@std` | `created_at`, `updated_at`, `version` |
//! | `@append_only` | triggers that refuse to change or remove a row once it is there |
//! | `@full_text (a, b, …)` | the words of these columns, the first of which count most: on PostgreSQL a `tsvector` called `words` with its index,
//! |  | on SQLite the FTS5 table `<table>_fts`, triggers that keep it, and the `row_number` by which it knows the rows |
//! | `@open` | everybody may read the rows, whosesoever they are; only their organization writes them |
//! | `@pg …`, `@sqlite …` | a column or a statement that only this engine has |
//! | `x uuid REFERENCES people` | the foreign key `fk_<table>_x`, `RESTRICT`, in which the organization goes along |
//! | `x text CHECK (…)` | the same, called `ck_<table>_x` |
//! | `CREATE INDEX ON t (a, b DESC)` | the same, called `ix_t_a_b`; `ux_…` if it is unique; the organization is not part of the name |
//!
//! Not written at all: row-level security. A table whose rows must belong to an organization has it, and so have the
//! organizations themselves. The others have not, and cannot: `users` and `login_throttles` are asked before anybody
//! knows of an organization, and workers take `jobs`, `leases` and `feed_cursors` across all of them. SQLite has nothing
//! of the kind: there the scope that every query carries is the only lock.
//!
//! Why raw text: sea-query cannot say a partial index on an expression, a policy, a trigger or a storage parameter, and
//! what it can say is longer.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// One step of the schema.
pub struct Migration {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// What it creates.
    pub text: &'static str,
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, up(self.text, is_pg(manager))?).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, down(self.text, is_pg(manager))?).await
    }

    /// Left to itself, SQLite would keep the first half of a migration whose second half fails.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn is_pg(manager: &SchemaManager) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

async fn run(manager: &SchemaManager<'_>, statements: Vec<String>) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// The statements that create what the text says.
fn up(text: &str, pg: bool) -> Result<Vec<String>, DbErr> {
    let statements = read(text, pg)?.into_iter();
    Ok(statements.flat_map(|statement| statement.create).collect())
}

/// The statements that take it back, last thing first.
fn down(text: &str, pg: bool) -> Result<Vec<String>, DbErr> {
    let statements = read(text, pg)?.into_iter().rev();
    Ok(statements.map(|statement| statement.drop).collect())
}

/// What a statement of the text comes to.
struct Statement {
    create: Vec<String>,
    drop: String,
}

fn read(text: &str, pg: bool) -> Result<Vec<Statement>, DbErr> {
    let uncommented: Vec<_> = text.lines().filter_map(|line| line.split("--").next()).collect();
    let uncommented = uncommented.join("\n");
    split(&uncommented, ';').filter_map(|sql| meant_for(pg, sql)).map(|sql| statement(sql, pg)).collect()
}

fn statement(sql: &str, pg: bool) -> Result<Statement, DbErr> {
    let words: Vec<_> = sql.split(|c: char| c.is_whitespace() || c == '(').filter(|word| !word.is_empty()).collect();
    Ok(match words[..] {
        ["CREATE", "TABLE", name, ..] => {
            let fts5 = if !pg && sql.contains("@full_text") { format!("DROP TABLE {name}_fts; ") } else { String::new() };
            Statement { create: table(name, sql, pg), drop: format!("{fts5}DROP TABLE {name}") }
        }
        ["CREATE", "INDEX", "ON", table, ..] => index(&format!("ix_{table}"), sql),
        ["CREATE", "UNIQUE", "INDEX", "ON", table, ..] => index(&format!("ux_{table}"), sql),
        ["CREATE", "INDEX", name, "ON", ..] | ["CREATE", "UNIQUE", "INDEX", name, "ON", ..] => {
            Statement { create: vec![sql.to_owned()], drop: format!("DROP INDEX {name}") }
        }
        ["CREATE", "OR", "REPLACE", "FUNCTION", name, ..] => Statement { create: vec![sql.to_owned()], drop: format!("DROP FUNCTION {name}") },
        _ => return Err(DbErr::Migration(format!("there is no way back from: {sql}"))),
    })
}

/// An index that is called after its columns.
fn index(prefix: &str, sql: &str) -> Statement {
    let columns = split(enclosed(sql).0, ',').filter_map(|column| column.split_whitespace().next());
    let name = columns.filter(|column| *column != "organization_id").fold(prefix.to_owned(), |name, column| name + "_" + column);
    Statement { create: vec![sql.replacen("INDEX ON", &format!("INDEX {name} ON"), 1)], drop: format!("DROP INDEX {name}") }
}

const OWNED: &str = "organization_id uuid NOT NULL REFERENCES organizations, id uuid NOT NULL, PRIMARY KEY (organization_id, id)";
const STD: &str = "created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, version integer NOT NULL";

fn table(table: &str, sql: &str, pg: bool) -> Vec<String> {
    let (body, options) = enclosed(sql);
    let body = body.replace("@owned", OWNED).replace("@std", STD);
    let (mut columns, mut constraints, mut extras) = (Vec::new(), Vec::new(), Vec::new());
    let mut full_text = None;
    let mut owner = (table == "organizations").then_some("id");
    for item in split(&body, ',').filter_map(|item| meant_for(pg, item)) {
        match item.split_whitespace().collect::<Vec<_>>()[..] {
            ["@append_only"] => extras.extend(append_only(table, pg)),
            ["@open"] => extras.extend(pg.then(|| format!("CREATE POLICY everybody_reads ON {table} FOR SELECT USING (true)"))),
            ["@full_text", ..] => full_text = Some(split(enclosed(item).0, ',').collect::<Vec<_>>()),
            ["CONSTRAINT" | "PRIMARY", ..] => constraints.push(item.to_owned()),
            [column, kind, ref rest @ ..] => {
                let rest = match rest {
                    [rest @ .., "REFERENCES", target] => {
                        constraints.push(foreign_key(table, column, target));
                        rest
                    }
                    rest => rest,
                };
                if column == "organization_id" && rest.starts_with(&["NOT", "NULL"]) {
                    owner = Some(column);
                }
                let rest = rest.join(" ").replace("CHECK (", &format!("CONSTRAINT ck_{table}_{column} CHECK ("));
                columns.push(format!("{column} {} {rest}", if pg { kind } else { sqlite(kind) }).trim_end().to_owned());
            }
            _ => columns.push(item.to_owned()),
        }
    }
    if let Some(searched) = full_text {
        columns.push(if pg { tsvector(&searched) } else { "row_number integer PRIMARY KEY".to_owned() });
        extras.extend(if pg { vec![format!("CREATE INDEX ix_{table}_words ON {table} USING gin (words)")] } else { fts5(table, &searched) });
        if !pg {
            // The row's number is the primary key: a row that had none of its own could get another one when the file is vacuumed.
            constraints = constraints.iter().map(|constraint| constraint.replacen("PRIMARY KEY", "UNIQUE", 1)).collect();
        }
    }
    columns.append(&mut constraints);
    let create = format!("CREATE TABLE {table} (\n    {}\n){}", columns.join(",\n    "), if pg { options } else { "" });
    let security = owner.filter(|_| pg).map(|owner| row_security(table, owner));
    [create].into_iter().chain(security).chain(extras).collect()
}

/// The name that SQLite's affinity wants for a type: an UUID is kept as its 16 bytes, a time and JSON as text.
fn sqlite(kind: &str) -> &str {
    match kind {
        "uuid" | "bytea" => "blob",
        "timestamptz" | "date" | "jsonb" => "text",
        kind => kind,
    }
}

/// Foreign keys are checked behind the back of row-level security; with the organization in the key, a row of another
/// one cannot be named.
fn foreign_key(table: &str, column: &str, target: &str) -> String {
    let organization = if matches!(target, "organizations" | "users") { "" } else { "organization_id, " };
    format!("CONSTRAINT fk_{table}_{column} FOREIGN KEY ({organization}{column}) REFERENCES {target} ({organization}id) ON DELETE RESTRICT")
}

/// One setting of the transaction opens a row: the organization that it belongs to, or the nil UUID, which is nobody's and says that the
/// system itself is at work. Forced, because the owner of the tables is who we usually are. The scalar sub-select is evaluated once for
/// a statement, not once for a row; the inner `nullif`, because a setting that was once local is left empty, not null.
///
/// The outer `NULLIF(…, false) IS NOT NULL` says «is true» in words to which the planner gives no weight. Told the plain comparison it would
/// count the organization twice (every query names it too), believe in a handful of rows, and sort where an index has the order.
fn row_security(table: &str, owner: &str) -> String {
    let setting = "(SELECT nullif(current_setting('app.organization', true), '')::uuid)";
    let mine = format!("NULLIF({setting} = ANY (ARRAY[{owner}, '00000000-0000-0000-0000-000000000000'::uuid]), false) IS NOT NULL");
    format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
         ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
         CREATE POLICY organization_isolation ON {table} USING ({mine}) WITH CHECK ({mine})"
    )
}

/// The words of columns with their weights, and with them that of the organization: every query names it, so that none walks through the
/// words of others. What the columns hold are words already.
fn tsvector(searched: &[&str]) -> String {
    let weighted = searched.iter().zip('A'..='D').map(|(column, weight)| format!("setweight(to_tsvector('simple', {column}), '{weight}')"));
    // No text has a word like it, so nobody can seek it.
    let owner = "array_to_tsvector(ARRAY['@' || organization_id::text])".to_owned();
    let words = [owner].into_iter().chain(weighted).collect::<Vec<_>>();
    format!("words tsvector GENERATED ALWAYS AS ({}) STORED", words.join(" || "))
}

/// The same as an FTS5 table. It keeps no text, only where each word is.
fn fts5(table: &str, searched: &[&str]) -> Vec<String> {
    let columns = searched.join(", ");
    let new = searched.iter().map(|column| format!("new.{column}")).collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT INTO {table}_fts (rowid, owner, {columns}) VALUES (new.row_number, hex(new.organization_id), {new});");
    let delete = format!("DELETE FROM {table}_fts WHERE rowid = old.row_number;");
    let trigger = |verb: &str, does: &str| format!("CREATE TRIGGER {table}_fts_{verb} AFTER {verb} ON {table} BEGIN {does} END");
    vec![
        format!("CREATE VIRTUAL TABLE {table}_fts USING fts5(owner, {columns}, content='', contentless_delete=1, detail=column)"),
        trigger("insert", &insert),
        trigger("delete", &delete),
        trigger("update", &format!("{delete} {insert}")),
    ]
}

/// On PostgreSQL for the whole statement, so that it is refused even where it would find no row. SQLite has triggers for
/// rows alone, and `REPLACE` only meets them with `PRAGMA recursive_triggers = ON`, which a connection has to ask for.
fn append_only(table: &str, pg: bool) -> Vec<String> {
    if pg {
        let on = format!("BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}");
        return vec![format!("CREATE TRIGGER append_only {on} FOR EACH STATEMENT EXECUTE FUNCTION matricula_append_only()")];
    }
    let refuse = format!("BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END");
    ["update", "delete"].map(|verb| format!("CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} {refuse}")).into()
}

/// What is left of an item for this engine: nothing, if it is PostgreSQL's and this is not.
fn meant_for(pg: bool, item: &str) -> Option<&str> {
    match (item.strip_prefix("@pg "), item.strip_prefix("@sqlite ")) {
        (Some(item), _) => pg.then_some(item),
        (_, Some(item)) => (!pg).then_some(item),
        (None, None) => Some(item),
    }
}

/// What stands inside the first parenthesis, and what after it.
fn enclosed(sql: &str) -> (&str, &str) {
    let inside = sql.split_once('(').map_or("", |(_, inside)| inside);
    let mut depth = 1;
    let end = inside.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    end.map_or((inside, ""), |end| (&inside[..end], &inside[end + 1..]))
}

/// Cuts where the separator stands neither in parentheses nor in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut depth, mut quoted, mut dollars) = (0, false, 0);
    let cut = move |c| {
        quoted ^= c == '\'';
        dollars += i32::from(c == '$');
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == separator && depth == 0 && !quoted && dollars % 4 == 0
    };
    text.split(cut).map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
        -- Comments, even with a ; in them, are for the reader.
        CREATE TABLE desks (
            @owned,
            room_id uuid REFERENCES rooms,
            kind text NOT NULL CHECK (kind IN ('high', 'low')),
            @pg xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
            CONSTRAINT ck_desks_room CHECK (kind = 'high' OR room_id IS NOT NULL),
            @append_only
        ) WITH (fillfactor = 90);
        @pg CREATE INDEX ON desks (xact, id);
        CREATE UNIQUE INDEX ON desks (organization_id, kind, room_id DESC) WHERE kind <> 'low';
    ";

    #[test]
    fn sqlite_reads_its_own_types_and_no_word_of_postgresql() {
        let expected = [
            "CREATE TABLE desks (
    organization_id blob NOT NULL,
    id blob NOT NULL,
    room_id blob,
    kind text NOT NULL CONSTRAINT ck_desks_kind CHECK (kind IN ('high', 'low')),
    CONSTRAINT fk_desks_organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE RESTRICT,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT fk_desks_room_id FOREIGN KEY (organization_id, room_id) REFERENCES rooms (organization_id, id) ON DELETE RESTRICT,
    CONSTRAINT ck_desks_room CHECK (kind = 'high' OR room_id IS NOT NULL)
)",
            "CREATE TRIGGER desks_no_update BEFORE update ON desks BEGIN SELECT RAISE(ABORT, 'desks is append-only'); END",
            "CREATE TRIGGER desks_no_delete BEFORE delete ON desks BEGIN SELECT RAISE(ABORT, 'desks is append-only'); END",
            "CREATE UNIQUE INDEX ux_desks_kind_room_id ON desks (organization_id, kind, room_id DESC) WHERE kind <> 'low'",
        ];
        assert_eq!(up(TEXT, false).unwrap(), expected);
    }

    #[test]
    fn postgresql_keeps_what_is_its_own_and_locks_the_rows() {
        let made = up(TEXT, true).unwrap().join(";\n");
        for part in [
            "xact xid8 NOT NULL DEFAULT pg_current_xact_id(),",
            ") WITH (fillfactor = 90)",
            "CREATE INDEX ix_desks_xact_id ON desks (xact, id)",
            "ALTER TABLE desks FORCE ROW LEVEL SECURITY",
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON desks",
        ] {
            assert!(made.contains(part), "{part}\nis missing in\n{made}");
        }
    }

    #[test]
    fn a_table_that_may_stand_outside_any_organization_has_no_row_level_security() {
        let made = up("CREATE TABLE bells (id uuid NOT NULL PRIMARY KEY, organization_id uuid)", true).unwrap();
        assert_eq!(made.len(), 1);
    }

    #[test]
    fn what_is_searched_has_its_words_on_both_engines() {
        let text = "CREATE TABLE notes (organization_id uuid NOT NULL, id uuid NOT NULL, a text, b text, @full_text (a, b), @open, PRIMARY KEY (id))";
        let made = up(text, true).unwrap().join(";\n");
        for part in ["setweight(to_tsvector('simple', b), 'B')) STORED", "USING gin (words)", "FOR SELECT USING (true)", "PRIMARY KEY (id)"] {
            assert!(made.contains(part), "{part}\nis missing in\n{made}");
        }
        let made = up(text, false).unwrap();
        assert!(made[0].contains("row_number integer PRIMARY KEY,\n    UNIQUE (id)"), "{made:?}");
        assert_eq!(made[1], "CREATE VIRTUAL TABLE notes_fts USING fts5(owner, a, b, content='', contentless_delete=1, detail=column)");
        assert_eq!(made.len(), 5);
        assert_eq!(down(text, false).unwrap(), ["DROP TABLE notes_fts; DROP TABLE notes"]);
        assert_eq!(down(text, true).unwrap(), ["DROP TABLE notes"]);
    }

    #[test]
    fn the_way_back_is_the_way_there_reversed() {
        let expected = ["DROP INDEX ux_desks_kind_room_id", "DROP INDEX ix_desks_xact_id", "DROP TABLE desks"];
        assert_eq!(down(TEXT, true).unwrap(), expected);
    }

    #[test]
    fn a_semicolon_in_a_function_does_not_end_it() {
        let text = "CREATE OR REPLACE FUNCTION one() RETURNS int AS $$ BEGIN; RETURN 1; END $$; CREATE TABLE a (b text)";
        assert_eq!(down(text, true).unwrap(), ["DROP TABLE a", "DROP FUNCTION one"]);
    }

    #[test]
    fn what_could_not_be_taken_back_is_refused() {
        assert!(up("UPDATE leads SET version = 1", false).is_err());
    }
}
