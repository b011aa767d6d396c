//! Starts the command line (`app::cli`).

use std::process::ExitCode;

fn main() -> ExitCode {
    kalends::app::cli::main()
}
