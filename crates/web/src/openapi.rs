//! The OpenAPI 3.1 document, made from the routes and from the forms that they take.

use matricula_domain::identity::RoleName;
use matricula_domain::publishing::{MediaType, ThumbnailWidth};
use matricula_domain::shared::{Field as _, FieldSchema, Kind};
use serde_json::{Map, Value as Json, json};

use crate::call::VIEW_AS;
use crate::route::{Access, Content, Route, routes};

/// The document.
pub fn document() -> Json {
    let routes = routes();
    let mut paths = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problem());
    for route in &routes {
        for (name, schema) in &route.schemas {
            schemas.entry(public_name(name).to_owned()).or_insert_with(|| schema.clone());
        }
        let path = paths.entry(format!("/api/v1{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation(route);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Matrícula",
            "version": "1",
            "description": "The back office of training providers: from the first click to the certificate. Errors are RFC 9457 problem documents with a stable `code`.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags(&routes),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "The access token that signing in gives, or a key for a program."}},
        },
    });
    rename(&mut document);
    document
}

/// Views are called so in the code alone: clients know the thing.
fn public_name(name: &str) -> &str {
    name.strip_suffix("View").unwrap_or(name)
}

fn rename(json: &mut Json) {
    match json {
        Json::String(text) if text.starts_with("#/components/schemas/") => *text = public_name(text).to_owned(),
        Json::Array(items) => items.iter_mut().for_each(rename),
        Json::Object(fields) => fields.values_mut().for_each(rename),
        _ => {}
    }
}

fn tags(routes: &[Route]) -> Json {
    let mut names: Vec<&str> = Vec::new();
    for route in routes {
        if !names.contains(&route.tag) {
            names.push(route.tag);
        }
    }
    names.into_iter().map(|name| json!({"name": name})).collect()
}

fn operation(route: &Route) -> Json {
    let mut operation = json!({"operationId": route.operation, "tags": [route.tag], "summary": route.summary, "responses": responses(route)});
    if route.access != Access::Anybody {
        operation["security"] = json!([{"bearer": []}]);
    }
    if let Access::Permission(permission) = route.access {
        operation["x-permission"] = permission.as_str().into();
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(fields) = route.body {
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": object(fields, route.patch)}}});
    }
    if route.file {
        operation["requestBody"] = json!({"required": true, "content": {"application/octet-stream": {"schema": bytes()}}});
    }
    operation
}

fn parameters(route: &Route) -> Vec<Json> {
    let mut parameters: Vec<Json> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let schema = match name {
                "id" => kind(&Kind::Id),
                "width" => kind(&ThumbnailWidth::KIND),
                _ => json!({"type": "string", "minLength": 1, "maxLength": 100}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect();
    for field in route.query {
        let mut parameter =
            json!({"name": field.name, "in": "query", "required": field.required, "description": field.doc.trim(), "schema": kind(&field.kind)});
        if matches!(field.kind, Kind::List(..)) {
            parameter["style"] = "form".into();
            parameter["explode"] = false.into();
        }
        parameters.push(parameter);
    }
    if route.guarded {
        parameters.push(json!({"name": "If-Match", "in": "header", "required": true, "description": "The `ETag` that you have seen.", "schema": {"type": "string"}}));
    }
    if route.access != Access::Anybody && !route.changes {
        parameters.push(json!({
            "name": VIEW_AS, "in": "header", "required": false,
            "description": "A role: the answer is what somebody would see who had it. Needs `identity.view_as`, and is written down.",
            "schema": kind(&RoleName::KIND),
        }));
    }
    if route.once {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "With the same key and body the first answer comes again, for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        }));
    }
    parameters
}

fn responses(route: &Route) -> Json {
    let mut responses = Map::new();
    for (status, content) in &route.answers {
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let schema = match content {
            Content::Nothing | Content::File => None,
            Content::One(name) => Some(reference(name)),
            Content::Page(name) => Some(json!({
                "type": "object",
                "required": ["items", "next_cursor"],
                "properties": {"items": {"type": "array", "items": reference(name)}, "next_cursor": {"type": ["string", "null"]}},
            })),
        };
        let mut response = json!({"description": if *status == 301 { "It has another slug now: `Location` says which." } else { "Done." }});
        if let Some(schema) = schema {
            response["content"] = json!({"application/json": {"schema": schema}});
        }
        if let Content::File = content {
            response["content"] = MediaType::WORDS.iter().map(|word| ((*word).to_owned(), json!({"schema": bytes()}))).collect();
        }
        responses.insert(status.to_string(), response);
    }
    for (status, description) in refusals(route) {
        responses.insert(
            status.to_string(),
            json!({"description": description, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}),
        );
    }
    Json::Object(responses)
}

/// What a route can refuse, by what it takes.
fn refusals(route: &Route) -> Vec<(u16, &'static str)> {
    let mut refusals = vec![(503, "The database is away; `Retry-After` says when to try again.")];
    if route.access != Access::Anybody {
        refusals.push((401, "Who are you?"));
    }
    if route.access != Access::Anybody || route.changes {
        refusals.push((403, "The permission is missing, a person has to sign in for it, or the organization is suspended."));
    }
    if route.access == Access::Anybody {
        refusals.push((429, "Too many; `Retry-After` says when to try again."));
    }
    let names_one = route.query.iter().any(|field| field.required && field.kind == Kind::Id);
    if route.path.contains('{') || names_one {
        refusals.push((404, "It is not there, or in another organization."));
    }
    if route.parts {
        refusals.push((416, "No byte of the file is in the `Range` that is asked for; `Content-Range` says how many it has."));
    }
    if route.file {
        refusals.push((400, "The body did not arrive whole."));
        refusals.push((413, "The file is too large."));
        refusals.push((415, "Files of this kind are not taken."));
    }
    if route.body.is_some() {
        refusals.push((400, "The body cannot be read."));
        refusals.push((413, "The body is too large."));
        refusals.push((415, "The body must be JSON."));
    }
    // Restoring can find that another one has the name meanwhile.
    // `View-As` can name a role that there is not.
    if route.body.is_some() || !route.query.is_empty() || route.once || route.path.ends_with("/restore") || route.access != Access::Anybody {
        refusals.push((422, "It is understood and refused; `errors` names every fault."));
    }
    if route.changes && route.access != Access::Anybody || route.once {
        refusals.push((409, "It is in conflict with what is there."));
        refusals.push((412, "Somebody changed it meanwhile."));
        refusals.push((423, "The person's data may only be kept."));
    }
    if route.guarded {
        refusals.push((428, "Send `If-Match`."));
    }
    if route.path.starts_with("/me/") || route.path.starts_with("/auth/") {
        refusals.push((429, "Too many wrong passwords; `Retry-After` says when to try again."));
    }
    let takes_token = route.body.is_some_and(|fields| fields.iter().any(|field| field.name == "token"));
    if takes_token || route.path.ends_with("/revoke") {
        refusals.push((409, "It is in conflict with what is there."));
        refusals.push((410, "The link was used or taken back, or its time is over."));
    }
    if route.path.starts_with("/auth/") {
        refusals.push((401, "Address, password or token are wrong."));
    }
    if route.path.starts_with("/audit") {
        refusals.push((410, "The key was destroyed with the person's data."));
    }
    refusals
}

fn bytes() -> Json {
    json!({"type": "string", "format": "binary"})
}

fn problem() -> Json {
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "description": "Stable."},
            "request_id": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
                },
            },
        },
    })
}

