//! Connecting an account and linking a calendar: consent and back, what may be linked, ending it.

use std::collections::HashSet;

use super::api::Listed;
use super::carry::Run;
use super::error::{Error, Failure, Result};
use super::session::Session;
use super::terms::{Guests, Terms, state};
use super::{Google, watch};
use crate::accounts::{Asked, Caller, Given, Remote, RemoteId, RemoteState};
use crate::calendar::{CollectionPath, Link, LinkId, NewLink, RESTS, Watched};

const WHO: &str = "openid https://www.googleapis.com/auth/userinfo.email";
const LISTS: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
/// Calendars that were made by us, and no other (google-sync.md 4.10).
const OWN: &str = "https://www.googleapis.com/auth/calendar.app.created";
/// Why no calendar can be made there.
const NO_OWN: &str =
    "the account does not let us make a calendar: connect it again, by its address, with access own";
/// Characters of the name of a calendar that is made there.
const NAME: usize = 200;
/// Why a link waits for its person: its events were not asked for yet, or refused.
pub const NO_EVENTS: &str = "scope";

/// How much a person is asked for: little by little, each when it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Who she is and which calendars there are: enough to choose.
    #[default]
    Calendars,
    /// A calendar made for us as well, and none that was there before.
    Own,
    /// The events of all of them as well: what a link with one of hers needs.
    Events,
}

/// Where a person is sent, and what comes back with her.
pub struct Asking {
    pub url: String,
    asked: Asked,
}

/// What becomes of our events there when a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Keep,
    Remove,
}

impl Google {
    /// Begins a consent. `hint`: the address of an account that must consent anew, or to more; to one that has links,
    /// or had more before, nothing less is of use.
    pub async fn ask(&self, who: &Caller, hint: Option<&str>, access: Access) -> Result<Asking> {
        let mut scopes = format!("{WHO} {LISTS}");
        let had = self.had(who, hint).await?;
        for (more, scope) in [(Access::Own, OWN), (Access::Events, EVENTS)] {
            if access == more || had.contains(&scope) {
                scopes.extend([" ", scope]);
            }
        }
        let asked = self.accounts().ask_consent(who, &scopes).await?;
        let redirect = self.callback();
        let mut pairs = vec![
            ("client_id", self.project().id.as_str()),
            ("redirect_uri", &redirect),
            ("response_type", "code"),
            ("scope", &scopes),
            ("state", asked.state.expose()),
            ("code_challenge", &asked.challenge),
            ("code_challenge_method", "S256"),
            // A refresh token comes only with a consent that was really given.
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("include_granted_scopes", "true"),
        ];
        pairs.extend(hint.map(|hint| ("login_hint", hint)));
        Ok(Asking { url: self.api().consent_url(&pairs), asked })
    }

