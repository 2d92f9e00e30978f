//! The search. The databases say which things may be meant, from their own indexes of words; which of them come first is the domain's to
//! say, from the same words on both engines.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use matricula_domain::shared::{Field, Found, Id, IndexedWords, RecordId, Search, Sought, Value, forms, trigrams};
use matricula_entity::catalog::{search_index, search_words};
use matricula_ports::search::{Indexed, SearchIndex, SearchKind};
use matricula_ports::{Page, PortError, Scope, Slice, UnitOfWork};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::convert::{Columns, count, json};
use crate::scoped::{Reader, SCOPED};
use crate::sql::{Sql, Write};
use crate::unit::{Session, Store};

/// Things that are found by their words.
pub(crate) trait Searched {
    /// One of them.
    type Item: Send;
    /// Which of them are asked for.
    type Filter: Sync;
    /// What they are called in the index.
    const KIND: SearchKind;
    /// Their table, which says when a row was archived.
    const TABLE: &'static str;
    /// What a row of it is called in the select and in the filter.
    const ALIAS: &'static str;

    /// Starts a select, up to and with its `FROM`.
    fn select(sql: &mut Sql);
    /// What a row of the select is.
    fn read(row: &QueryResult) -> Result<Self::Item, PortError>;
    /// The id of one.
    fn id(item: &Self::Item) -> Uuid;
    /// What a filter asks of a row, without the words that are sought.
    fn narrow(filter: &Self::Filter, sql: &mut Sql, organization: Uuid);
}

/// Adds the condition that a list of text, the column of a row, has a word. The index has the same list under another name.
pub(crate) fn has_label(sql: &mut Sql, organization: Uuid, kind: SearchKind, (alias, column): (&str, &str), indexed: &str, word: &str) {
    if sql.is_postgres() {
        // An index of theirs on the table itself would not be used behind row-level security, since `@>` is not leakproof. An array, so that
        // the planner begins here, and does not walk through the table in the order of the list.
        sql.push(&format!(" AND {alias}.id = ANY (ARRAY(SELECT s.entity_id FROM search_index s WHERE s.organization_id = ")).bind(organization);
        sql.push(&format!(" AND s.kind = '{}' AND s.{indexed} @> to_jsonb(ARRAY[", kind.as_str())).bind(word).push("]::text[])))");
    } else {
        sql.push(&format!(" AND EXISTS (SELECT 1 FROM json_each({alias}.{column}) w WHERE w.value = ")).bind(word).push(")");
    }
}

/// How many things at most are looked at that have all the words, and how many that have one or all but one.
const MOST_WITH_ALL: i64 = 200;
const MOST_WITH_SOME: i64 = 60;

/// How many known words at most are compared with one that is not.
const MOST_COMPARED: i64 = 50;

/// In which texts of a thing a word is sought.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    All,
    Title,
    Description,
}

/// The words as the engine's own query. They are letters and digits, so that nothing in them is an operator.
fn query(sql: &Sql, organization: Uuid, words: &[&Sought], texts: Texts) -> String {
    let postgres = sql.is_postgres();
    let (weight, columns) = match texts {
        Texts::All => ("", "{title labels category description}"),
        Texts::Title => ("A", "title"),
        Texts::Description => ("D", "description"),
    };
    let exactly = |form: &str| match (postgres, weight) {
        (true, "") => form.to_owned(),
        (true, weight) => format!("{form}:{weight}"),
        (false, _) => format!("\"{form}\""),
    };
    let any_of = |sought: &&Sought| {
        let meant = sought.meant.iter().flat_map(|(word, _)| forms(word));
        let mut any: Vec<_> = sought.forms.iter().cloned().chain(meant).map(|form| exactly(&form)).collect();
        if sought.begins() {
            any.push(if postgres { format!("{}:*{weight}", sought.word) } else { format!("\"{}\" *", sought.word) });
        }
        if postgres { format!("({})", any.join(" | ")) } else { format!("{columns} : ({})", any.join(" OR ")) }
    };
    let owner = if postgres { format!("'@{organization}'") } else { format!("owner : \"{}\"", organization.simple()) };
    [owner].into_iter().chain(words.iter().map(any_of)).collect::<Vec<_>>().join(if postgres { " & " } else { " AND " })
}

