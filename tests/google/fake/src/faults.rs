//! Faults on demand: which calls they strike, how often, and how. They stand in a list; the first that matches strikes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{opaque::Dice, problem::Problem};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Trouble {
    /// An error in Google's form; nothing was done.
    Refuse {
        status: u16,
        reason: String,
        message: String,
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// A page of a front end, not JSON; nothing was done.
    Html { status: u16 },
    /// Done, but answered late.
    Slow { millis: u64 },
    /// Done, but the answer is lost: the connection closes.
    LostAnswer,
    /// Nothing done, the connection closes.
    Cut,
    /// Done, but the answer breaks off in the middle.
    HalfAnswer,
}

/// Strikes calls whose name in the discovery document starts with `method` (empty: all).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    #[serde(default)]
    pub method: String,
    pub trouble: Trouble,
    /// Matching calls that pass before it.
    #[serde(default)]
    pub after: u32,
    /// How many it strikes; none: for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// Strikes by chance, in a thousand; none: always.
    #[serde(default)]
    pub per_mille: Option<u16>,
}

impl Fault {
    pub fn new(method: &str, trouble: Trouble) -> Fault {
        Fault { method: method.to_owned(), trouble, after: 0, times: None, per_mille: None }
    }

    pub fn once(self) -> Fault {
        self.times(1)
    }

    pub fn times(self, times: u32) -> Fault {
        Fault { times: Some(times), ..self }
    }

    pub fn after(self, after: u32) -> Fault {
        Fault { after, ..self }
    }

    pub fn per_mille(self, chance: u16) -> Fault {
        Fault { per_mille: Some(chance), ..self }
    }
}

impl Trouble {
    pub fn refuse(status: u16, reason: &str) -> Trouble {
        let message = text(reason).to_owned();
        Trouble::Refuse { status, reason: reason.to_owned(), message, retry_after: None }
    }

    /// 429 with its header.
    pub fn retry_after(seconds: u32) -> Trouble {
        let (reason, message) = ("rateLimitExceeded".to_owned(), text("rateLimitExceeded").to_owned());
        Trouble::Refuse { status: 429, reason, message, retry_after: Some(seconds) }
    }

    /// Whether the call is carried out all the same.
    pub fn is_done(&self) -> bool {
        matches!(self, Trouble::Slow { .. } | Trouble::LostAnswer | Trouble::HalfAnswer)
    }

    /// The error in Google's form; `None` for the others.
    pub fn problem(&self) -> Option<Problem> {
        let Trouble::Refuse { status, reason, message, retry_after } = self else { return None };
        let domain = if *status == 403 || *status == 429 { "usageLimits" } else { "global" };
        let problem = Problem::new(*status, reason, message).of(domain);
        Some(match retry_after {
            Some(seconds) => problem.header("retry-after", &seconds.to_string()),
            None => problem,
        })
    }

    pub fn words(&self) -> String {
        serde_json::to_value(self).map(|value: Value| value.to_string()).unwrap_or_default()
    }
}

/// [D] The texts that go with Google's reasons.
fn text(reason: &str) -> &'static str {
    match reason {
        "rateLimitExceeded" => "Rate Limit Exceeded",
        "userRateLimitExceeded" => "User Rate Limit Exceeded",
        "quotaExceeded" => "Calendar usage limits exceeded.",
        "dailyLimitExceeded" => "Daily Limit Exceeded",
        "forbidden" => "Forbidden",
        "forbiddenForNonOrganizer" => "Shared properties can only be changed by the organizer of the event.",
        "insufficientPermissions" => "Insufficient Permission",
        "backendError" => "Backend Error",
        "internalError" => "Internal Error",
        _ => "Error",
    }
}

#[derive(Default)]
pub struct Faults {
    list: Vec<Fault>,
    pub dice: Dice,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// What strikes this call, if anything; counts it.
    pub fn strike(&mut self, method: &str) -> Option<Trouble> {
        let Faults { list, dice } = self;
        for fault in list.iter_mut().filter(|fault| method.starts_with(&fault.method)) {
            if fault.times == Some(0) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if fault.per_mille.is_some_and(|chance| !dice.per_mille(chance)) {
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            return Some(fault.trouble.clone());
        }
        None
    }
}