    /// What the account that is meant had before, or its links need; without a hint, one whose consent is over.
    async fn had(&self, who: &Caller, hint: Option<&str>) -> Result<Vec<&'static str>> {
        let is_meant = |one: &Remote| match hint {
            Some(hint) => one.email.eq_ignore_ascii_case(hint),
            None => matches!(RemoteState::of(one), RemoteState::NeedsReauth | RemoteState::ScopeMissing),
        };
        let meant = self.accounts().remotes(who).await?.into_iter().filter(is_meant);
        let (ids, scopes): (Vec<_>, Vec<_>) = meant.map(|one| (one.id, one.scopes)).unzip();
        let links = self.mirrors().links_of(who.clinic(), &ids).await?;
        let needs = |scope: &str| links.iter().any(|link| Terms::of(link).made == (scope == OWN));
        let had = |scope: &&str| needs(scope) || scopes.iter().any(|scopes| has(scopes, scope));
        Ok([OWN, EVENTS].into_iter().filter(had).collect())
    }

    /// Which account answered, once it did.
    pub async fn answered(&self, who: &Caller, asking: &Asking) -> Result<Option<Remote>> {
        match self.accounts().consented(who, &asking.asked).await? {
            Some(id) => Ok(Some(self.accounts().remote(who.clinic(), id).await?)),
            None => Ok(None),
        }
    }

    /// The person came back with a code. Nothing is stored unless state, verifier and code are all right.
    pub async fn consented(&self, state: &str, code: &str) -> Result<Remote> {
        let taken = self.accounts().take_consent(state).await?.ok_or(Error::Refused("state".into()))?;
        let redirect = self.callback();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.project().id),
            ("client_secret", self.project().secret.expose()),
            ("code", code),
            ("code_verifier", taken.verifier.expose()),
            ("redirect_uri", &redirect),
        ];
        let tokens = self.api().tokens(&form).await?;
        let (subject, email) = self.api().userinfo(&tokens.access).await?;
        let scopes = tokens.scopes.unwrap_or_else(|| taken.scopes.clone());
        let unticked =
            [LISTS, OWN, EVENTS].into_iter().find(|one| has(&taken.scopes, one) && !has(&scopes, one));
        let given = Given {
            subject,
            email,
            scopes,
            refresh: tokens.refresh,
            access: tokens.access,
            access_until: self.mirrors().now() + tokens.life,
        };
        let id = self.accounts().connect(&taken, given).await?;
        let mut remote = self.accounts().remote(taken.clinic, id).await?;
        if let Some(unticked) = unticked {
            let name = unticked.rsplit('/').next().unwrap_or(unticked);
            self.accounts().set_remote(&mut remote, RemoteState::ScopeMissing, name).await?;
        }
        if RemoteState::of(&remote) == RemoteState::Active {
            self.resume(&remote).await?;
        }
        Ok(remote)
    }

    /// An account of the clinic's Workspace domain, without a consent of its person: kept once Google answers for it.
    pub async fn delegate(&self, who: &Caller, email: &str) -> Result<RemoteId> {
        if self.project().service.is_none() {
            return Err(Error::Refused("there is no service account in the settings".into()));
        }
        let before = self.accounts().remotes(who).await?;
        let id = self.accounts().delegate(who, email, &format!("{LISTS} {EVENTS}")).await?;
        let is_new = before.iter().all(|one| one.id != id);
        let remote = self.accounts().remote(who.clinic(), id).await?;
        match self.session(remote.clone()).calendars().await {
            Ok(_) => Ok(id),
            Err(error) => {
                // One that was there keeps its links: what is wrong stands in its state.
                if is_new {
                    self.accounts().disconnect(&remote).await?;
                }
                Err(error)
            }
        }
    }

    /// It is the right account: its links run.
    pub async fn confirm(&self, who: &Caller, id: RemoteId) -> Result<()> {
        let mut remote = self.own(who, id).await?;
        if RemoteState::of(&remote) == RemoteState::Unconfirmed {
            self.accounts().set_remote(&mut remote, RemoteState::Active, "").await?;
        }
        self.resume(&remote).await
    }

    /// What waited for the consent goes on where it stood: its map and its errands are still there.
    async fn resume(&self, remote: &Remote) -> Result<()> {
        self.mirrors().call_list(remote.clinic, remote.id, self.mirrors().now()).await?;
        for mut link in self.mirrors().links_of(remote.clinic, &[remote.id]).await? {
            if link.state == state::NEEDS_REAUTH && reaches(&remote.scopes, &Terms::of(&link)) {
                (link.state, link.reason, link.due_at) =
                    (state::LIVE.into(), String::new(), self.mirrors().now());
                self.mirrors().decide(&link).await?;
            }
        }
        Ok(())
    }

    /// An account of this person; another's is not there.
    pub async fn own(&self, who: &Caller, id: RemoteId) -> Result<Remote> {
        let remote = self.accounts().remote(who.clinic(), id).await?;
        if remote.principal == who.principal() {
            Ok(remote)
        } else {
            Err(Error::Refused("no such account".into()))
        }
    }

    /// A link of this person.
    pub async fn own_link(&self, who: &Caller, id: LinkId) -> Result<Link> {
        let link = self.mirrors().link(who.clinic(), id).await?;
        self.own(who, link.remote).await?;
        Ok(link)
    }

    pub fn session(&self, remote: Remote) -> Session<'_> {
        Session {
            api: self.api(),
            accounts: self.accounts(),
            budget: self.budget(),
            project: self.project(),
            remote,
            is_backfill: false,
            updates: Guests::None.updates(),
        }
    }

    /// The calendars of an account.
    pub async fn listed(&self, who: &Caller, id: RemoteId) -> Result<Vec<Listed>> {
        self.session(self.own(who, id).await?).calendars().await
    }

    /// Links a calendar there with one here. Both are linked once: through whichever account, a second time is refused.
    /// Where the account's consent does not reach to events, the link waits for one that does. `calendar`: its id there; the
    /// name of one that is made there, where the terms say so.
    pub async fn link(
        &self,
        who: &Caller,
        id: RemoteId,
        calendar: &str,
        slug: &str,
        terms: Terms,
    ) -> Result<LinkId> {
        terms.check()?;
        let remote = self.own(who, id).await?;
        let shown = self.calendars().collection(who, &CollectionPath::new(who.name(), slug)).await?;
        let calendar = match terms.made {
            true => self.make(&remote, calendar, shown.zone()).await?,
            false => calendar.to_owned(),
        };
        let (state, reason, due_at) = match reaches(&remote.scopes, &terms) {
            true => (state::NEW, "", self.mirrors().now()),
            false => (state::NEEDS_REAUTH, NO_EVENTS, RESTS),
        };
        let new = NewLink {
            clinic: who.clinic(),
            remote: remote.id,
            calendar,
            collection: shown.row().id,
            terms: terms.text(),
            state: state.into(),
            reason: reason.into(),
            due_at,
        };
        match self.mirrors().make(new).await {
            Err(crate::calendar::Error::Exists) => Err(Error::Refused("linked already".into())),
            made => {
                self.wake();
                Ok(made?)
            }
        }
    }

    /// Whether a calendar can be made there for a link.
    pub async fn may_make(&self, who: &Caller, id: RemoteId) -> Result<bool> {
        Ok(has(&self.own(who, id).await?.scopes, OWN))
    }

    /// Makes a calendar there: the consent it needs reaches to no other of hers.
    async fn make(&self, remote: &Remote, name: &str, zone: &ical::Zone) -> Result<String> {
        if !has(&remote.scopes, OWN) {
            return Err(Error::Refused(NO_OWN.into()));
        }
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME || name.contains(char::is_control) {
            return Err(Error::Refused("the name of a calendar has 1 to 200 characters on one line".into()));
        }
        self.session(remote.clone()).make_calendar(name, zone).await
    }

    /// Ends an account with its links: channels are stopped, our events go or stay, the consent is given back, tokens are
    /// forgotten. What Google does not answer to does not keep it.
    pub async fn disconnect(&self, who: &Caller, id: RemoteId, leave: Leave) -> Result<()> {
        let remote = self.own(who, id).await?;
        for link in self.mirrors().links_of(who.clinic(), &[remote.id]).await? {
            self.leave(&remote, link, leave).await?;
        }
        let mut session = self.session(remote.clone());
        for channel in self.mirrors().channels_of(remote.clinic, Watched::List(remote.id)).await? {
            watch::stop(self, &mut session, &channel).await?;
        }
        let token = self.accounts().refresh_token(&remote).or_else(|| self.accounts().access_token(&remote));
        if let Some(token) = token
            && let Err(failure) = self.api().revoke(&token).await
        {
            tracing::info!(%failure, "a consent could not be given back; its tokens are forgotten all the same");
        }
        Ok(self.accounts().disconnect(&remote).await?)
    }

    async fn leave(&self, remote: &Remote, mut link: Link, leave: Leave) -> Result<()> {
        // Nobody else works on it from now on.
        (link.state, link.due_at) = (state::PAUSED.into(), RESTS);
        self.mirrors().decide(&link).await?;
        let mut run = self.run(remote.clone(), link).await?;
        for channel in run.mirrors.channels_of(run.link.clinic, Watched::Calendar(run.link.id)).await? {
            watch::stop(self, &mut run.session, &channel).await?;
        }
        if leave == Leave::Remove {
            remove_ours(&mut run).await?;
        }
        Ok(())
    }

    pub async fn run(&self, remote: Remote, link: Link) -> Result<Run<'_>> {
        let who = self.accounts().on_behalf(&remote).await?;
        let shown = self.mirrors().calendar(&who, &link).await?;
        let terms = Terms::of(&link);
        let zone = terms.zone.as_deref().and_then(ical::Zone::named).unwrap_or_else(|| shown.zone().clone());
        let own = match terms.guests {
            Guests::None => Vec::new(),
            _ => [Some(remote.email.clone()), self.accounts().email(&who).await?]
                .into_iter()
                .flatten()
                .collect(),
        };
        Ok(Run {
            mirrors: self.mirrors(),
            calendars: self.calendars(),
            clinic: self.clinic(),
            marks: self.marks(),
            flips: self.flips(),
            figures: self.figures(),
            session: self.session(remote),
            link,
            terms,
            who,
            shown,
            zone,
            own: own.iter().map(|address| address.to_lowercase()).collect(),
            written: HashSet::new(),
        })
    }
}

/// Only what we put there: her own events stay.
async fn remove_ours(run: &mut Run<'_>) -> Result<()> {
    let mut after = Default::default();
    loop {
        let page = run.mirrors.twins_after(&run.link, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.uid.clone(), last.recurrence.clone());
        for twin in page.into_iter().filter(|twin| twin.born == crate::calendar::Born::Here) {
            let calendar = run.link.calendar.clone();
            match run.session.delete(&calendar, &twin.event, "").await {
                Ok(()) | Err(Error::Google(Failure::NotFound | Failure::Gone)) => {}
                Err(other) => return Err(other),
            }
        }
    }
}

/// Whether a consent to these scopes is enough for a link.
fn reaches(scopes: &str, terms: &Terms) -> bool {
    has(scopes, EVENTS) || (terms.made && has(scopes, OWN))
}

/// Whether a list of scopes has this one.
fn has(scopes: &str, scope: &str) -> bool {
    scopes.split(' ').any(|one| one == scope)
}
