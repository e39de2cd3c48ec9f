//! `hookline serve`: starts the embedded service and runs it until a signal ends it.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use hookline_core::model::{Person, Role};
use hookline_core::service::Service;
use hookline_core::use_cases::accounts::{self, AccountInput};
use hookline_core::use_cases::tokens::{self, TokenInput};
use hookline_core::values::System;
use hookline_embedded::{DataFolder, FolderLock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::ServeArgs;
use crate::assembly::{RunningService, make_private};
use crate::metrics;
use crate::output::{CommandError, print, say};
use crate::private_file;
use crate::server::{self, ServerLimits, open_files};
use crate::settings::{ServeSettings, environment};

/// How long requests and attempts in flight may take at the end: longer than any attempt.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(20);
/// The account of a fresh data folder.
pub(crate) const FIRST_ACCOUNT: &str = "main";

/// Runs the service until SIGTERM or SIGINT.
pub(crate) async fn run(arguments: ServeArgs) -> Result<(), CommandError> {
    let settings = ServeSettings::read(&arguments)?;
    start_logging(&settings)?;
    for warning in settings.warnings() {
        tracing::warn!(warning, "setting with a risk");
    }
    let limits =
        ServerLimits { connections: open_files::room_for_clients(settings.in_flight)?, ..ServerLimits::default() };
    // Signal handlers first: a signal during the start is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::of)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::of)?;
    let listener = listen(settings.listen).await?;
    let address = listener.local_addr().map_err(CommandError::of)?;
    let scrapes = match settings.metrics_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let _lock = lock(&settings.data)?;
    let host = RunningService::start(&settings, address).await?;
    first_start(&host.service, &settings.data).await?;
    print(&format!("hookline listens on http://{address}"))?;
    if let (Some(listener), Some(instruments)) = (scrapes, host.instruments) {
        let shown = listener.local_addr().map_err(CommandError::of)?;
        print(&format!("hookline shows metrics on http://{shown}/metrics"))?;
        // It ends with the process.
        let data = settings.data.clone();
        tokio::spawn(metrics::serve(listener, instruments, host.store.clone(), data, std::future::pending()));
    }

    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server::serve(listener, host.router, settings.trusted_proxies, limits, stop, SHUTDOWN_LIMIT).await;
    tracing::info!("shutting down: finishing requests and attempts in flight");
    let end = async {
        host.workers.stop(SHUTDOWN_LIMIT).await;
        host.store.close().await;
    };
    tokio::select! {
        () = end => Ok(()),
        _ = terminate.recv() => Err(CommandError::of("a second signal ended the process at once")),
        _ = interrupt.recv() => Err(CommandError::of("a second signal ended the process at once")),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| CommandError::of(format!("cannot listen on {address}: {error}")))
}

fn start_logging(settings: &ServeSettings) -> Result<(), CommandError> {
    let wanted = environment("RUST_LOG").filter(|wanted| !wanted.is_empty());
    let wanted: Targets = wanted
        .as_deref()
        .unwrap_or("info")
        .parse()
        .map_err(|error| CommandError::Usage(format!("RUST_LOG: {error}")))?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let log = tracing_subscriber::registry().with(wanted);
    if settings.log_format == "json" {
        log.with(lines.json().flatten_event(true).with_current_span(false)).init();
    } else {
        log.with(lines).init();
    }
    Ok(())
}

/// Takes the lock that lets one service use a data folder. The system releases it when the process ends, for any reason.
fn lock(data: &Path) -> Result<FolderLock, CommandError> {
    let failed = |error: std::io::Error| CommandError::of(format!("the data folder {}: {error}", data.display()));
    let folder = DataFolder::at(data);
    make_private(&folder)?;
    let lock = folder.lock().map_err(failed)?;
    lock.ok_or_else(|| CommandError::of(format!("another service uses the data folder {}", data.display())))
}

/// Creates an account and its administrator in an empty data folder.
async fn first_start(service: &Service, data: &Path) -> Result<(), CommandError> {
    if !service.accounts.accounts().await.map_err(CommandError::of)?.is_empty() {
        return Ok(());
    }
    let name = Some("Main".to_owned());
    let account = AccountInput { id: FIRST_ACCOUNT.to_owned(), name, ..AccountInput::default() };
    let account = accounts::create(&*service.accounts, &System, account).await?;
    let person = Person { id: 1, name: "Administrator".to_owned() };
    let token = TokenInput { person, role: Role::Administrator, expires_at: None };
    let limit = service.settings.max_tokens;
    let (_, token) = tokens::create(&*service.accounts, (&System, &System), &account.id, token, limit).await?;
    if std::io::stderr().is_terminal() {
        say(&format!("The token of the administrator of account {FIRST_ACCOUNT}, shown only now:\n{}", token.expose()));
    } else {
        let path = data.join("admin-token");
        private_file::write(&path, token.expose())?;
        say(&format!("The token of the administrator of account {FIRST_ACCOUNT} is in {}", path.display()));
    }
    if service.settings.console {
        say(&format!("The console is at {}/console", service.settings.public_url));
    }
    Ok(())
}
