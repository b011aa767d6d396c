//! Starts the command line (`app::cli`).

use std::process::ExitCode;

/// A fifth less processor time a request than with the C library's (`interop/bench/run`): answers are made of many
/// small pieces and a few large buffers, by several threads. Without huge pages (`no_thp`): with them a server at rest holds
/// 40 MiB and not 29, and no request costs less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kalends::app::cli::main()
}
