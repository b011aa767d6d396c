//! What changed since a token (RFC 6578), in a calendar and in a home.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::HomeChange;

use super::Calendars;
use super::error::Result;
use super::object::Entry;
use super::read::entries;
use super::redact::Mask;
use super::shown::{Home, Shown};
use crate::accounts::Caller;

/// Changes of a calendar.
pub struct Changes {
    pub changed: Vec<Entry>,
    /// Names that are no more.
    pub gone: Vec<Arc<str>>,
    /// Where to go on.
    pub token: String,
    /// The limit cut the answer: ask again with the token (3.6).
    pub more: bool,
}

/// Changes of a home: calendars that came, changed or whose content changed; slugs that went.
pub struct HomeChanges {
    pub changed: Vec<Shown>,
    pub gone: Vec<String>,
    pub token: String,
    pub more: bool,
}

impl Calendars {
    /// All objects where there is no token; a token that is too old, foreign or from before a restore is
    /// `ValidSyncToken`.
    pub async fn changes(&self, at: &Shown, since: Option<&str>, limit: Option<usize>) -> Result<Changes> {
        let shelf = self.shelf(at).await?;
        let from = match since {
            Some(token) => at.scope().seq(token, at.row().pruned_seq..=at.version.seq.max(at.seq))?,
            None => -1,
        };
        let (mut changed, mut gone) = shelf.since(from);
        if since.is_none() {
            gone.clear();
        }
        if at.mask.is_some() {
            changed.retain(|slot| Mask::shows(slot.entry.kind));
        }
        // `at.seq` is of before the lists were taken: what came in between is told again, which costs a line.
        let (to, more) = cut(limit, at.seq, &mut changed, |slot| slot.entry.seq, &mut gone);
        let gone = gone.into_iter().map(|(name, _)| match &at.mask {
            None => name,
            Some(mask) => mask.name(&name),
        });
        Ok(Changes {
            changed: entries(at, changed).await?,
            gone: gone.collect(),
            token: at.scope().token(to),
            more,
        })
    }

    /// The same for a home (its calendars as members).
    pub async fn home_changes(
        &self,
        who: &Caller,
        owner: &str,
        since: Option<&str>,
        limit: Option<usize>,
    ) -> Result<HomeChanges> {
        let home = self.home(who, owner).await?;
        let scope = home.scope();
        let from = match since {
            Some(token) => scope.seq(token, 0..=who.version().seq.max(home.seq))?,
            None => -1,
        };
        let mut gone = match since {
            Some(_) => self.gone_from(who, &home, from).await?,
            None => Vec::new(),
        };
        let mut changed: Vec<_> = home.collections.iter().filter(|shown| shown.seq > from).cloned().collect();
        let (to, more) = cut(limit, home.seq, &mut changed, |shown| shown.seq, &mut gone);
        let gone = gone.into_iter().map(|(slug, _)| slug.to_string()).collect();
        Ok(HomeChanges { changed, gone, token: scope.token(to), more })
    }

    /// Own calendars that went. Shares that went need no line: they ended the token.
    async fn gone_from(&self, who: &Caller, home: &Home, from: i64) -> Result<Vec<(Arc<str>, i64)>> {
        if home.person.id != who.principal() {
            return Ok(Vec::new());
        }
        let changes =
            self.store().read(who.clinic()).await?.home_changes(who.clinic(), home.person.id, from).await?;
        let there = |slug: &str| home.collections.iter().any(|shown| shown.path.slug == slug);
        let gone = changes.into_iter().filter_map(|change| match change {
            HomeChange::Gone { slug, seq } if !there(&slug) => Some((slug.into(), seq)),
            _ => None,
        });
        Ok(gone.collect())
    }
}

/// Cuts the answer to the limit by sequence, so that the token says exactly what was told; all of one sequence
/// stay together.
fn cut<T>(
    limit: Option<usize>,
    now: i64,
    changed: &mut Vec<T>,
    seq: impl Fn(&T) -> i64,
    gone: &mut Vec<(Arc<str>, i64)>,
) -> (i64, bool) {
    let Some(limit) = limit.filter(|limit| changed.len() + gone.len() > *limit) else { return (now, false) };
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    changed
        .iter()
        .map(&seq)
        .chain(gone.iter().map(|(_, seq)| *seq))
        .for_each(|seq| *counts.entry(seq).or_default() += 1);
    let (mut told, mut last) = (0, -1);
    for (seq, count) in counts {
        if told > 0 && told + count > limit {
            break;
        }
        (told, last) = (told + count, seq);
    }
    changed.retain(|one| seq(one) <= last);
    gone.retain(|(_, seq)| *seq <= last);
    (last, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_cuts_by_sequence_and_the_token_says_where() {
        let mut changed = vec![5, 3, 9];
        let mut gone = vec![(Arc::from("x"), 4), (Arc::from("y"), 8)];
        let (to, more) = cut(Some(3), 20, &mut changed, |seq| *seq, &mut gone);
        assert_eq!((to, more, changed.len(), gone.len()), (5, true, 2, 1));
        let (to, more) = cut(Some(3), 20, &mut changed, |seq| *seq, &mut gone);
        assert_eq!((to, more), (20, false));
    }

    #[test]
    fn a_limit_below_one_change_still_goes_on() {
        let mut changed = vec![5, 5, 6];
        let (to, more) = cut(Some(1), 20, &mut changed, |seq| *seq, &mut Vec::new());
        assert_eq!((to, more, changed.len()), (5, true, 2));
    }
}
