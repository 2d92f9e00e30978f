//! One call registers a route: method, path, who may, what it takes, what it gives, and whether it changes anything. The server, the
//! OpenAPI document and the sweep of the tests are made from the list.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Resource, Responder, web};
use matricula_application::access::Right;
use matricula_domain::identity::Permission;
use matricula_domain::shared::{FieldSchema, Form};
use serde_json::Value as Json;
use utoipa::ToSchema;

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Anybody,
    /// Whoever signed in.
    SignedIn,
    /// Whoever has the permission.
    Permission(Permission),
}

/// What an answer holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// One thing: the name of its schema.
    One(String),
    /// A page of things.
    Page(String),
    /// The bytes of a file.
    File,
}

type Attach = Box<dyn Fn(Resource) -> Resource + Send + Sync>;

/// A route.
#[expect(clippy::struct_excessive_bools, reason = "each is a trait of its own that the document names")]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path below `/api/v1`.
    pub path: String,
    /// Its name in the document: unique.
    pub operation: String,
    /// Its context.
    pub tag: &'static str,
    /// What it does, in one sentence.
    pub summary: String,
    /// Who may.
    pub access: Access,
    /// Whether it changes anything, and so leaves an audit entry.
    pub changes: bool,
    /// Whether it asks for `If-Match`.
    pub guarded: bool,
    /// Whether it understands `Idempotency-Key`.
    pub once: bool,
    /// What it takes in the query.
    pub query: &'static [FieldSchema],
    /// What it takes in the body; `None` if nothing.
    pub body: Option<&'static [FieldSchema]>,
    /// Whether it takes a file as its body.
    pub file: bool,
    /// Whether the body is a patch, of which every field may be left out.
    pub patch: bool,
    /// Whether it gives parts of a file.
    pub parts: bool,
    /// What it gives.
    pub answers: Vec<(u16, Content)>,
    /// The schemas that its answers name.
    pub schemas: Vec<(String, Json)>,
    attach: Attach,
}

impl Route {
    /// A route that is served by a handler.
    pub(crate) fn new<F, Args>(method: Method, path: impl Into<String>, operation: impl Into<String>, tag: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let verb = method.clone();
        Self {
            changes: method != Method::GET,
            method,
            path: path.into(),
            operation: operation.into(),
            tag,
            summary: String::new(),
            access: Access::Anybody,
            guarded: false,
            once: false,
            query: &[],
            body: None,
            file: false,
            patch: false,
            parts: false,
            answers: Vec::new(),
            schemas: Vec::new(),
            attach: Box::new(move |resource| resource.route(web::method(verb.clone()).to(handler.clone()))),
        }
    }

    pub(crate) fn get<F, Args>(path: &str, operation: &str, tag: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::GET, path, operation, tag, handler)
    }

    pub(crate) fn post<F, Args>(path: &str, operation: &str, tag: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new(Method::POST, path, operation, tag, handler)
    }

    pub(crate) fn patch<F, Args>(path: &str, operation: &str, tag: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self { guarded: true, ..Self::new(Method::PATCH, path, operation, tag, handler) }
    }

    pub(crate) fn put<F, Args>(path: &str, operation: &str, tag: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self { guarded: true, ..Self::new(Method::PUT, path, operation, tag, handler) }
    }

    pub(crate) fn says(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    pub(crate) fn needs<R: Right>(mut self) -> Self {
        self.access = Access::Permission(R::PERMISSION);
        self
    }

    pub(crate) fn signed_in(mut self) -> Self {
        self.access = Access::SignedIn;
        self
    }

    /// It understands `Idempotency-Key`.
    pub(crate) fn once(mut self) -> Self {
        self.once = true;
        self
    }

    pub(crate) fn asks<Q: Form>(mut self) -> Self {
        self.query = Q::FIELDS;
        self
    }

    pub(crate) fn takes<B: Form>(mut self) -> Self {
        self.body = Some(B::FIELDS);
        self
    }

    pub(crate) fn takes_patch_of(mut self, fields: &'static [FieldSchema]) -> Self {
        self.body = Some(fields);
        self.patch = true;
        self
    }

    pub(crate) fn takes_fields(mut self, fields: &'static [FieldSchema]) -> Self {
        self.body = Some(fields);
        self
    }

    /// It takes the bytes of a file.
    pub(crate) fn takes_file(mut self) -> Self {
        self.file = true;
        self
    }

    /// It gives the bytes of a file, or says that it is still the one that was seen (`If-None-Match`).
    pub(crate) fn gives_file(mut self) -> Self {
        self.answers.extend([(200, Content::File), (304, Content::Nothing)]);
        self
    }

    /// It gives a part of the file to whoever asks for one (`Range`).
    pub(crate) fn in_parts(mut self) -> Self {
        self.parts = true;
        self.answers.push((206, Content::File));
        self
    }

    pub(crate) fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        let name = self.schema::<T>();
        self.answers.push((status, Content::One(name)));
        self
    }

    pub(crate) fn gives_page_of<T: ToSchema>(mut self) -> Self {
        let name = self.schema::<T>();
        self.answers.push((200, Content::Page(name)));
        self
    }

    pub(crate) fn gives_nothing(mut self) -> Self {
        self.answers.push((204, Content::Nothing));
        self
    }

    /// It leads on to where the thing is now.
    pub(crate) fn may_have_moved(mut self) -> Self {
        self.answers.push((301, Content::Nothing));
        self
    }

    /// It answers before it is done.
    pub(crate) fn gives_later(mut self) -> Self {
        self.answers.push((202, Content::Nothing));
        self
    }

    pub(crate) fn gives_named(mut self, status: u16, name: &str, schema: Json, page: bool) -> Self {
        self.schemas.push((name.to_owned(), schema));
        self.answers.push((status, if page { Content::Page(name.to_owned()) } else { Content::One(name.to_owned()) }));
        self
    }

    fn schema<T: ToSchema>(&mut self) -> String {
        let mut all = vec![(T::name().to_string(), T::schema())];
        T::schemas(&mut all);
        self.schemas.extend(all.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())));
        T::name().to_string()
    }

    /// Whether it works on one thing whose id is in the path.
    pub fn is_on_one(&self) -> bool {
        self.path.contains("{id}") || self.path.contains("{key}")
    }
}

/// All routes below `/api/v1`.
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(crate::identity::routes());
    routes.push(crate::explain::route());
    routes.extend(crate::identity::links::routes());
    routes.extend(crate::leads::routes());
    routes.extend(crate::people::routes());
    routes.extend(crate::catalog::routes());
    routes.extend(crate::publishing::routes());
    routes.extend(crate::records::routes());
    routes.extend(crate::enrollment::routes());
    routes.extend(crate::privacy::routes());
    routes.extend(crate::reporting::routes());
    routes.extend(crate::audit::routes());
    routes.extend(crate::notifications::routes());
    routes
}

/// Serves all routes, and tells wrong methods apart from wrong paths.
pub(crate) fn serve(config: &mut web::ServiceConfig) {
    let routes = routes();
    let mut paths: Vec<&str> = Vec::new();
    for route in &routes {
        if !paths.contains(&route.path.as_str()) {
            paths.push(&route.path);
        }
    }
    for path in paths {
        let here: Vec<_> = routes.iter().filter(|route| route.path == path).collect();
        let allowed = here.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
        let resource = here.iter().fold(web::resource(path), |resource, route| (route.attach)(resource));
        config.service(resource.default_service(web::to(move || {
            let allowed = allowed.clone();
            async move { crate::error::wrong_method(&allowed) }
        })));
    }
}
