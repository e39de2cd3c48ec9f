//! Endpoints that are asked whether they want messages (section 6), and what they do about it.

use hookline_core::model::MessageKind;

use crate::intents::Intent;
use crate::token;
use crate::world::State;

impl State {
    /// An endpoint took a message. If that asks it for a proof, it mostly calls back: at once, or when it is too late.
    pub(crate) fn asked(&mut self, body: &[u8], millis: i64) {
        let attempt = self.work().attempt.clone();
        let Some(message) =
            attempt.map(|attempt| attempt.message).filter(|message| message.kind == MessageKind::Verify)
        else {
            return;
        };
        let data = token::data(body).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        let code = data.split_once("/verify?code=").and_then(|(_, rest)| rest.split_once('&')).map(|(code, _)| code);
        let Some(code) = code else { return self.violation(format!("a question without a code: {data}")) };
        self.log.codes.push(code.to_owned());
        let wait = match self.chance.below(10) {
            0 => return,
            1 => 25 * 3_600_000,
            2 => self.chance.millis(0..=3_600_000),
            // While it is still answering.
            _ => self.chance.millis(0..=millis.unsigned_abs()),
        };
        let confirm =
            Intent::Confirm { account: message.account().clone(), webhook: message.webhook, code: code.to_owned() };
        self.callbacks.push((self.now + wait, confirm));
    }
}
