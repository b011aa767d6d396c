//! What ends a command: one sentence for the operator, saying what to do next.

use std::io;

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting, by its place.
    #[error("{0}")]
    Config(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Accounts(#[from] crate::accounts::Error),
    #[error(transparent)]
    Calendar(#[from] crate::calendar::Error),
    #[error(transparent)]
    Clinic(#[from] crate::clinic::Error),
    #[error(transparent)]
    Google(#[from] crate::google::Error),
    #[error("{what}: {why}")]
    Io { what: String, why: io::Error },
    #[error(transparent)]
    Tls(#[from] crate::edge::tls::TlsError),
    /// The command ran and what it found is not well; it has said what.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    pub fn config(sentence: impl Into<String>) -> Error {
        Error::Config(sentence.into())
    }

    pub fn failed(sentence: impl Into<String>) -> Error {
        Error::Failed(sentence.into())
    }

    /// For `map_err`: what was being done when the system refused.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |why| Error::Io { what, why }
    }
}
