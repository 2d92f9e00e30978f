//! Records of every kind over HTTP: one set of handlers for all of them. A kind is registered with one line.

use std::marker::PhantomData;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, Responder};
use matricula_application::access::{ManageCatalog, ManageMarketing, ManagePublishing, ReadCatalog, ReadMarketing, ReadPublishing, Right};
use matricula_application::records::{RecordError, Records};
use matricula_domain::catalog::{Campus, Cycle};
use matricula_domain::marketing::{AdsTemplate, Campaign};
use matricula_domain::publishing::Faq;
use matricula_domain::shared::{
    Aggregate, Fault, Faults, Field, FieldSchema, Flag, Input, Kind, Lifecycle, Line, Record, RecordId, RecordRefusal, RecordSchema, Stored, Value,
};
use matricula_ports::PortError;
use matricula_ports::json::to_json;
use matricula_ports::records::{RecordFilter, RecordRow};
use serde_json::{Map, Value as Json, json};

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::{ApiError, Coded};
use crate::input::{Raw, given_twice, path_field, query_pairs, typed};
use crate::openapi::shown;
use crate::page::{Limit, Listed, Place, page};
use crate::route::Route;

/// Every kind of record, with the right to read it and the right to manage it.
pub fn kinds() -> Vec<RecordKind> {
    vec![
        record::<Cycle, ReadCatalog, ManageCatalog>(),
        record::<Campus, ReadCatalog, ManageCatalog>(),
        record::<Campaign, ReadMarketing, ManageMarketing>(),
        record::<AdsTemplate, ReadMarketing, ManageMarketing>(),
        record::<Faq, ReadPublishing, ManagePublishing>(),
    ]
}

/// A kind of record, as it is served.
pub struct RecordKind {
    /// Its declaration.
    pub schema: &'static RecordSchema,
    /// What can be done with it.
    pub routes: Vec<Route>,
}

pub(crate) fn routes() -> impl Iterator<Item = Route> {
    kinds().into_iter().flat_map(|kind| kind.routes)
}

fn record<R: Record, See: Right, Manage: Right>() -> RecordKind {
    let noun = R::NOUN;
    let (many, one) = (noun.many.replace('_', "-"), format!("/{}/{{id}}", noun.many.replace('_', "-")));
    let (name, plural) = (pascal(noun.one), pascal(noun.many));
    let kind = Handlers::<R, See, Manage>(PhantomData);
    let says = |verb: &str| format!("{verb}: {}", R::SCHEMA.doc.trim());
    let schema = || schema::<R>();
    let get = |path: &str, operation: String| (path.to_owned(), operation);
    let (list_path, list_name) = get(&format!("/{many}"), format!("list{plural}"));
    let mut routes = vec![
        Route::get(&list_path, &list_name, noun.context, move |call, request| kind.list(call, request))
            .says(says("List"))
            .needs::<See>()
            .gives_named(200, &name, schema(), true),
        Route::post(&format!("/{many}"), &format!("create{name}"), noun.context, move |call, body| kind.create(call, body))
            .says(says("Create"))
            .needs::<Manage>()
            .once()
            .takes_fields(R::FIELDS)
            .gives_named(201, &name, schema(), false),
        Route::get(&one, &format!("get{name}"), noun.context, move |call| kind.get(call)).says(says("Get")).needs::<See>().gives_named(
            200,
            &name,
            schema(),
            false,
        ),
        Route::patch(&one, &format!("change{name}"), noun.context, move |call, body| kind.change(call, body))
            .says(says("Change"))
            .needs::<Manage>()
            .takes_patch_of(R::FIELDS)
            .gives_named(200, &name, schema(), false),
        Route::post(&format!("{one}/archive"), &format!("archive{name}"), noun.context, move |call| kind.archive(call))
            .says(says("Hide, with undo"))
            .needs::<Manage>()
            .gives_named(200, &name, schema(), false),
        Route::post(&format!("{one}/restore"), &format!("restore{name}"), noun.context, move |call| kind.restore(call))
            .says(says("Undo archiving"))
            .needs::<Manage>()
            .gives_named(200, &name, schema(), false),
    ];
    if let Some(Lifecycle { field, .. }) = R::SCHEMA.lifecycle {
        let move_it = Route::post(&format!("{one}/transitions"), &format!("move{name}"), noun.context, move |call, body| kind.transition(call, body));
        routes.push(
            move_it
                .says(says("Take to another state"))
                .needs::<Manage>()
                .once()
                .takes_fields(Vec::leak(transition_to(field, R::FIELDS)))
                .gives_named(200, &name, schema(), false),
        );
    }
    if let Some(list) = routes.first_mut() {
        list.query =
            list_query(R::SCHEMA.filters.iter().filter_map(|filter| R::FIELDS.iter().find(|field| field.name == *filter)).copied().collect());
    }
    RecordKind { schema: &R::SCHEMA, routes }
}

