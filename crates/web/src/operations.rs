//! Whether the program lives and can serve; the document and its page.

use std::sync::Arc;

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};
use serde_json::json;
use utoipa_swagger_ui::Config;

use crate::api::Api;
use crate::error::{no_such_path, wrong_method};
use crate::middleware::{Manners, manners};
use crate::openapi::document;
use crate::route::serve;

/// Puts the whole API onto a listener.
pub fn configure(api: Data<Api>, manners_of: Data<Manners>) -> impl FnOnce(&mut web::ServiceConfig) + Clone {
    move |config| {
        config.service(
            web::scope("")
                .app_data(api)
                .app_data(manners_of)
                .wrap(from_fn(manners))
                .service(read_only("/livez", web::get().to(livez)))
                .service(read_only("/readyz", web::get().to(readyz)))
                .service(read_only("/robots.txt", web::get().to(robots)))
                .service(read_only("/favicon.ico", web::get().to(favicon)))
                .service(read_only("/api/v1/openapi.json", web::get().to(openapi)))
                .service(read_only("/api/docs", web::get().to(docs)))
                .service(read_only("/api/docs/{file:.*}", web::get().to(page)))
                .configure(crate::site::configure)
                .service(web::scope("/api/v1").configure(serve).default_service(web::to(nowhere)))
                .default_service(web::to(nowhere)),
        );
    }
}

fn read_only(path: &str, get: Route) -> Resource {
    web::resource(path).route(get).default_service(web::to(async || wrong_method("GET")))
}

async fn nowhere(request: HttpRequest) -> HttpResponse {
    no_such_path(&request)
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "alive"}))
}

async fn readyz(api: Data<Api>) -> HttpResponse {
    let report = api.health.look().await;
    let checks: serde_json::Map<String, serde_json::Value> =
        report.checks.iter().map(|(name, well)| ((*name).to_owned(), if *well { "ok" } else { "failing" }.into())).collect();
    let body = json!({"status": if report.ready { "ready" } else { "not ready" }, "checks": checks});
    if report.ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().insert_header(("Retry-After", "2")).json(body) }
}

/// What search engines may read: the public sites, and nothing that programs ask for.
async fn robots() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("User-agent: *\nAllow: /site/\nDisallow: /api/\n")
}

/// There is none, and browsers that ask without being told to need not complain.
async fn favicon() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

async fn docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header(("Location", "/api/docs/")).finish()
}

/// The page runs and loads what comes from here, and shows the pictures that its style sheet brings along. The hash is that of the one
/// style that Swagger UI makes itself; the test that looks at the page with a browser says so when it is another one.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
                           img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page that shows the document.
async fn page(file: web::Path<String>, request: HttpRequest) -> HttpResponse {
    match utoipa_swagger_ui::serve(&file, Arc::new(Config::new(["/api/v1/openapi.json"]))) {
        Ok(Some(file)) => {
            HttpResponse::Ok().content_type(file.content_type).insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY)).body(file.bytes.into_owned())
        }
        _ => no_such_path(&request),
    }
}
