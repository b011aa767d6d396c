//! What can go wrong here, by what the caller can do about it.

use std::error::Error as Cause;

/// Why an account could not be read or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A rule of ours; the sentence says which.
    #[error("{0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// The store had no room or did not answer: the same goes well in a few seconds.
    pub fn is_busy(&self) -> bool {
        matches!(self, Error::Store(store::Error::Busy))
    }
}

/// Why a login was refused. The first two are the client's doing, the others ours.
#[derive(Debug)]
pub enum Refused {
    /// 401: unknown, disabled or wrong, indistinguishably.
    Wrong,
    /// 429: this account has failed too often from this address.
    TooMany { retry_after: u32 },
    /// 503: overload or a database that does not answer now. Never a 401.
    Busy { retry_after: u32 },
    /// 503 too, but somebody must look.
    Broken(Box<dyn Cause + Send + Sync>),
}

/// Seconds a client waits before it tries a busy server again.
pub const RETRY_SECONDS: u32 = 2;

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Refused {
        match error {
            store::Error::Busy => Refused::Busy { retry_after: RETRY_SECONDS },
            other => Refused::Broken(Box::new(other)),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        match error {
            Error::Store(error) => error.into(),
            other => Refused::Broken(Box::new(other)),
        }
    }
}
