//! What was asked and answered, for tests to assert on and for judges to read: every request with its body.

use serde::Serialize;
use serde_json::Value;

/// One exchange with the API or with OAuth. Requests to the control path are not recorded.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Seconds of the fake's clock.
    pub at: i64,
    /// Google's name of the method, as in the discovery document: `calendar.events.list`.
    pub method_id: String,
    pub http_method: String,
    /// Path and query as sent.
    pub uri: String,
    pub user: String,
    pub if_match: Option<String>,
    pub user_agent: Option<String>,
    pub body: String,
    /// The status the fake came to; 0 when nothing was processed.
    pub status: u16,
    pub answer: Value,
    /// The fault that struck, in words.
    pub fault: Option<String>,
}

impl Recorded {
    /// Whether it can have changed something.
    pub fn is_write(&self) -> bool {
        const READS: &[&str] = &["list", "get", "instances", "query", "watch", "stop"];
        let name = self.method_id.rsplit('.').next().unwrap_or_default();
        self.method_id.starts_with("calendar.") && !READS.contains(&name)
    }
}

#[derive(Default)]
pub struct Record {
    pub all: Vec<Recorded>,
}

impl Record {
    /// The calls this user made in the minute before `now`.
    pub fn in_last_minute(&self, user: &str, now: i64) -> usize {
        let recent = self.all.iter().rev().take_while(|one| one.at > now - 60);
        recent.filter(|one| one.user == user && one.status < 400).count()
    }
}
