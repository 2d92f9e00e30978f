use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::program::Program;
use crate::settings::Settings;
use crate::telemetry;

/// How long load balancers have to see that this copy is not ready any more, before it stops to take connections.
const NOTICE: Duration = Duration::from_millis(500);

pub(super) fn run(settings: Settings) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(settings).await?;
        let setup = program.setup_address().await?;
        let answers = |url: &str| {
            tracing::info!(url, "Matrícula answers");
            if let Some(address) = setup {
                // For whoever sits here, and no log: the first who opens it owns the installation.
                println!("\nNobody can sign in yet. Found your organization, within a day, at\n\n  {address}\n");
            }
        };
        serve(program, answers).await
    })
}

/// Answers until it is told to stop: then running requests come to their end, and so does the work of the workers.
async fn serve(program: Program, answers: impl FnOnce(&str)) -> Result<ExitCode> {
    serve_until(program, answers, told_to_stop()).await
}

/// The same, with whatever else may tell it to stop.
pub(super) async fn serve_until(program: Program, answers: impl FnOnce(&str), stop: impl Future<Output = Result<()>>) -> Result<ExitCode> {
    let (server, address) = program.listen()?;
    if let Some(address) = program.settings.metrics_listen {
        let metrics = telemetry::serve_metrics(telemetry::metrics()?, address)?;
        actix_web::rt::spawn(metrics);
    }
    let workers = program.workers().start();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    answers(&format!("http://{address}"));
    stop.await?;
    tracing::info!("stopping: running requests come to their end");
    program.stop_taking();
    tokio::time::sleep(NOTICE).await;
    handle.stop(true).await;
    workers.stop().await;
    let _ = running.await;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn work(settings: Settings) -> Result<ExitCode> {
    actix_web::rt::System::new().block_on(async {
        let program = Program::wire(Settings { jobs: true, ..settings }).await?;
        let workers = program.workers().start();
        tracing::info!("working on jobs");
        told_to_stop().await?;
        workers.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Waits until the operator, or whoever runs this, says that it is enough.
pub(super) async fn told_to_stop() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
