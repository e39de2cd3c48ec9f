//! A command runs once, also if its caller did not get the answer and sends it again.
//!
//! A caller names the command with a `request_id` of its own. The first call with that id runs the command, and its answer
//! is kept for a day. Further calls get that answer. Without a `request_id` the id of the invocation is taken: with it,
//! Lambda itself repeats an asynchronous call. A command that failed may run again.

use hookline_aws::{Deployment, RequestState};
use hookline_core::values::{Clock as _, System};
use serde_json::Value;

use crate::commands::{self, AdminCommand};

/// The longest id of a request.
const MAX_ID: usize = 64;

/// Carries out a call. The error is for the operator.
pub(crate) async fn run_once(deployment: &Deployment, call: Value, invocation: &str) -> Result<Value, String> {
    let (id, command) = read(call, invocation)?;
    if command.only_reads() {
        return commands::run(deployment, command).await;
    }
    let table = deployment.table();
    match table.begin_request(&id, System.now()).await.map_err(|fault| fault.to_string())? {
        RequestState::New => {}
        RequestState::Running => return Err(format!("request {id} is being carried out: ask again in a few minutes")),
        RequestState::Answered(answer) => return serde_json::from_str(&answer).map_err(|error| error.to_string()),
    }
    let answer = commands::run(deployment, command).await;
    let kept = answer.as_ref().ok().map(|answer| without_secret(answer.clone()).to_string());
    if let Err(fault) = table.end_request(&id, kept.as_deref(), System.now()).await {
        tracing::warn!(error = %fault, "keeping the answer of a command failed");
    }
    if answer.is_ok() {
        tracing::info!(request_id = id, "administrative command completed");
    }
    answer
}

/// The id of the request, and its command.
fn read(mut call: Value, invocation: &str) -> Result<(String, AdminCommand), String> {
    let named = call.as_object_mut().and_then(|fields| fields.remove("request_id"));
    let id = match &named {
        None => invocation,
        Some(id) => id.as_str().filter(|id| is_id(id)).ok_or_else(|| {
            format!("request_id: {id} is not a text of 1 to {MAX_ID} letters, digits, dashes and underscores")
        })?,
    };
    Ok((id.to_owned(), serde_json::from_value(call).map_err(|error| error.to_string())?))
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// A token is shown once. Who did not get it revokes it by its id.
fn without_secret(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("token");
    }
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_has_the_id_of_its_caller_or_of_its_invocation() {
        let id = |call: Value| read(call, "invocation").map(|(id, _)| id);
        assert_eq!(
            id(json!({"command": "account.create", "id": "wdc", "request_id": "a-1_B"})),
            Ok("a-1_B".to_owned())
        );
        assert_eq!(id(json!({"command": "account.list"})), Ok("invocation".to_owned()));
        for bad in [json!(""), json!(7), json!("a b"), json!("é"), json!("a".repeat(65)), json!(null)] {
            let refused = id(json!({"command": "account.list", "request_id": bad}));
            assert!(refused.is_err_and(|why| why.starts_with("request_id: ")), "{bad}");
        }
        for bad in [json!([]), json!("account.list"), json!({"command": "account.create", "id": "wdc", "nmae": "W"})] {
            assert!(read(bad.clone(), "invocation").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_kept_answer_has_no_token() {
        assert_eq!(without_secret(json!({"id": 1, "token": "hl_x"})), json!({"id": 1}));
        assert_eq!(without_secret(json!({"moved": 3})), json!({"moved": 3}));
    }
}