/// The condition that a row `s` of the index has what a query asks for.
fn has(sql: &mut Sql, query: String) {
    if sql.is_postgres() {
        sql.push("s.words @@ ").bind(query).push("::tsquery");
    } else {
        sql.push("s.row_number IN (SELECT rowid FROM search_index_fts WHERE search_index_fts MATCH ").bind(query).push(")");
    }
}

/// One search, of one organization.
pub(crate) struct Finder<'f, S: Searched> {
    pub(crate) reader: &'f Reader,
    pub(crate) organization: Uuid,
    pub(crate) filter: &'f S::Filter,
}

impl<S: Searched> Finder<'_, S> {
    /// The things that are found, best first.
    pub(crate) async fn page(&self, text: &str, page: &Page) -> Result<Slice<S::Item>, PortError> {
        let place = page.after.as_ref().map(|cursor| Place::read(&cursor.0)).transpose()?;
        let (search, found) = self.find(text).await?;
        // The next page weighs as the first one did: whoever comes or goes meanwhile moves nobody else.
        let weights = match &place {
            Some(place) if place.weights.len() == search.sought().len() => place.weights.clone(),
            Some(_) => return Err(PortError::Dangling("cursor")),
            None => search.weights(&found),
        };
        let mut ranked: Vec<_> = found.iter().map(|found| Reverse((search.score(found, &weights), found.id))).collect();
        ranked.sort_unstable();
        if let Some(place) = place {
            ranked.retain(|Reverse(at)| *at < place.at);
        }
        ranked.truncate(usize::from(page.limit) + 1);
        let mut things = self.load(ranked.iter().map(|Reverse((_, id))| *id).collect()).await?;
        let items = ranked.iter().filter_map(|Reverse((score, id))| Some((*score, things.remove(id)?))).collect();
        let slice = Slice::cut(items, page.limit, |(score, thing): &(i64, S::Item)| Place { at: (*score, S::id(thing)), weights }.values());
        Ok(slice.map(|(_, thing)| thing))
    }

    /// What is sought, with what may have been meant, and where something of it is.
    pub(crate) async fn find(&self, text: &str) -> Result<(Search, Vec<Found>), PortError> {
        let mut search = Search::of(text);
        if search.sought().is_empty() {
            return Ok((search, Vec::new()));
        }
        self.mend(&mut search).await?;
        let all: Vec<_> = search.sought().iter().collect();
        let mut found = self.with(&search, &[(&all, Texts::Title), (&all, Texts::All)], MOST_WITH_ALL).await?;
        if all.len() > 1 && found.len() < count::<usize>(MOST_WITH_ALL, "candidates")? {
            // Each word by itself, so that those with a rare one are not lost among those with a common one.
            let alone = all.iter().map(|sought| vec![*sought]);
            let all_but_one = (0..all.len()).map(|n| [&all[..n], &all[n + 1..]].concat()).filter(|rest| rest.len() > 1);
            let parts: Vec<_> = alone.chain(all_but_one).collect();
            let parts: Vec<_> = parts.iter().map(|words| (words.as_slice(), Texts::All)).collect();
            found.extend(self.with(&search, &parts, MOST_WITH_SOME).await?);
        }
        Ok((search, found.into_values().collect()))
    }

    /// Things that have all words of one of the parts, so many for each of them.
    async fn with(&self, search: &Search, parts: &[(&[&Sought], Texts)], most: i64) -> Result<HashMap<Uuid, Found>, PortError> {
        let mut sql = self.reader.sql();
        for (n, (words, texts)) in parts.iter().enumerate() {
            sql.push(if n > 0 { " UNION ALL SELECT * FROM (" } else { "SELECT * FROM (" });
            let wanted = query(&sql, self.organization, words, *texts);
            self.candidates(&mut sql, search, wanted);
            // Not bound: told how few it is, the planner takes the index of words.
            sql.push(&format!(" LIMIT {most}) p{n}"));
        }
        let rows = self.reader.rows(sql).await?;
        rows.iter().map(|row| found(row).map(|found| (found.id, found))).collect()
    }

    fn candidates(&self, sql: &mut Sql, search: &Search, wanted: String) {
        sql.push("SELECT s.entity_id, s.title, s.labels, s.category");
        for (n, sought) in search.sought().iter().enumerate() {
            let described = query(sql, self.organization, &[sought], Texts::Description);
            sql.push(if n > 0 { " + CASE WHEN " } else { ", CASE WHEN " });
            has(sql, described);
            sql.push(&format!(" THEN {} ELSE 0 END", 1 << n));
        }
        let (table, alias, kind) = (S::TABLE, S::ALIAS, S::KIND.as_str());
        sql.push(&format!(" AS described FROM search_index s JOIN {table} {alias} ON {alias}.organization_id = s.organization_id "));
        sql.push(&format!("AND {alias}.id = s.entity_id WHERE ")).push(SCOPED).push(" AND s.organization_id = ").bind(self.organization);
        sql.push(&format!(" AND {alias}.organization_id = ")).bind(self.organization);
        sql.push(&format!(" AND s.kind = '{kind}' AND {alias}.archived_at IS NULL AND "));
        has(sql, wanted);
        S::narrow(self.filter, sql, self.organization);
    }

    /// Looks up which known words may have been meant by those that nothing is called.
    async fn mend(&self, search: &mut Search) -> Result<(), PortError> {
        let parts = |sql: &mut Sql, parts: Vec<String>| {
            sql.push(" FROM search_words w WHERE ").push(SCOPED).push(" AND w.organization_id = ").bind(self.organization);
            sql.push(&format!(" AND w.kind = '{}' AND w.part IN (", S::KIND.as_str())).bind_all(parts).push(")");
        };
        let mut sql = self.reader.sql();
        sql.push("SELECT DISTINCT w.part");
        parts(&mut sql, search.sought().iter().flat_map(|sought| &sought.forms).map(|form| whole(form)).collect());
        let known = self.reader.rows(sql).await?;
        let known = known.iter().map(|row| Columns::of(row).next::<String>().map(|part| part.trim_start_matches('=').to_owned()));
        for slip in search.slips(&known.collect::<Result<BTreeSet<_>, _>>()?) {
            let mut sql = self.reader.sql();
            sql.push("SELECT w.word");
            parts(&mut sql, trigrams(&slip).into_iter().collect());
            sql.push(" GROUP BY w.word ORDER BY count(*) DESC, w.word LIMIT ").bind(MOST_COMPARED);
            let words = self.reader.rows(sql).await?;
            search.mend(&slip, words.iter().map(|row| Columns::of(row).next()).collect::<Result<Vec<String>, _>>()?);
        }
        Ok(())
    }

    async fn load(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, S::Item>, PortError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut sql = self.reader.sql();
        S::select(&mut sql);
        sql.push(&format!("{} {} WHERE {SCOPED} AND {}.organization_id = ", S::TABLE, S::ALIAS, S::ALIAS)).bind(self.organization);
        sql.push(&format!(" AND {}.id IN (", S::ALIAS)).bind_all(ids).push(")");
        self.reader.rows(sql).await?.iter().map(|row| S::read(row).map(|item| (S::id(&item), item))).collect()
    }
}

