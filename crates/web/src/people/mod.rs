//! People, what happened to them, and what they decided.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use matricula_application::access::{ChangePeople, Denied, ReadPeople};
use matricula_application::people::PeopleError;
use matricula_domain::identity::Grants;
use matricula_domain::people::{IdentifierKind, Person, PersonChange, PersonId};
use matricula_domain::shared::{EmailAddress, Fault, Form, Id, Line};
use matricula_ports::people::{PeopleFilter, TimelineRow};
use matricula_ports::{Page, PortError};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::{ApiError, Coded};
use crate::input::{Query, Raw, path_field};
use crate::page::{Limit, Listed, PageQuery, Place, Sort, page};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/people", "listPeople", "people", list)
            .says("People, newest first.")
            .needs::<ReadPeople>()
            .asks::<PeopleQuery>()
            .gives_page_of::<PersonView>(),
        Route::get("/people/{id}", "getPerson", "people", get).says("One person.").needs::<ReadPeople>().gives::<PersonView>(200),
        Route::patch("/people/{id}", "changePerson", "people", change)
            .says("Corrects what is known of a person.")
            .needs::<ChangePeople>()
            .takes_patch_of(PersonChange::FIELDS)
            .gives::<PersonView>(200),
        Route::get("/people/{id}/timeline", "getTimeline", "people", timeline)
            .says("What happened to a person, newest first.")
            .needs::<ReadPeople>()
            .asks::<PageQuery>()
            .gives_page_of::<TimelineView>(),
    ]
}

matricula_domain::form! {
    /// Which people.
    pub struct PeopleQuery {
        /// Part of the name.
        q: Option<Line<200>>,
        /// An e-mail address.
        email: Option<EmailAddress>,
        /// Which way the list runs.
        sort: Option<Sort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// A person.
#[derive(Serialize, ToSchema)]
struct PersonView {
    id: Uuid,
    name: String,
    /// The first e-mail address.
    email: Option<String>,
    /// The first phone number.
    phone: Option<String>,
    /// Addresses and numbers of all kinds but the national id.
    identifiers: Vec<IdentifierView>,
    /// The number of their DNI or NIE; only for who may see it.
    national_id: Option<String>,
    locale: Option<String>,
    age_band: Option<String>,
    birth_date: Option<NaiveDate>,
    /// active, restricted, blocked or destroyed.
    state: &'static str,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// An address or number.
#[derive(Serialize, ToSchema)]
struct IdentifierView {
    kind: &'static str,
    value: String,
}

impl From<&Person> for PersonView {
    fn from(person: &Person) -> Self {
        let parts = person.parts();
        let identifiers = parts.identifiers.iter().filter(|one| one.kind != IdentifierKind::Nif);
        Self {
            id: parts.id.as_uuid(),
            name: parts.name.to_string(),
            email: person.identifier(IdentifierKind::Email).map(str::to_owned),
            phone: person.identifier(IdentifierKind::Phone).map(str::to_owned),
            identifiers: identifiers.map(|one| IdentifierView { kind: one.kind.as_str(), value: one.value.clone() }).collect(),
            national_id: person.identifier(IdentifierKind::Nif).map(str::to_owned),
            locale: parts.locale.as_ref().map(ToString::to_string),
            age_band: parts.age_band.map(|band| band.to_string()),
            birth_date: parts.birth_date,
            state: parts.standing.as_str(),
            created_at: parts.created_at,
            updated_at: parts.updated_at,
        }
    }
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
struct TimelineView {
    id: Uuid,
    at: DateTime<Utc>,
    /// What: `lead.captured`.
    what: String,
    actor: String,
    entity: String,
    entity_id: Uuid,
    /// Which fields changed.
    fields: Vec<String>,
}

impl From<TimelineRow> for TimelineView {
    fn from(row: TimelineRow) -> Self {
        Self { id: row.id, at: row.at, what: row.what, actor: row.actor, entity: row.entity, entity_id: row.entity_id, fields: row.fields }
    }
}

async fn list(call: May<ReadPeople>, query: Query<PeopleQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let filter = PeopleFilter { q: query.q.map(|q| q.to_string()), email: query.email.map(|email| email.as_str().to_owned()) };
    let found = call.api.people_queries.list(call.who.scope(), &filter, &page(query.limit, query.cursor, query.sort)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|person| PersonView::from(&person)))).open_to(call.who.grants(), PERSON))
}

async fn get(call: May<ReadPeople>) -> Answered {
    let id: PersonId = path_field(&call.request, "id")?;
    let person = call.api.people_queries.one(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(&person, call.who.grants()))
}

/// The noun under which fields of a person are guarded.
const PERSON: &str = "person";

fn answer(person: &Person, grants: &Grants) -> Answer {
    Answer::ok(&PersonView::from(person)).etag(person.parts().version).open_to(grants, PERSON)
}

async fn change(call: May<ChangePeople>, body: Raw) -> Answered {
    let id: PersonId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.people.change(&call.who, id, &body.value, expected).await?, call.who.grants()))
}

async fn timeline(call: May<ReadPeople>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let id: PersonId = path_field(&call.request, "id")?;
    let page: Page = page(query.0.limit, query.0.cursor, None);
    let found = call.api.people_queries.timeline(call.who.scope(), id, &page).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::list(&request, &Listed::of(found.map(TimelineView::from))))
}

impl Coded for PeopleError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Restricted => (StatusCode::LOCKED, "RESTRICTED"),
            Self::Denied(_) => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::Denied(Denied(permission)) => crate::error::missing(*permission),
            _ => Map::new(),
        }
    }
}
