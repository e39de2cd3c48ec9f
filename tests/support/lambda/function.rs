//! A function: environments are kept warm and used again, and there are as many as there are invocations at once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::environment::{Configuration, Environment, Outcome};

/// A deployed function.
pub struct Function {
    bootstrap: PathBuf,
    configuration: Configuration,
    idle: Mutex<Vec<Environment>>,
    at_once: Semaphore,
}

impl Function {
    /// A function of this executable, with at most `at_once` invocations at once; more of them wait. Nothing is started
    /// yet.
    pub fn new(bootstrap: &Path, configuration: Configuration, at_once: usize) -> Self {
        let at_once = Semaphore::new(at_once);
        Self { bootstrap: bootstrap.to_owned(), configuration, idle: Mutex::default(), at_once }
    }

    /// One invocation, in a warm environment if there is one.
    ///
    /// # Panics
    /// When there is no such executable.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Outcome {
        let _one = self.at_once.acquire().await.expect("never closed");
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut environment = match idle {
            Some(environment) => environment,
            None => Environment::start(&self.bootstrap, &self.configuration).await,
        };
        let outcome = environment.invoke(event.into()).await;
        match outcome {
            Outcome::Answered(_) | Outcome::Failed(_) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(environment);
            }
            Outcome::Died | Outcome::TimedOut => {}
        }
        outcome
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.configuration.name
    }
}

/// The executable of a function of this build, beside the running one.
///
/// # Panics
/// When it has not been built: `cargo build --workspace` with the same profile comes first.
pub fn bootstrap(binary: &str) -> PathBuf {
    crate::hookline::executable(binary)
}
