//! What Google's answers mean, grouped by what a sync can do about them. Never holds a body: it may be a patient's.

use std::borrow::Cow;

use crate::{accounts, calendar, clinic};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not give what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Network, time-out, 5xx, an answer that is cut or no JSON: it may have been done or not; try again.
    #[error("Google did not answer ({0})")]
    Unreachable(Cow<'static, str>),
    /// 429, 403 rateLimitExceeded: wait.
    #[error("too many calls")]
    Limited { retry_after: Option<i64> },
    /// 403 quotaExceeded: for hours.
    #[error("the calendar's quota is used up")]
    Quota,
    /// 401: the access token is taken no more.
    #[error("the access token is not accepted")]
    Unauthorized,
    /// 403 for another reason: what it says, as Google's code.
    #[error("not allowed ({0})")]
    Forbidden(String),
    #[error("not found")]
    NotFound,
    /// 410: deleted, or a sync token that is over.
    #[error("gone")]
    Gone,
    /// 409: the id is taken.
    #[error("the id is taken")]
    Taken,
    /// 412: somebody changed it meanwhile.
    #[error("changed meanwhile")]
    Changed,
    /// 400, with Google's code.
    #[error("not accepted ({0})")]
    Invalid(String),
    /// The token endpoint takes the refresh token no more.
    #[error("the consent is over")]
    Revoked,
}

impl Failure {
    /// A sync token that ended: 410, in the field also 400.
    pub fn ends_token(&self) -> bool {
        matches!(self, Failure::Gone) || matches!(self, Failure::Invalid(why) if why == "sync_token")
    }

    /// Whether the same call may go well in a few seconds.
    pub fn is_passing(&self) -> bool {
        matches!(self, Failure::Unreachable(_) | Failure::Limited { .. })
    }

    /// Words for a column and a metric.
    pub fn code(&self) -> String {
        match self {
            Failure::Unreachable(what) => format!("unreachable: {what}"),
            Failure::Limited { .. } => "rate_limited".into(),
            Failure::Quota => "quota".into(),
            Failure::Unauthorized => "unauthorized".into(),
            Failure::Forbidden(why) => format!("forbidden: {why}"),
            Failure::NotFound => "not_found".into(),
            Failure::Gone => "gone".into(),
            Failure::Taken => "taken".into(),
            Failure::Changed => "changed".into(),
            Failure::Invalid(why) => format!("invalid: {why}"),
            Failure::Revoked => "revoked".into(),
        }
    }
}

/// What can end a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Google(#[from] Failure),
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    #[error(transparent)]
    Calendar(#[from] calendar::Error),
    #[error(transparent)]
    Clinic(clinic::Error),
    /// As many calls as this account may make in a minute were made: go on after so many seconds.
    #[error("the budget of calls is used up for {0} s")]
    Budget(i64),
    /// Another node has the link.
    #[error("another node works on it")]
    Leased,
    /// A delta or a sweep would delete more than is believed.
    #[error("{0} events would be deleted at once")]
    Guarded(i64),
    /// What was asked for makes no sense, in words.
    #[error("{0}")]
    Refused(Cow<'static, str>),
}

impl Error {
    /// The store had no room or did not answer: the same goes well in a few seconds.
    pub fn is_busy(&self) -> bool {
        match self {
            Error::Accounts(error) => error.is_busy(),
            Error::Calendar(error) => matches!(error, calendar::Error::Busy { .. }),
            _ => false,
        }
    }
}