fn found(row: &QueryResult) -> Result<Found, PortError> {
    let mut columns = Columns::of(row);
    Ok(Found { id: columns.next()?, title: columns.next()?, labels: columns.next()?, category: columns.next()?, described: columns.next()? })
}

/// Where a page of what is found begins: after the thing with this score, where the words had these weights.
struct Place {
    at: (i64, Uuid),
    weights: Vec<i64>,
}

impl Place {
    fn read(values: &[Value]) -> Result<Self, PortError> {
        let malformed = || PortError::Dangling("cursor");
        let [Value::Int(score), last, Value::List(weights)] = values else { return Err(malformed()) };
        let weights = weights.iter().map(|weight| if let Value::Int(weight) = weight { Some(*weight) } else { None });
        // Nobody's words weigh so much that the sum would be no number any more.
        let weights: Option<Vec<_>> = weights.map(|weight| weight.filter(|weight| (0..1_000_000).contains(weight))).collect();
        Ok(Self { at: (*score, RecordId::parse(last).map_err(|_| malformed())?.as_uuid()), weights: weights.ok_or_else(malformed)? })
    }

    fn values(self) -> Vec<Value> {
        let (score, last) = self.at;
        vec![Value::Int(score), Value::Id(last), Value::List(self.weights.into_iter().map(Value::Int).collect())]
    }
}

