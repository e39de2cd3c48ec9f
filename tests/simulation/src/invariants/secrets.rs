//! No secret shows where people or machines outside can read it (8): canaries were planted in passwords and headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::intents::CANARY;
use crate::world::State;

/// See the module.
pub(crate) fn check(state: &mut State) {
    let user = STANDARD.encode(format!("user:{CANARY}"));
    let mut needles = vec![CANARY, "whsec_", &user[..10]];
    needles.extend(state.log.codes.iter().map(String::as_str));
    needles.extend(state.shadow.keys.iter().map(|(_, key)| key.as_str()));
    let found: Vec<String> = state
        .log
        .texts
        .iter()
        .filter(|text| needles.iter().any(|needle| text.contains(needle)))
        .map(|text| format!("a secret shows in {text} (8)"))
        .collect();
    for what in found {
        state.violation(what);
    }
}