/// `course_run` becomes `CourseRun`.
fn pascal(snake: &str) -> String {
    snake.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// The query of a list: the declared filters, and which part. Made once, for ever.
fn list_query(filters: Vec<FieldSchema>) -> &'static [FieldSchema] {
    let mut fields: Vec<_> = filters.into_iter().map(|field| FieldSchema { required: false, ..field }).collect();
    fields.push(FieldSchema { name: "archived", doc: "The archived ones instead of the others.", kind: Flag::KIND, required: false });
    fields.push(FieldSchema { name: "limit", doc: "At most so many items (1–100, default 50).", kind: Limit::KIND, required: false });
    fields.push(FieldSchema { name: "cursor", doc: "Where the page begins: `next_cursor` of the page before.", kind: Place::KIND, required: false });
    Vec::leak(fields)
}

/// What a transition takes: the state, which is what the field holds.
fn transition_to(field: &str, fields: &[FieldSchema]) -> Vec<FieldSchema> {
    let states = fields.iter().filter(|known| known.name == field);
    states.map(|state| FieldSchema { name: "to", doc: "The state.", kind: state.kind, required: true }).collect()
}

fn schema<R: Record>() -> Json {
    let mut properties = shown(R::FIELDS);
    properties.insert("id".to_owned(), crate::openapi::kind(&Kind::Id));
    for (name, empty) in [("archived_at", true), ("created_at", false), ("updated_at", false)] {
        let kind = json!({"type": if empty { json!(["string", "null"]) } else { json!("string") }, "format": "date-time"});
        properties.insert(name.to_owned(), kind);
    }
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({"type": "object", "description": R::SCHEMA.doc.trim(), "required": required, "properties": properties})
}

fn view(row: &RecordRow) -> Json {
    let mut view = to_json(&row.fields);
    view["id"] = row.id.to_string().into();
    view["archived_at"] = to_json(&row.archived_at.map_or(Value::Null, Value::Instant));
    view["created_at"] = to_json(&Value::Instant(row.created_at));
    view["updated_at"] = to_json(&Value::Instant(row.updated_at));
    view
}

fn row_of<R: Record>(stored: &Stored<R>) -> RecordRow {
    RecordRow {
        id: stored.id(),
        fields: Value::Map(stored.record().fields()),
        archived_at: stored.archived_at(),
        created_at: stored.created_at(),
        updated_at: stored.updated_at(),
        version: stored.version(),
    }
}

fn answer<R: Record>(stored: &Stored<R>) -> Answer {
    Answer::ok(&view(&row_of(stored))).etag(stored.version())
}

/// The handlers of one kind.
struct Handlers<R, See, Manage>(PhantomData<(R, See, Manage)>);

impl<R, See, Manage> Clone for Handlers<R, See, Manage> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R, See, Manage> Copy for Handlers<R, See, Manage> {}

impl<R: Record, See: Right, Manage: Right> Handlers<R, See, Manage> {
    async fn list(self, call: May<See>, request: HttpRequest) -> impl Responder {
        let asked = query::<R>(&request).map_err(ApiError::from)?;
        let found = call.api.record_queries.list(call.who.scope(), &R::SCHEMA, &asked.0, &page(asked.1, asked.2, None)).await?;
        Answered::Ok(Answer::list(&request, &Listed::of(found.map(|row| view(&row)))))
    }

    async fn create(self, call: May<Manage>, body: Raw) -> Answered {
        let records = Records::<R, Manage>::new(call.api.world.clone());
        let answer = |stored: &Stored<R>| {
            let location = format!("/api/v1/{}/{}", R::NOUN.many.replace('_', "-"), stored.id());
            Answer::created(&view(&row_of(stored)), location).etag(stored.version())
        };
        call.once(body.fingerprint, answer, async |who| records.create(who, &body.value).await).await
    }

    async fn get(self, call: May<See>) -> Answered {
        let id: RecordId = path_field(&call.request, "id")?;
        let row = call.api.record_queries.one(call.who.scope(), &R::SCHEMA, id).await?.ok_or_else(ApiError::not_found)?;
        Ok(Answer::ok(&view(&row)).etag(row.version))
    }

