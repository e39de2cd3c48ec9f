//! The HTTP contract (sections 2, 3, 4 and 10): what the API answers, to the letter. Every test is written once and runs
//! against every target: the router in process and the real `hookline` process. Each has a service of its own.
//!
//! `cargo build --workspace` with the same profile comes first.

/// Makes a test of each of these functions for every target. They take a running [`world::World`].
macro_rules! on_every_target {
    ($($test:ident),+ $(,)?) => {
        mod router {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::world::World::router().await).await;
            })+
        }

        mod process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::world::World::process().await).await;
            })+
        }
    };
}

mod authentication;
mod call;
mod conventions;
mod errors;
mod events;
mod policies;
mod webhooks;
mod world;
