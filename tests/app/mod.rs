//! The roof from outside: the command line as scripts use it, the settings as they are documented.

mod commands;
mod documents;