    async fn change(self, call: May<Manage>, body: Raw) -> Answered {
        let id: RecordId = path_field(&call.request, "id")?;
        let expected = call.expected()?;
        let records = Records::<R, Manage>::new(call.api.world.clone());
        Ok(answer(&records.change(&call.who, id, &body.value, expected).await?))
    }

    async fn transition(self, call: May<Manage>, body: Raw) -> Answered {
        let id: RecordId = path_field(&call.request, "id")?;
        let to = state::<R>(&body.value).map_err(ApiError::from)?;
        let records = Records::<R, Manage>::new(call.api.world.clone());
        call.once(body.fingerprint, answer, async |who| records.transition(who, id, &to).await).await
    }

    async fn archive(self, call: May<Manage>) -> Answered {
        let id: RecordId = path_field(&call.request, "id")?;
        Ok(answer(&Records::<R, Manage>::new(call.api.world.clone()).archive(&call.who, id).await?))
    }

    async fn restore(self, call: May<Manage>) -> Answered {
        let id: RecordId = path_field(&call.request, "id")?;
        Ok(answer(&Records::<R, Manage>::new(call.api.world.clone()).restore(&call.who, id).await?))
    }
}

/// The state that the body of a transition names.
fn state<R: Record>(body: &Value) -> Result<String, Faults> {
    let field = R::SCHEMA.lifecycle.map(|lifecycle| lifecycle.field).unwrap_or_default();
    let mut input = Input::new(body, &transition_to(field, R::FIELDS));
    let to = input.field::<Line<100>>("to");
    if let Some(Err(wrong)) = to.as_ref().and_then(|to| R::read_field(field, &to.value())) {
        input.faults().0.extend(wrong.0.into_iter().map(|fault| fault.under("to")));
    }
    input.into_faults().into_result().map(|()| to.map(|to| to.to_string()).unwrap_or_default())
}

type Asked = (RecordFilter, Option<Limit>, Option<Place>);

/// Reads the query of a list: what the kind can be filtered by, `archived`, and which part.
fn query<R: Record>(request: &HttpRequest) -> Result<Asked, Faults> {
    let (mut filter, mut limit, mut cursor, mut faults) = (RecordFilter::default(), None, None, Faults::default());
    let mut seen: Vec<String> = Vec::new();
    for (name, text) in query_pairs(request.query_string())? {
        let field = R::FIELDS.iter().find(|field| field.name == name && R::SCHEMA.filters.contains(&field.name));
        let outcome = match (name.as_str(), field) {
            (name, _) if seen.iter().any(|seen| seen == name) => Err(given_twice().into()),
            ("archived", _) => Flag::parse_all(&typed(&Flag::KIND, text)).map(|Flag(archived)| filter.archived = archived),
            ("limit", _) => Limit::parse_all(&typed(&Limit::KIND, text)).map(|read| limit = Some(read)),
            ("cursor", _) => Place::parse_all(&typed(&Place::KIND, text)).map(|read| cursor = Some(read)),
            (_, Some(field)) => read_field::<R>(field, text).map(|value| filter.equal.push((field.name, value))),
            _ => Err(unknown().into()),
        };
        if let Err(more) = outcome {
            let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            faults.0.extend(more.0.into_iter().map(|fault| fault.under(if plain { &name } else { "?" })));
        }
        seen.push(name);
    }
    faults.into_result().map(|()| (filter, limit, cursor))
}

/// What a filter asks for, by the rules of the field itself.
fn read_field<R: Record>(field: &FieldSchema, text: String) -> Result<Value, Faults> {
    R::read_field(field.name, &typed(&field.kind, text)).unwrap_or_else(|| Err(unknown().into()))
}

fn unknown() -> Fault {
    Fault::new("UNKNOWN_FIELD", "is not known here")
}

impl Coded for RecordError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadySo => (StatusCode::CONFLICT, "ALREADY_SO"),
            Self::Refused(RecordRefusal::Invalid(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Refused(RecordRefusal::InvalidTransition { .. }) => (StatusCode::CONFLICT, "INVALID_TRANSITION"),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Refused(RecordRefusal::Invalid(faults)) => &faults.0,
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
            Self::Refused(RecordRefusal::InvalidTransition { possible, .. }) => crate::error::possible(possible),
            _ => Map::new(),
        }
    }
}
