//! Standard output. A reader that has gone (`kalends user list | head -1`, a service whose log pipe closed) ends
//! the printing, never the program: Rust's own `println!` would panic.

use std::{fmt::Arguments, io::Write};

/// Prints one line.
pub fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    // Nobody is there to be told.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// `println!` that survives its reader.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::app::output::line(format_args!($($text)*))
    };
}
pub(crate) use say;
