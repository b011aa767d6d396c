//! Logs and metrics. How to write a log line stands here.
//!
//! A message is readable alone *and* carries fields (`calendar.id = 7`, `duration_ms = 12`). Error level only for
//! what a person must look at. Never in any line: patient names, summaries, notes, passwords, tokens, secret links,
//! paths (an object's name may be a patient's): ids instead. One span per request names id, door, method, caller.

use std::{
    io::IsTerminal,
    net::IpAddr,
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use http::{HeaderValue, StatusCode, header};
use ipnet::IpNet;
use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tracing_subscriber::EnvFilter;

use super::{
    Error,
    config::{Config, LogFormat},
};
use crate::calendar::MemoryUse;
use crate::edge::{Answer, Body, Problem};

/// What a request came to. The list of doors in metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Dav,
    Feeds,
    FreeBusy,
    Timezones,
    Rest,
    Google,
    Health,
    Metrics,
    Page,
}

const DOORS: [Door; 9] = [
    Door::Dav,
    Door::Feeds,
    Door::FreeBusy,
    Door::Timezones,
    Door::Rest,
    Door::Google,
    Door::Health,
    Door::Metrics,
    Door::Page,
];

impl Door {
    pub fn name(self) -> &'static str {
        match self {
            Door::Dav => "dav",
            Door::Feeds => "feeds",
            Door::FreeBusy => "freebusy",
            Door::Timezones => "timezones",
            Door::Rest => "rest",
            Door::Google => "google",
            Door::Health => "health",
            Door::Metrics => "metrics",
            Door::Page => "page",
        }
    }
}

/// Packages whose finer lines show what a client sent (h2 prints headers, passwords among them): never below this,
/// whatever the operator asks for.
const CLOSED: &str = "h2=info,hyper=info,hyper_util=info,rustls=info,tokio_rustls=info,sqlx=info";

/// Starts logging to standard error, once for the process.
pub fn log(config: &Config) -> Result<(), Error> {
    let filter =
        EnvFilter::try_new(&config.log).and_then(|_| EnvFilter::try_new(format!("{},{CLOSED}", config.log)));
    let filter = filter.map_err(|error| Error::config(format!("log: {error}")))?;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's subscriber (a test's) may stand already.
        let _ = match config.log_format {
            LogFormat::Text => lines.try_init(),
            LogFormat::Json => lines.json().flatten_event(true).try_init(),
        };
        std::panic::set_hook(Box::new(|panic| {
            // The message of a panic may hold what a client sent; where it happened is enough to find it.
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a defect: the code panicked");
        }));
    });
    Ok(())
}

/// The metrics of one server; every handle is made once.
pub struct Meters {
    handle: PrometheusHandle,
    doors: [Meter; DOORS.len()],
    stored: Gauge,
    /// Changes that were ever made; texts found in memory, and texts that had to be read.
    changes: Counter,
    texts: [Counter; 2],
    allowed: Vec<IpNet>,
}

struct Meter {
    /// By first digit of the status.
    requests: [Counter; 5],
    seconds: Histogram,
}

/// Upper bounds in seconds: from the cost of a bare answer to what a client still waits for.
const SECONDS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl Meters {
    pub fn new(allowed: Vec<IpNet>) -> Result<Arc<Meters>, Error> {
        let builder = PrometheusBuilder::new().set_buckets(SECONDS);
        let builder = builder.map_err(|error| Error::config(format!("metrics: {error}")))?;
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let doors = DOORS.map(|door| meter(&recorder, door));
        let (stored, changes, texts) = metrics::with_local_recorder(&recorder, || {
            let texts =
                ["hit", "miss"].map(|what| metrics::counter!("kalends_texts_total", "memory" => what));
            (metrics::gauge!("kalends_database_bytes"), metrics::counter!("kalends_changes_total"), texts)
        });
        Ok(Arc::new(Meters { handle, doors, stored, changes, texts, allowed }))
    }

    /// What is counted elsewhere, as it is now: the size and the changes of the database, and the memory of texts.
    pub fn look(&self, (bytes, changes): (i64, i64), memory: MemoryUse) {
        self.stored.set(bytes as f64);
        self.changes.absolute(changes.unsigned_abs());
        self.texts[0].absolute(memory.hits);
        self.texts[1].absolute(memory.misses);
    }

    /// Counts one answer.
    pub fn count(&self, door: Door, status: StatusCode, took: Duration) {
        let meter = &self.doors[door as usize];
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        meter.requests[class].increment(1);
        meter.seconds.record(took.as_secs_f64());
    }

    /// Keeps the samples of histograms from piling up between two readings.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }

    pub fn are_for(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        from.is_loopback() || self.allowed.iter().any(|network| network.contains(&from))
    }

    /// `/metrics`, for this machine and whom the operator named.
    /// `more` stands behind it.
    pub fn answer(&self, from: IpAddr, more: &str) -> Answer {
        if !self.are_for(from) {
            let detail = "Metrics are shown to this machine and to the networks of the setting metrics_from.";
            return Problem::new(StatusCode::FORBIDDEN, "Not for you", detail).answer();
        }
        let mut answer = Answer::new(Body::from(self.handle.render() + more));
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        answer.headers_mut().insert(header::CONTENT_TYPE, text);
        answer
    }
}

fn meter(recorder: &PrometheusRecorder, door: Door) -> Meter {
    metrics::with_local_recorder(recorder, || Meter {
        requests: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(
            |class| metrics::counter!("kalends_requests_total", "door" => door.name(), "status" => class),
        ),
        seconds: metrics::histogram!("kalends_request_seconds", "door" => door.name()),
    })
}

/// Notes the end of one request: until the head of the answer, whose body may still be streaming.
pub fn note(meters: &Meters, door: Door, status: StatusCode, since: Instant) {
    let took = since.elapsed();
    meters.count(door, status, took);
    let (status, duration_ms) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    if status >= 500 {
        tracing::warn!(target: "kalends::request", status, duration_ms, "a request failed");
    } else {
        tracing::debug!(target: "kalends::request", status, duration_ms, "answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn metrics_are_for_this_machine_and_whom_was_named() {
        let meters = Meters::new(vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        meters.count(Door::Dav, StatusCode::MULTI_STATUS, Duration::from_millis(3));
        for (from, status) in [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 200), ("198.51.100.1", 403)] {
            assert_eq!(meters.answer(from.parse().unwrap(), "").status(), status, "{from}");
        }
        let text = meters.answer(IpAddr::from([127, 0, 0, 1]), "");
        let text = String::from_utf8_lossy(text.body().whole().unwrap()).into_owned();
        assert!(text.contains(r#"kalends_requests_total{door="dav",status="2xx"} 1"#), "{text}");
    }

    #[test]
    fn every_door_has_its_place() {
        assert!(DOORS.iter().enumerate().all(|(place, door)| *door as usize == place));
    }
}
