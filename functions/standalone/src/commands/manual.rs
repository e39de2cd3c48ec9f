//! `hookline completions` and `hookline man`: help outside the program, generated from the command line's definition.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArgs, ManArgs};
use crate::output::{CommandError, print};

/// Prints the completions of a shell.
pub(crate) fn completions(arguments: &CompletionsArgs) -> Result<(), CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "hookline", &mut text);
    print(String::from_utf8_lossy(&text).trim_end())
}

/// Writes a page for each command.
pub(crate) fn man(arguments: &ManArgs) -> Result<(), CommandError> {
    let folder = &arguments.folder;
    let failed = |error| CommandError::of(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)
}
