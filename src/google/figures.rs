//! Numbers for the operator, as Prometheus reads them: counted here since the start, and found in the store when asked
//! for. No calendar, no account and no person stands in any of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Google;
use super::error::Result;

/// What a notification was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Changed,
    /// The first on a channel: it is open.
    Opened,
    /// Of no channel of ours, or without its secret.
    Forged,
    /// Of a channel that we opened and know nothing of: the database is of before it.
    Orphaned,
}

impl Heard {
    const ALL: [(Heard, &'static str); 4] = [
        (Heard::Changed, "changed"),
        (Heard::Opened, "opened"),
        (Heard::Forged, "forged"),
        (Heard::Orphaned, "orphaned"),
    ];
}

/// Counted since the start.
#[derive(Default)]
pub struct Figures {
    /// By method and status; 0 is no answer.
    calls: Mutex<BTreeMap<(&'static str, u16), u64>>,
    webhooks: [AtomicU64; 4],
    echoes: AtomicU64,
    notes: AtomicU64,
}

impl Figures {
    pub fn called(&self, method: &'static str, status: u16) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry((method, status)).or_default() += 1;
    }

    pub fn heard(&self, what: Heard) {
        self.webhooks[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// What was seen there was what we know already: our own write came back, or nothing changed.
    pub fn echoed(&self) {
        self.echoes.fetch_add(1, Ordering::Relaxed);
    }

    pub fn noted(&self) {
        self.notes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Google {
    /// All of them, as text.
    pub async fn metrics(&self) -> Result<String> {
        let (now, sums) = (self.mirrors().now(), self.mirrors().sums().await?);
        let mut page = String::new();
        let lag = sums.oldest_pull.map_or(0, |at| (now - at).max(0));
        number(&mut page, "sync_lag_seconds", "gauge", &[("", lag)]);
        let outbox = [("pending", sums.errands[0]), ("failed", sums.errands[1]), ("dead", sums.errands[2])];
        let outbox = outbox.map(|(state, count)| (format!("{{state=\"{state}\"}}"), count));
        number(&mut page, "outbox", "gauge", &outbox);
        let links: Vec<_> =
            sums.links.iter().map(|(state, count)| (format!("{{state=\"{state}\"}}"), *count)).collect();
        number(&mut page, "links", "gauge", &links);
        let open = sums.links.iter().find(|(state, _)| state == super::terms::state::THROTTLED);
        number(&mut page, "breaker_open", "gauge", &[("", open.map_or(0, |(_, count)| *count))]);
        if let Some(end) = sums.first_channel_end {
            number(&mut page, "channel_expiry_seconds", "gauge", &[("", end - now)]);
        }
        let figures = self.figures();
        let calls = figures.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let calls: Vec<_> = calls
            .iter()
            .map(|((method, status), count)| (format!("{{method=\"{method}\",status=\"{status}\"}}"), *count))
            .collect();
        number(&mut page, "api_calls_total", "counter", &calls);
        let heard = Heard::ALL.map(|(what, word)| {
            let count = figures.webhooks[what as usize].load(Ordering::Relaxed);
            (format!("{{result=\"{word}\"}}"), count)
        });
        number(&mut page, "webhooks_total", "counter", &heard);
        number(&mut page, "echo_total", "counter", &[("", figures.echoes.load(Ordering::Relaxed))]);
        number(&mut page, "conflicts_total", "counter", &[("", figures.notes.load(Ordering::Relaxed))]);
        Ok(page)
    }
}

fn number<L: std::fmt::Display, N: std::fmt::Display>(
    page: &mut String,
    name: &str,
    kind: &str,
    rows: &[(L, N)],
) {
    let _ = writeln!(page, "# TYPE kalends_google_{name} {kind}");
    for (labels, value) in rows {
        let _ = writeln!(page, "kalends_google_{name}{labels} {value}");
    }
}
