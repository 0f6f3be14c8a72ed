//! What the command line says of itself: completions for shells, and the manual page.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Ending;
use super::args::Cli;
use super::output;

/// Prints the completions for `shell`.
pub fn completions(shell: Shell) -> Ending {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stakeout", &mut text);
    print(&text)
}

/// Prints the manual page, the commands' own pages behind it.
pub fn page() -> Ending {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    let commands = command.get_subcommands().filter(|one| one.get_name() != "help").cloned();
    for one in std::iter::once(command.clone()).chain(commands) {
        if let Err(error) = clap_mangen::Man::new(one).render(&mut text) {
            output::say(&format!("error: the manual page could not be written: {error}"));
            return Ending::Failed;
        }
    }
    print(&text)
}

fn print(text: &[u8]) -> Ending {
    let _ = output::result(String::from_utf8_lossy(text).trim_end());
    Ending::Done
}
