//! The list of an account's calendars: what those of its links are called, which of them are gone or back, how many no link
//! has. Looked at when Google tells of a change in it, and by the clock where it does not. What is gone is only called for:
//! the link's own turn finds out.

use futures_util::StreamExt;
use futures_util::stream;

use super::error::{Error, Failure, Result};
use super::terms::state;
use super::work::{POLL_WATCHED, spread};
use super::{Google, watch};
use crate::accounts::Remote;
use crate::calendar::{Link, Watched};

/// Lists looked at at once by a node.
const AT_ONCE: usize = 4;
/// After a failure, seconds.
const AGAIN: i64 = 600;
/// Roles that may write there.
const WRITES: [&str; 2] = ["owner", "writer"];

impl Google {
    /// Lists whose time has come, on this node; how many.
    pub async fn lists(&self) -> Result<usize> {
        let due = self.accounts().lists_due().await?;
        let count = due.len();
        let turns = due.into_iter().map(|remote| self.list(remote));
        stream::iter(turns).for_each_concurrent(AT_ONCE, |turn| turn).await;
        Ok(count)
    }

    /// Never fails: it is looked at again.
    async fn list(&self, remote: Remote) {
        match self.accounts().take_list(&remote, spread(POLL_WATCHED, remote.id.0)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::warn!(%error, remote.id = remote.id.0, "a list could not be taken"),
        }
        let (clinic, id) = (remote.clinic, remote.id);
        let wait = match self.look_at_list(remote).await {
            // Not allowed, or not any more: with the next consent, or by the clock.
            Ok(()) | Err(Error::Google(Failure::Revoked | Failure::Forbidden(_))) => return,
            Err(Error::Budget(seconds)) => seconds,
            Err(Error::Google(_)) => AGAIN,
            Err(error) => {
                tracing::warn!(%error, remote.id = id.0, "a list of calendars was not looked at");
                AGAIN
            }
        };
        if let Err(error) = self.mirrors().call_list(clinic, id, self.mirrors().now() + wait).await {
            tracing::warn!(%error, remote.id = id.0, "a list's next look was not kept");
        }
    }

    async fn look_at_list(&self, remote: Remote) -> Result<()> {
        let (clinic, id) = (remote.clinic, remote.id);
        let mut session = self.session(remote);
        watch::upkeep(self, &mut session, (Watched::List(id), None), true).await?;
        let listed = session.calendars().await?;
        let links = self.mirrors().links_of(clinic, &[id]).await?;
        let is_of = |link: &Link, calendar: &super::Listed| {
            link.calendar == calendar.id || calendar.is_primary && link.calendar == "primary"
        };
        let mut names = Vec::new();
        for link in &links {
            let found = listed.iter().find(|calendar| is_of(link, calendar));
            let renamed = found.filter(|calendar| calendar.summary != link.name);
            names.extend(renamed.map(|calendar| (link.calendar.clone(), calendar.summary.clone())));
            let may_write = found.is_some_and(|calendar| WRITES.contains(&calendar.role.as_str()));
            match (found, link.state.as_str()) {
                (Some(_), state::GONE) => self.back(link.clone()).await?,
                (None, _) => self.mirrors().call(clinic, link.id, self.mirrors().now()).await?,
                (_, state::READ_ONLY) if may_write => {
                    self.mirrors().call(clinic, link.id, self.mirrors().now()).await?;
                }
                _ => {}
            }
        }
        let unlinked = listed.iter().filter(|calendar| !links.iter().any(|link| is_of(link, calendar)));
        let unlinked = i64::try_from(unlinked.count()).unwrap_or(i64::MAX);
        Ok(self.mirrors().saw_list((clinic, id), unlinked, names).await?)
    }

    /// The calendar of a link that was given up is there again: everything is compared anew.
    async fn back(&self, mut link: Link) -> Result<()> {
        (link.state, link.reason, link.token, link.cursor) = (state::LIVE.into(), String::new(), None, None);
        link.due_at = self.mirrors().now();
        Ok(self.mirrors().decide(&link).await?)
    }
}
