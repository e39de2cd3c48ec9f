//! A redelivery job comes to its end, and sends each of its messages once.

use hookline_core::model::JobState;
use hookline_core::ports::Redeliveries as _;
use hookline_embedded::Store;

use crate::world::World;

/// See the module.
pub(crate) async fn check(world: &World, store: &Store) {
    let jobs = world.lock().log.jobs.clone();
    for job in jobs {
        let stored = store.api().redelivery(&job.account, job.id).await.expect("the store works");
        let mut state = world.lock();
        let sent = state.log.runs.keys().filter(|(_, run)| *run == job.run).count() as u64;
        match stored.map(|stored| stored.progress) {
            None if state.is_gone(&job.account) => {}
            None => state.violation(format!("the job {} is gone", job.id)),
            Some(progress) if progress.state == JobState::Running => {
                state.violation(format!("the job {} never ends", job.id));
            }
            Some(progress) if progress.state == JobState::Done && progress.redelivered != sent => {
                let told = progress.redelivered;
                state.violation(format!("the job {} sent {sent} messages and tells of {told}", job.id));
            }
            Some(progress) => state.coverage.row(format!("job {:?}", progress.state)),
        }
    }
}
