//! Judges messages with the Rust code of `docs/receivers.md`: a case per line, `accepted` or `refused` per line. The form
//! of a case is in `tests/docs/receivers.py`.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[path = "../../../../docs/receivers/verify.rs"]
#[expect(clippy::disallowed_methods, unreachable_pub, reason = "shown to people who have another workspace")]
mod verify;

fn is_accepted(case: &[&str]) -> Result<(), Box<dyn Error>> {
    match *case {
        ["hmac", secret, id, timestamp, signature, body] => {
            let headers =
                HashMap::from([("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]);
            let found = verify::verify_hmac(secret, &headers, &STANDARD.decode(body)?)?;
            if found == id { Ok(()) } else { Err("another id".into()) }
        }
        ["jwt", key, algorithm, audience, issuer, body] => {
            let key = String::from_utf8(STANDARD.decode(key)?)?;
            let claims = verify::verify_jwt(&key, algorithm.parse()?, audience, issuer, &STANDARD.decode(body)?)?;
            if claims.data.get().starts_with("{\"webhook_id\":") && claims.jti.len() == 64 {
                Ok(())
            } else {
                Err("other claims".into())
            }
        }
        _ => Err("this is no case".into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let case: Vec<&str> = line.split('\t').collect();
        let mut out = std::io::stdout();
        match is_accepted(&case) {
            Ok(()) => writeln!(out, "accepted")?,
            Err(why) => writeln!(out, "refused: {why}")?,
        }
        out.flush()?;
    }
    Ok(())
}
