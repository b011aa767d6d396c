//! Objects that begin here: many of a page in one write, and what is known of them in one more, so that the first pull of
//! a full calendar does not wait for two commits with each event. Where one of them is refused they go one by one, each
//! with its own outcome. A crash between the two writes leaves objects that the next pull adopts by their UIDs.

use super::carry::{Doomed, Pair, Run};
use super::error::Result;
use super::map;
use crate::calendar::{self, Born, Way};

/// Objects of one write: other writers wait for a hundred at most.
pub const TOGETHER: usize = 100;

impl Pair {
    /// Whether nothing of it is here or was ever agreed on.
    pub fn is_birth(&self, is_here: bool) -> bool {
        !is_here && self.twins.is_empty() && self.born != Born::Here
    }
}

impl Run<'_> {
    /// Takes objects of which nothing is here.
    pub async fn births(&mut self, pairs: Vec<Pair>) -> Result<Vec<Doomed>> {
        let (mut doomed, mut rest) = (Vec::new(), pairs.into_iter());
        loop {
            let some: Vec<Pair> = rest.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                return Ok(doomed);
            }
            self.prolong().await?;
            for pair in self.born(some).await? {
                doomed.extend(self.take(pair).await?);
            }
        }
    }

    /// Writes them together; answers those that must go one by one.
    async fn born(&mut self, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
        let (mut singly, mut texts, mut born) = (Vec::new(), Vec::new(), Vec::new());
        for mut pair in pairs {
            pair.has_guests = self.carries_guests(None, pair.born);
            let there = pair.there(self.mask(pair.born).hides());
            let text = match there.is_nothing() {
                true => None,
                false => map::compose(&pair.uid, &there, self.title(pair.born), &self.ground()).ok(),
            };
            match text {
                Some(text) => {
                    texts.push((pair.name.clone(), text));
                    born.push((pair, there));
                }
                None => singly.push(pair),
            }
        }
        match self.calendars.put_new(self.by(), &self.shown.path, texts).await {
            Ok(written) => self.wrote(written.iter().map(|one| one.etag)),
            Err(calendar::Error::Precondition(_) | calendar::Error::ConditionFailed) => {
                singly.extend(born.into_iter().map(|(pair, _)| pair));
                return Ok(singly);
            }
            Err(other) => return Err(other.into()),
        }
        let now = self.mirrors.now();
        let twins = born.iter().flat_map(|(pair, there)| pair.twins_of(there, now)).collect();
        self.mirrors.keep(&self.link, twins, Vec::new()).await?;
        for (pair, there) in born {
            self.flips.may(self.link.id, &pair.uid, Way::Pull, now);
            self.send_if_other(&pair, &there).await?;
        }
        Ok(singly)
    }
}