/// The schema of a form. In a patch every field may be left out, and those that may be empty can be cleared with `null`.
pub(crate) fn object(fields: &[FieldSchema], patch: bool) -> Json {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = kind(&field.kind);
        if !field.required {
            schema = nullable(schema);
        }
        schema["description"] = field.doc.trim().into();
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = if patch { Vec::new() } else { fields.iter().filter(|field| field.required).map(|field| field.name).collect() };
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// The schema of what a form becomes when it is shown: everything is there, empty or not.
pub(crate) fn shown(fields: &[FieldSchema]) -> Map<String, Json> {
    fields
        .iter()
        .map(|field| {
            let mut schema = kind(&field.kind);
            if !field.required {
                schema = nullable(schema);
            }
            schema["description"] = field.doc.trim().into();
            (field.name.to_owned(), schema)
        })
        .collect()
}

fn nullable(schema: Json) -> Json {
    match (schema.get("type").cloned(), schema.get("enum").is_some()) {
        (Some(Json::String(name)), false) => {
            let mut schema = schema;
            schema["type"] = json!([name, "null"]);
            schema
        }
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

pub(crate) fn kind(kind_: &Kind) -> Json {
    match kind_ {
        Kind::Text { min, max, pattern, format } => {
            let mut schema = json!({"type": "string", "minLength": min, "maxLength": max});
            if let Some(pattern) = pattern {
                schema["pattern"] = (*pattern).into();
            }
            if let Some(format) = format {
                schema["format"] = (*format).into();
            }
            schema
        }
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::Instant => json!({"type": "string", "format": "date-time"}),
        Kind::Id | Kind::IdOf(_) => json!({"type": "string", "format": "uuid"}),
        Kind::Money => json!({
            "type": "object",
            "required": ["amount", "currency"],
            "additionalProperties": false,
            "properties": {
                "amount": {"type": "integer", "minimum": 0, "maximum": 100_000_000_000_i64, "description": "Minor units."},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."},
            },
        }),
        Kind::List(item, most) => json!({"type": "array", "items": kind(item), "maxItems": most}),
        Kind::Form(fields) => object(fields, false),
        Kind::Object(_) => json!({"type": "object"}),
    }
}
