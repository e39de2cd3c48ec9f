//! Puts a service together: store, vault, mailer, egress, workers and router.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use hookline_core::ports::{Mailer, Metrics, NoMetrics, NoTraces, Traces};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{Secret, System};
use hookline_egress::{Egress, EgressSettings};
use hookline_embedded::{
    DataFolder, FolderMailer, Kept, KeyFileVault, ServiceParts, SmtpMailer, SmtpSecurity, SmtpServer, Store,
    StorePorts, Workers,
};
use hookline_http::{Api, MemoryRateLimit};

use crate::metrics::Instruments;
use crate::output::{CommandError, say};
use crate::readiness::ProcessReadiness;
use crate::settings::{ServeSettings, secret};
use crate::traces::TraceExport;

/// Calls without a token per source address and minute.
const WITHOUT_TOKEN_PER_MINUTE: u32 = 600;

/// The running parts of a service.
pub(crate) struct RunningService {
    /// The use cases' ports as the API uses them.
    pub(crate) service: Service,
    /// The API.
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) workers: Workers,
    /// What is measured, if metrics are shown.
    pub(crate) instruments: Option<Instruments>,
    /// Where traces go, if anything is traced.
    pub(crate) traces: Option<TraceExport>,
}

/// Opens the database of a data folder. Creates both if need be, for their owner alone.
pub(crate) fn open_store(data: &DataFolder, kept: Kept) -> Result<Store, CommandError> {
    make_private(data)?;
    Store::open(&data.database(), kept).map_err(CommandError::of)
}

/// Creates a data folder if need be, and makes one that exists private to its owner.
pub(crate) fn make_private(data: &DataFolder) -> Result<(), CommandError> {
    let path = data.path().display();
    let tightened = data
        .make()
        .map_err(|error| CommandError::of(format!("the data folder {path} cannot be made private: {error}")))?;
    if let Some(mode) = tightened {
        say(&format!(
            "hookline: other users could read the data folder {path} (mode {mode:04o}); its mode is now 0700"
        ));
    }
    Ok(())
}

/// The ports on the store of a data folder that exists.
pub(crate) fn open_existing_ports(data: &Path) -> Result<StorePorts, CommandError> {
    Ok(open_existing(data)?.api())
}

/// The store of a data folder that exists.
pub(crate) fn open_existing(data: &Path) -> Result<Store, CommandError> {
    let folder = DataFolder::at(data);
    if !folder.database().is_file() {
        let data = data.display();
        return Err(CommandError::of(format!("{data} holds no database; `hookline serve --data {data}` creates one")));
    }
    open_store(&folder, Kept::of(&CoreSettings::default()))
}

impl RunningService {
    /// Starts everything but the listener, which got the address `listens`.
    pub(crate) async fn start(settings: &ServeSettings, listens: SocketAddr) -> Result<Self, CommandError> {
        let core = Arc::new(settings.core(listens));
        let data = DataFolder::at(&settings.data);
        let store = open_store(&data, Kept::of(&core))?;
        let vault = KeyFileVault::open(&store, &data.key_file(), Arc::new(System)).await.map_err(CommandError::of)?;
        let extra_roots_pem = match &settings.extra_roots {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                CommandError::Usage(format!("extra_roots: {} cannot be read: {error}", path.display()))
            })?),
            None => None,
        };
        let (allow, ports) = (settings.allow_cidrs.clone(), settings.allow_ports.clone());
        let egress = EgressSettings { allow, ports, extra_roots_pem, ..EgressSettings::default() };
        let transport = Egress::new(egress).map_err(CommandError::of)?;
        let instruments = settings.metrics_listen.map(|_| Instruments::new());
        let metrics: Arc<dyn Metrics> = match &instruments {
            Some(instruments) => Arc::new(instruments.clone()),
            None => Arc::new(NoMetrics),
        };
        let export = settings.traces.as_ref().map(TraceExport::start).transpose()?;
        let traces: Arc<dyn Traces> = match &export {
            Some(export) => Arc::new(export.clone()),
            None => Arc::new(NoTraces),
        };
        let around = ServiceParts {
            settings: core,
            vault: Arc::new(vault),
            mailer: mailer(settings)?,
            transport: Arc::new(transport),
            metrics,
            traces,
            clock: Arc::new(System),
            entropy: Arc::new(System),
        };
        let service = store.api().service(&around);
        let workers = Workers::start(store.worker().service(&around), store.clone(), settings.limits());
        let workers = workers.map_err(CommandError::of)?;
        let router = hookline_http::router(Api {
            service: service.clone(),
            readiness: Arc::new(ProcessReadiness::new(store.clone(), data.path().to_owned())),
            rate_limit: Arc::new(MemoryRateLimit::new(settings.rate_limit, WITHOUT_TOKEN_PER_MINUTE)),
        });
        Ok(Self { service, router, store, workers, instruments, traces: export })
    }
}

fn mailer(settings: &ServeSettings) -> Result<Arc<dyn Mailer>, CommandError> {
    let Some(host) = &settings.smtp_host else {
        let mailer = FolderMailer::new(settings.mail_folder(), &settings.mail_sender);
        return Ok(Arc::new(mailer.map_err(|error| CommandError::Usage(format!("mail_sender: {error}")))?));
    };
    let login = match &settings.smtp_user {
        Some(user) => {
            let password = secret(settings.smtp_password_file.as_deref(), "HOOKLINE_SMTP_PASSWORD")?;
            Some((user.clone(), Secret::new(password.unwrap_or_default())))
        }
        None => None,
    };
    let security = match settings.smtp_security {
        "none" => SmtpSecurity::None,
        "starttls" => SmtpSecurity::StartTls,
        _ => SmtpSecurity::Tls,
    };
    let server = SmtpServer { host: host.clone(), port: settings.smtp_port, security, login };
    Ok(Arc::new(SmtpMailer::new(&server, &settings.mail_sender).map_err(CommandError::Usage)?))
}
