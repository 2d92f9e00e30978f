//! Logs and metrics.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::settings::{LogFormat, Settings};

/// Starts the log. It goes to standard error, so that standard output is for what a command prints.
///
/// # Errors
/// A filter that cannot be read, by its name.
pub fn log(settings: &Settings) -> Result<()> {
    log_to(settings, std::io::stderr)
}

/// The same to somewhere else, for who looks at what is logged.
///
/// # Errors
/// A filter that cannot be read, by its name.
pub fn log_to<W>(settings: &Settings, writer: W) -> Result<()>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // What libraries log at their own will may hold values; ours never does.
    let quiet = ["sqlx=off", "sea_orm=off", "actix_server=warn", "mio=warn"];
    let mut filter = EnvFilter::try_new(&settings.log).context("log must be a filter such as info or info,matricula=debug")?;
    for directive in quiet {
        filter = filter.add_directive(directive.parse()?);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A second start in one process (tests) keeps the first log.
    let _ = match settings.log_format {
        LogFormat::Text => builder.compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Starts counting; the handle renders what was counted.
///
/// # Errors
/// When somebody else counts already.
pub fn metrics() -> Result<PrometheusHandle> {
    let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &buckets)?;
    Ok(builder.install_recorder()?)
}

/// Serves the metrics on a listener of their own.
///
/// # Errors
/// When the address is taken.
pub fn serve_metrics(handle: PrometheusHandle, address: SocketAddr) -> Result<actix_web::dev::Server> {
    use actix_web::{App, HttpResponse, HttpServer, web};
    let server = HttpServer::new(move || {
        let handle = handle.clone();
        App::new().route(
            "/metrics",
            web::get().to(move || {
                let text = handle.render();
                async move { HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text) }
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .bind(address)
    .with_context(|| format!("metrics_listen: cannot listen on {address}"))?
    .run();
    Ok(server)
}
