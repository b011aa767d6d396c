//! Channels: the promise of Google to tell of changes, and the door at which it does. A notification is a hint: its
//! secret is compared in constant time, then the link is due; nothing is asked of Google before it is answered.

use http::{HeaderMap, StatusCode};

use super::Google;
use super::api;
use super::carry::Run;
use super::error::{Error, Failure, Result};
use super::figures::Heard;
use super::terms::{self, Terms};
use crate::calendar::{Channel, Link};

/// The life that is asked for, seconds; granted is less.
const LIFE: i64 = 30 * 86_400;
/// When a channel is followed by the next: this part of its life.
const RENEWED: (i64, i64) = (7, 10);
/// After a refusal: not before.
const REFUSED: i64 = 86_400;
const FAILED: i64 = 600;
/// Runs of one link are at least so many seconds apart, however many notifications come.
const APART: i64 = 2;

/// The states of a channel.
const ASKED: &str = "asked";
const LIVE: &str = "live";

/// Longer ones are nobody's.
const HEADER: usize = 256;

/// Until when Google tells of changes of a link; None: it does not.
pub async fn watched_until(google: &Google, link: &Link) -> Result<Option<i64>> {
    let now = google.mirrors().now();
    let all = google.mirrors().channels_of(link).await?;
    let living = all.iter().filter(|one| one.state == LIVE && one.expires_at > now);
    Ok(living.map(|one| one.expires_at).max())
}

/// One living channel a link; the next one is opened before the last one ends, and only then is that stopped.
pub async fn upkeep(run: &mut Run<'_>, google: &Google) -> Result<()> {
    let Some(address) = google.hook() else { return Ok(()) };
    let now = run.mirrors.now();
    let all = run.mirrors.channels_of(&run.link).await?;
    let is_young = |one: &Channel| {
        one.state == LIVE && now < one.made_at + (one.expires_at - one.made_at) * RENEWED.0 / RENEWED.1
    };
    if all.iter().any(is_young) {
        for old in all.iter().filter(|one| !is_young(one)) {
            stop(run, old).await?;
        }
        return Ok(());
    }
    if run.terms.watch_at > now {
        return Ok(());
    }
    open(run, google, &address, now).await
}

async fn open(run: &mut Run<'_>, google: &Google, address: &str, now: i64) -> Result<()> {
    let ((id, _), (secret, hash)) = (google.accounts().echo()?, google.accounts().echo()?);
    let mut channel = Channel {
        clinic: run.link.clinic,
        id: id.expose().to_owned(),
        link: run.link.id,
        resource: String::new(),
        hash,
        state: ASKED.into(),
        made_at: now,
        expires_at: now + LIFE,
    };
    // Before the call: the first notification may come before the answer.
    run.mirrors.keep_channel(&channel).await?;
    let calendar = run.link.calendar.clone();
    match run.session.watch(&calendar, api::watch(&channel.id, &secret, address, LIFE)).await {
        Ok(granted) => {
            (channel.resource, channel.expires_at, channel.state) =
                (granted.resource, granted.expires, LIVE.into());
            run.mirrors.keep_channel(&channel).await?;
            // What changed before the channel was open nobody tells: look once more.
            run.mirrors.notify(&channel, now + APART).await?;
            Ok(())
        }
        Err(Error::Google(failure)) => {
            run.mirrors.remove_channel(&channel).await?;
            let wait =
                if matches!(failure, Failure::Invalid(_) | Failure::Forbidden(_)) { REFUSED } else { FAILED };
            terms::set(&mut run.link, |terms| terms.watch_at = now + wait)?;
            run.terms = Terms::of(&run.link);
            Ok(())
        }
        Err(other) => Err(other),
    }
}

/// It may be over by itself: whatever Google says, what still comes on it is of nobody's.
pub async fn stop(run: &mut Run<'_>, channel: &Channel) -> Result<()> {
    match run.session.stop(&channel.id, &channel.resource).await {
        Ok(()) | Err(Error::Google(_)) => Ok(run.mirrors.remove_channel(channel).await?),
        Err(other) => Err(other),
    }
}

impl Google {
    /// A notification. Whatever is wrong with it, the answer tells nothing; only our own database away is 503, which
    /// Google tries again.
    pub async fn notified(&self, headers: &HeaderMap) -> StatusCode {
        match self.heard(headers).await {
            Ok(what) => {
                self.figures().heard(what);
                StatusCode::NO_CONTENT
            }
            Err(error) => {
                tracing::warn!(%error, "a notification could not be noted");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    async fn heard(&self, headers: &HeaderMap) -> Result<Heard> {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .filter(|text| text.len() <= HEADER)
                .unwrap_or_default()
        };
        let (id, secret) = (text("x-goog-channel-id"), text("x-goog-channel-token"));
        if id.is_empty() || secret.is_empty() {
            return Ok(Heard::Forged);
        }
        let Some(channel) = self.mirrors().channel(id).await? else { return Ok(Heard::Forged) };
        let is_resource = channel.resource.is_empty() || channel.resource == text("x-goog-resource-id");
        if !self.accounts().echoes(secret, &channel.hash) || !is_resource {
            return Ok(Heard::Forged);
        }
        if text("x-goog-resource-state") == "sync" {
            return Ok(Heard::Opened);
        }
        let now = self.mirrors().now();
        self.mirrors().notify(&channel, self.apart(channel.link, now)).await?;
        self.wake();
        Ok(Heard::Changed)
    }
}

impl Google {
    /// When a link that was told of may have its turn: at once, but not twice within two seconds.
    fn apart(&self, link: crate::calendar::LinkId, now: i64) -> i64 {
        let mut last = self.told();
        let at = last.get(&link).copied().unwrap_or(0);
        // Between now and its end all that is heard goes with the one turn that waits.
        let next = if at > now { at } else { now.max(at + APART) };
        last.insert(link, next);
        next
    }
}
