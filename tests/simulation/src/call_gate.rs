//! The gate that every call of a port goes through. A task stops in front of it until the run lets it go on, so tasks
//! interleave at these places and nowhere else; and here a step is cut.

use std::future::{pending, poll_fn};
use std::task::Poll;

use hookline_core::errors::{PortError, PortResult};

use crate::steps::{Cut, Step};
use crate::world::World;

impl World {
    /// A step that can fail.
    pub(crate) async fn step<T>(&self, step: Step, effect: impl Future<Output = PortResult<T>>) -> PortResult<T> {
        let failed = || Err(PortError::unavailable("simulation", format!("{step:?} was cut")));
        match self.turn(step).await {
            None | Some(Cut::Dawdles) => {
                let answer = effect.await;
                if let Err(fault) = &answer {
                    self.lock().violation(format!("{step:?} failed though nothing was cut: {fault}"));
                }
                answer
            }
            Some(Cut::FailsBefore) => failed(),
            Some(Cut::FailsAfter) => {
                effect.await?;
                failed()
            }
            Some(Cut::DiesBefore) => self.die().await,
            Some(Cut::DiesAfter) => {
                effect.await?;
                self.die().await
            }
        }
    }

    async fn turn(&self, step: Step) -> Option<Cut> {
        self.pause().await;
        self.lock().begin(step)
    }

    /// Stops here until the run lets this task go on.
    pub(crate) async fn pause(&self) {
        let mut asked = false;
        poll_fn(|_| {
            if asked {
                return Poll::Ready(());
            }
            asked = true;
            self.lock().at_gate = true;
            Poll::Pending
        })
        .await;
    }

    /// The process dies here: this task never goes on, and the run drops all others.
    async fn die<T>(&self) -> T {
        self.lock().dead = true;
        pending().await
    }
}
