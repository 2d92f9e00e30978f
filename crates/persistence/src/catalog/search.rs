//! The search of courses. The databases say which courses may be meant, from their own indexes of words; which of them come first is the
//! domain's to say, from the same words on both engines.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use matricula_domain::catalog::{Course, CourseId, CourseWords, Found, Search, Sought};
use matricula_domain::shared::{Aggregate, Field, Id, Value, forms, trigrams};
use matricula_entity::catalog::{search_index, search_words};
use matricula_ports::catalog::{CourseFilter, CourseIndex, Indexed};
use matricula_ports::{Page, PortError, Scope, Slice, UnitOfWork};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::course::{course_of, select_courses};
use super::queries::narrow_courses;
use crate::convert::{Columns, count, json};
use crate::scoped::{Reader, SCOPED};
use crate::sql::{Sql, Write};
use crate::unit::{Session, Store};

/// What courses are called in the index.
const KIND: &str = "course";

/// How many courses at most are looked at that have all the words, and how many that have one or all but one.
const MOST_WITH_ALL: i64 = 200;
const MOST_WITH_SOME: i64 = 60;

/// How many known words at most are compared with one that is not.
const MOST_COMPARED: i64 = 50;

/// In which texts of a course a word is sought.
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
pub(super) struct Finder<'f> {
    pub(super) reader: &'f Reader,
    pub(super) organization: Uuid,
    pub(super) filter: &'f CourseFilter,
}