/// The part of a word that is a whole form of it, which no trigram looks like.
fn whole(form: &str) -> String {
    format!("={form}")
}

/// A thing as the index has it.
pub(crate) struct Entry {
    pub(crate) kind: SearchKind,
    pub(crate) id: Uuid,
    pub(crate) version: u32,
    pub(crate) words: IndexedWords,
    /// Lists of text, as they were written.
    pub(crate) keywords: Value,
    pub(crate) tags: Value,
}

impl Session {
    /// Saves the words of things, which are what they were unless a thing changed.
    pub(crate) fn index(&self, entries: Vec<Entry>) -> Result<(), PortError> {
        let mut known = BTreeSet::new();
        for Entry { kind, id, version, words, keywords, tags } in entries {
            let IndexedWords { title, labels, category, description, vocabulary } = words;
            let row = search_index::Model {
                organization_id: self.organization,
                kind: kind.as_str().to_owned(),
                entity_id: id,
                title,
                labels,
                category,
                description,
                keywords: json(&keywords),
                tags: json(&tags),
                version: count(version, "the version of what is searched")?,
            };
            self.replace::<search_index::Entity>(row, &["organization_id", "kind", "entity_id"]);
            for word in vocabulary {
                known.extend(trigrams(&word).into_iter().map(|part| (kind.as_str(), part, word.clone())));
                known.extend(forms(&word).iter().map(|form| (kind.as_str(), whole(form), word.clone())));
            }
        }
        // In the order of their key: two who write the same words wait for each other, and not in a circle.
        for (kind, part, word) in known {
            let row = search_words::Model { organization_id: self.organization, kind: kind.to_owned(), part, word };
            self.insert_if_new::<search_words::Entity>(row);
        }
        Ok(())
    }

    /// Continues a select of the rows of one organization: the next after one, at most so many.
    pub(crate) fn next_rows(sql: &mut Sql, alias: &str, after: Option<Uuid>, most: u16) {
        if let Some(after) = after {
            sql.push(&format!(" AND {alias}.id > ")).bind(after);
        }
        sql.push(&format!(" ORDER BY {alias}.id LIMIT ")).bind(i64::from(most));
    }
}

#[async_trait]
impl SearchIndex for Store {
    async fn index(&self, scope: &Scope, kind: SearchKind, after: Option<Uuid>, most: u16) -> Result<Indexed, PortError> {
        let session = self.session(scope).await?;
        let entries = match kind {
            SearchKind::Course => session.courses_to_index(after, most).await?,
            SearchKind::BlogPost => session.blog_posts_to_index(after, most).await?,
            SearchKind::SeoMetadata => session.seo_metadata_to_index(after, most).await?,
        };
        let indexed =
            Indexed { things: count(i64::try_from(entries.len()).unwrap_or_default(), "things")?, last: entries.last().map(|entry| entry.id) };
        if after.is_none() {
            let key = vec![("organization_id", session.organization.into()), ("kind", kind.as_str().into())];
            session.write(Write::Delete { table: "search_words", key });
        }
        session.index(entries)?;
        Box::new(session).commit().await?;
        Ok(indexed)
    }
}
