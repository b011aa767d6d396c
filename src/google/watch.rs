//! Channels: the promise of Google to tell of changes in a calendar or in a list of them, and the door at which it does. A
//! notification is a hint: its secret is compared in constant time, then the link or the list is due; nothing is asked of
//! Google before it is answered.

use http::{HeaderMap, StatusCode};

use super::Google;
use super::api;
use super::error::{Error, Failure, Result};
use super::figures::Heard;
use super::session::Session;
use crate::accounts;
use crate::calendar::{Channel, Link, Watched};

/// The life that is asked for, seconds; granted is less.
const LIFE: i64 = 30 * 86_400;
/// When a channel is followed by the next: this part of its life.
const RENEWED: (i64, i64) = (7, 10);
/// Runs of one link are at least so many seconds apart, however many notifications come.
const APART: i64 = 2;

/// The states of a channel.
const ASKED: &str = "asked";
const LIVE: &str = "live";
/// It was told to end; what still comes on it is of nobody's.
const STOPPED: &str = "stopped";
/// Opened in a life of the database that a restore ended: to be stopped.
const ORPHAN: &str = "orphan";

/// Longer ones are nobody's.
const HEADER: usize = 256;

/// Until when Google tells of changes of a link; None: it does not.
pub async fn watched_until(google: &Google, link: &Link) -> Result<Option<i64>> {
    let now = google.mirrors().now();
    let all = google.mirrors().channels_of(link.clinic, Watched::Calendar(link.id)).await?;
    let living = all.iter().filter(|one| one.state == LIVE && one.expires_at > now);
    Ok(living.map(|one| one.expires_at).max())
}

/// One living channel of each thing; the next one is opened before the last one ends, and only then is that stopped. One of
/// another life of the database is followed at once, whether Google still knows it or not. `calendar`: of a link; none is
/// opened unless it may be. Answers why Google refused one.
pub async fn upkeep(
    google: &Google,
    session: &mut Session<'_>,
    (of, calendar): (Watched, Option<&str>),
    may_open: bool,
) -> Result<Option<Failure>> {
    let (mirrors, clinic) = (google.mirrors(), session.remote.clinic);
    let (now, life) = (mirrors.now(), mirrors.life(clinic).await?);
    let (all, over): (Vec<_>, Vec<_>) =
        mirrors.channels_of(clinic, of).await?.into_iter().partition(|one| one.expires_at > now);
    for one in &over {
        mirrors.remove_channel(one).await?;
    }
    for one in all.iter().filter(|one| one.state == ORPHAN) {
        stop(google, session, one).await?;
    }
    let Some(address) = google.hook() else { return Ok(None) };
    let is_young = |one: &Channel| {
        one.state == LIVE
            && (one.life == life || one.life.is_empty())
            && now < one.made_at + (one.expires_at - one.made_at) * RENEWED.0 / RENEWED.1
    };
    if all.iter().any(is_young) {
        for old in all.iter().filter(|one| !is_young(one) && [ASKED, LIVE].contains(&one.state.as_str())) {
            stop(google, session, old).await?;
        }
        return Ok(None);
    }
    if may_open { open(google, session, (of, calendar), (&address, life)).await } else { Ok(None) }
}

async fn open(
    google: &Google,
    session: &mut Session<'_>,
    (of, calendar): (Watched, Option<&str>),
    (address, life): (&str, String),
) -> Result<Option<Failure>> {
    let (mirrors, clinic, now) = (google.mirrors(), session.remote.clinic, google.mirrors().now());
    let ((id, _), (random, _)) = (google.accounts().echo()?, google.accounts().echo()?);
    let secret = google.marks().secret(id.expose(), random.expose(), (clinic, session.remote.id));
    let mut channel = Channel {
        clinic,
        id: id.expose().to_owned(),
        of,
        resource: String::new(),
        hash: google.accounts().echo_hash(&secret),
        state: ASKED.into(),
        made_at: now,
        expires_at: now + LIFE,
        life,
    };
    // Before the call: the first notification may come before the answer.
    mirrors.keep_channel(&channel).await?;
    let body = api::watch(&channel.id, &accounts::Secret::new(secret), address, LIFE);
    match session.watch(calendar, body).await {
        Ok(granted) => {
            (channel.resource, channel.expires_at, channel.state) =
                (granted.resource, granted.expires, LIVE.into());
            mirrors.keep_channel(&channel).await?;
            // What changed before the channel was open nobody tells: look once more.
            mirrors.notify(&channel, now + APART).await?;
            Ok(None)
        }
        Err(Error::Google(failure)) => {
            mirrors.remove_channel(&channel).await?;
            Ok(Some(failure))
        }
        Err(other) => Err(other),
    }
}

/// It may be over by itself: whatever Google says, what still comes on it is of nobody's.
pub async fn stop(google: &Google, session: &mut Session<'_>, channel: &Channel) -> Result<()> {
    match session.stop(&channel.id, &channel.resource).await {
        Ok(()) | Err(Error::Google(_)) => {
            let stopped = Channel { state: STOPPED.into(), ..channel.clone() };
            Ok(google.mirrors().keep_channel(&stopped).await?)
        }
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
        let Some(channel) = self.mirrors().channel(id).await? else {
            return self.orphan((id, secret), text("x-goog-resource-id")).await;
        };
        let is_resource = channel.resource.is_empty() || channel.resource == text("x-goog-resource-id");
        if channel.state == STOPPED || !self.accounts().echoes(secret, &channel.hash) || !is_resource {
            return Ok(Heard::Forged);
        }
        if text("x-goog-resource-state") == "sync" {
            return Ok(Heard::Opened);
        }
        let now = self.mirrors().now();
        self.mirrors().notify(&channel, self.apart(channel.of, now)).await?;
        self.wake();
        Ok(Heard::Changed)
    }

    /// A channel that this database knows nothing of. Ours, as its secret says: it was opened after the backup that this
    /// database came from, and is stopped, once, in the name of its account, if that is known.
    async fn orphan(&self, (id, secret): (&str, &str), resource: &str) -> Result<Heard> {
        let Some((clinic, remote)) = self.marks().owner(id, secret).filter(|_| !resource.is_empty()) else {
            return Ok(Heard::Forged);
        };
        match self.accounts().remote(clinic, remote).await {
            Ok(_) => {}
            Err(accounts::Error::NotFound(_)) => return Ok(Heard::Forged),
            Err(other) => return Err(other.into()),
        }
        let now = self.mirrors().now();
        let channel = Channel {
            clinic,
            id: id.to_owned(),
            of: Watched::List(remote),
            resource: resource.to_owned(),
            hash: self.accounts().echo_hash(secret),
            state: ORPHAN.into(),
            made_at: now,
            expires_at: now + LIFE,
            life: String::new(),
        };
        self.mirrors().keep_channel(&channel).await?;
        self.mirrors().call_list(clinic, remote, now).await?;
        self.wake();
        Ok(Heard::Orphaned)
    }
}

impl Google {
    /// When what was told of may have its turn: at once, but not twice within two seconds.
    fn apart(&self, of: Watched, now: i64) -> i64 {
        let mut last = self.told();
        let at = last.get(&of).copied().unwrap_or(0);
        // Between now and its end all that is heard goes with the one turn that waits.
        let next = if at > now { at } else { now.max(at + APART) };
        last.insert(of, next);
        next
    }
}
