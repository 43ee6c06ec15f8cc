//! Runs any number of seeds, or one script, and says what they met.

mod cli;

fn main() -> std::process::ExitCode {
    simulation::many::quiet_poison();
    cli::main()
}
