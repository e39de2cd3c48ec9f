//! `hookline top`: what a running service does, from its metrics, and the webhooks with most failures, from its API.
//!
//! [`Samples`](samples::Samples) are read once per interval. [`Figures`] are what changed between two readings. [`FailingWebhooks`] are asked
//! for on the side and less often, because calls of the API are limited. On a terminal the figures are redrawn in place;
//! elsewhere each interval is one line.

mod failing_webhooks;
mod figures;
mod samples;
mod screen;
mod text;

use std::io::IsTerminal as _;
use std::time::Duration;

use hookline_core::values::{Clock as _, System};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use self::failing_webhooks::{FailingWebhooks, WebhookReport};
use self::figures::Figures;
use self::samples::MetricsClient;
use self::screen::Screen;
use super::api_client::ApiClient;
use crate::arguments::TopArgs;
use crate::output::{CommandError, print, say};
use crate::settings::secret;

/// Shows the service until SIGINT or SIGTERM, or once.
pub(crate) async fn run(arguments: TopArgs) -> Result<(), CommandError> {
    let service = &arguments.service;
    let token = secret(service.token_file.as_deref(), "HOOKLINE_TOKEN")?;
    let api = match token {
        Some(_) => Some(ApiClient::new(&service.url, service.token_file.as_deref())?),
        None => None,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::of)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::of)?;
    tokio::select! {
        ended = watch(&arguments, api) => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

async fn watch(arguments: &TopArgs, api: Option<ApiClient>) -> Result<(), CommandError> {
    let metrics = MetricsClient::new(&arguments.metrics)?;
    let mut before = metrics.read().await?;
    let webhooks = FailingWebhooks::follow(api, arguments.once).await;
    let output = Output::of(arguments);
    let mut ticks = interval(Duration::from_secs(arguments.interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match metrics.read().await {
            Ok(now) => {
                output.show(arguments, &Figures::between(&before, &now), &webhooks.report())?;
                before = now;
            }
            Err(error) if arguments.once => return Err(error),
            // It may start again.
            Err(CommandError::Usage(reason) | CommandError::Failed(reason)) => output.lost(&reason)?,
            Err(CommandError::Differs) => {}
        }
        if arguments.once {
            return Ok(());
        }
    }
}

/// Where the figures go.
enum Output {
    Screen(Screen),
    Block,
    Lines,
    Json,
}

impl Output {
    fn of(arguments: &TopArgs) -> Self {
        match (arguments.json, arguments.once) {
            (true, _) => Self::Json,
            (false, true) => Self::Block,
            (false, false) if std::io::stdout().is_terminal() => Self::Screen(Screen::open()),
            (false, false) => Self::Lines,
        }
    }

    fn show(&self, arguments: &TopArgs, figures: &Figures, webhooks: &WebhookReport) -> Result<(), CommandError> {
        let block = || text::block(&arguments.metrics, figures, webhooks);
        match self {
            Self::Screen(screen) => screen.draw(&block()),
            Self::Block => print(block().join("\n").trim_end()),
            Self::Lines => print(&format!("{} {}", time(), text::line(figures))),
            Self::Json => print(&text::json(&time(), figures, webhooks).to_string()),
        }
    }

    /// The service does not answer at the moment.
    fn lost(&self, reason: &str) -> Result<(), CommandError> {
        match self {
            Self::Screen(screen) => screen.draw(&[reason.to_owned()]),
            Self::Block | Self::Lines | Self::Json => {
                say(&format!("hookline: {reason}"));
                Ok(())
            }
        }
    }
}

/// Now, to the second.
fn time() -> String {
    System.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
