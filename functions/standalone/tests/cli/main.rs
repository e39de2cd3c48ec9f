//! The command line as an operator and a developer use it, on the real process.

mod configuration;
mod console;
mod data_folder;
mod listen;
mod manual;
mod publish;
mod serve;

use std::process::{Command, Output, Stdio};

/// The `hookline` executable, without settings from the environment of the test.
fn hookline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookline"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOOKLINE_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    hookline(arguments).output().expect("hookline can be started")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
