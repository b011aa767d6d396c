//! The roof from outside: the command line as scripts use it, the settings as they are documented, what is logged.

mod commands;
mod documents;
mod logs;
mod zonedata;
