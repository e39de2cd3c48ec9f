//! `hookline listen` prints messages of which nothing can be trusted.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use hookline_process::connection::Connection;

use crate::hookline;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_terminal_codes_is_shown_as_escapes_in_lines_of_its_own() {
    let mut child = hookline(&["listen", "--listen", "127.0.0.1:0", "--status", "204"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("hookline can be started");
    let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("the address");
    let address = line.trim().rsplit("http://").next().expect("an address").parse().expect("an address");
    let body = "\u{1b}]52;c;cm0gLXJm\u{7}\n   Signature    right\r\u{9b}2J\u{202e}\u{7f}";
    let answer = Connection::new(address, None).post("/hook?a=%1b", body.to_owned()).await;
    assert_eq!(answer.status, 204);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let mut shown = String::new();
    output.read_to_string(&mut shown).expect("a text");
    let controls: Vec<char> = shown.chars().filter(|character| character.is_control() && *character != '\n').collect();
    assert!(controls.is_empty() && !shown.contains('\u{202e}'), "{controls:?}: {shown:?}");
    assert!(!shown.lines().any(|line| line == "   Signature    right"), "{shown}");
    let expected = "   \\u001b]52;c;cm0gLXJm\\u0007\\n   Signature    right\\r\\u009b2J\\u202e\\u007f";
    assert!(shown.lines().any(|line| line == expected), "{shown}");
}