impl Finder<'_> {
    /// The courses that are found, best first.
    pub(super) async fn courses(&self, text: &str, page: &Page) -> Result<Slice<Course>, PortError> {
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
        let mut courses = self.load(ranked.iter().map(|Reverse((_, id))| *id)).await?;
        let items = ranked.iter().filter_map(|Reverse((score, id))| Some((*score, courses.remove(id)?))).collect();
        let slice = Slice::cut(items, page.limit, |(score, course): &(i64, Course)| Place { at: (*score, course.id()), weights }.values());
        Ok(slice.map(|(_, course)| course))
    }

    /// What is sought, with what may have been meant, and where something of it is.
    pub(super) async fn find(&self, text: &str) -> Result<(Search, Vec<Found>), PortError> {
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

    /// Courses that have all words of one of the parts, so many for each of them.
    async fn with(&self, search: &Search, parts: &[(&[&Sought], Texts)], most: i64) -> Result<HashMap<CourseId, Found>, PortError> {
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
        sql.push(" AS described FROM search_index s JOIN courses c ON c.organization_id = s.organization_id AND c.id = s.entity_id WHERE ");
        sql.push(SCOPED).push(" AND s.organization_id = ").bind(self.organization).push(" AND c.organization_id = ").bind(self.organization);
        sql.push(" AND s.kind = ").bind(KIND).push(" AND c.archived_at IS NULL AND ");
        has(sql, wanted);
        narrow_courses(self.filter, sql, self.organization);
    }

    /// Looks up which known words may have been meant by those that nothing is called.
    async fn mend(&self, search: &mut Search) -> Result<(), PortError> {
        let parts = |sql: &mut Sql, parts: Vec<String>| {
            sql.push(" FROM search_words w WHERE ").push(SCOPED).push(" AND w.organization_id = ").bind(self.organization);
            sql.push(" AND w.part IN (").bind_all(parts).push(")");
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

    async fn load(&self, ids: impl Iterator<Item = CourseId>) -> Result<HashMap<CourseId, Course>, PortError> {
        let ids: Vec<_> = ids.map(Id::as_uuid).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut sql = self.reader.sql();
        select_courses(&mut sql);
        sql.push("courses c WHERE ")
            .push(SCOPED)
            .push(" AND c.organization_id = ")
            .bind(self.organization)
            .push(" AND c.id IN (")
            .bind_all(ids)
            .push(")");
        self.reader.rows(sql).await?.iter().map(|row| course_of(row).map(|course| (course.id(), course))).collect()
    }
}

fn found(row: &QueryResult) -> Result<Found, PortError> {
    let mut columns = Columns::of(row);
    Ok(Found {
        id: CourseId::from_uuid(columns.next()?),
        title: columns.next()?,
        labels: columns.next()?,
        category: columns.next()?,
        described: columns.next()?,
    })
}

/// Where a page of what is found begins: after the course with this score, where the words had these weights.
struct Place {
    at: (i64, CourseId),
    weights: Vec<i64>,
}

impl Place {
    fn read(values: &[Value]) -> Result<Self, PortError> {
        let malformed = || PortError::Dangling("cursor");
        let [Value::Int(score), last, Value::List(weights)] = values else { return Err(malformed()) };
        let weights = weights.iter().map(|weight| if let Value::Int(weight) = weight { Some(*weight) } else { None });
        // Nobody's words weigh so much that the sum would be no number any more.
        let weights: Option<Vec<_>> = weights.map(|weight| weight.filter(|weight| (0..1_000_000).contains(weight))).collect();
        Ok(Self { at: (*score, CourseId::parse(last).map_err(|_| malformed())?), weights: weights.ok_or_else(malformed)? })
    }

    fn values(self) -> Vec<Value> {
        let (score, last) = self.at;
        vec![Value::Int(score), Value::Id(last.as_uuid()), Value::List(self.weights.into_iter().map(Value::Int).collect())]
    }
}

/// The part of a word that is a whole form of it, which no trigram looks like.
fn whole(form: &str) -> String {
    format!("={form}")
}

impl Session {
    /// Saves the words of courses, which are what they were unless a course changed.
    pub(super) fn index(&self, courses: &[Course]) -> Result<(), PortError> {
        let mut parts = BTreeSet::new();
        for course in courses {
            let details = course.details();
            let CourseWords { title, labels, category, description, vocabulary } = CourseWords::of(details);
            let keywords = details.seo.as_ref().map_or_else(|| Value::List(Vec::new()), |seo| seo.keywords.value());
            let row = search_index::Model {
                organization_id: self.organization,
                kind: KIND.to_owned(),
                entity_id: course.id().as_uuid(),
                title,
                labels,
                category,
                description,
                keywords: json(&keywords),
                tags: json(&details.tags.value()),
                version: count(course.version(), "courses.version")?,
            };
            self.replace::<search_index::Entity>(row, &["organization_id", "kind", "entity_id"]);
            for word in vocabulary {
                parts.extend(trigrams(&word).into_iter().map(|part| (part, word.clone())));
                parts.extend(forms(&word).iter().map(|form| (whole(form), word.clone())));
            }
        }
        // In the order of their key: two who write the same words wait for each other, and not in a circle.
        for (part, word) in parts {
            self.insert_if_new::<search_words::Entity>(search_words::Model { organization_id: self.organization, part, word });
        }
        Ok(())
    }
}

#[async_trait]
impl CourseIndex for Store {
    async fn index_courses(&self, scope: &Scope, after: Option<CourseId>, most: u16) -> Result<Indexed, PortError> {
        let session = self.session(scope).await?;
        let mut sql = session.courses_where();
        if let Some(after) = after {
            sql.push(" AND c.id > ").bind(after.as_uuid());
        }
        sql.push(" ORDER BY c.id LIMIT ").bind(i64::from(most));
        let courses = session.rows(sql).await?.iter().map(course_of).collect::<Result<Vec<_>, _>>()?;
        if after.is_none() {
            session.write(Write::Delete { table: "search_words", key: vec![("organization_id", session.organization.into())] });
        }
        session.index(&courses)?;
        Box::new(session).commit().await?;
        Ok(Indexed { courses: count(i64::try_from(courses.len()).unwrap_or_default(), "courses")?, last: courses.last().map(Course::id) })
    }
}
