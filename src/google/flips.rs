//! Who plays ping-pong: an object that is written in one direction after the other, again and again, because a client here
//! and a robot there will not agree. After a few changes of direction it is frozen until it has been quiet for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::calendar::{LinkId, Way};

/// So many changes of direction within so many seconds.
const MOST: u32 = 5;
const WINDOW: i64 = 600;
/// Objects remembered; older ones are forgotten all at once.
const REMEMBERED: usize = 10_000;

struct Course {
    last: Way,
    turns: u32,
    since: i64,
}

/// What was written lately, on this node.
#[derive(Default)]
pub struct Flips(Mutex<HashMap<(LinkId, String), Course>>);

impl Flips {
    /// Notes a write that is about to happen; false: it must not.
    pub fn may(&self, link: LinkId, uid: &str, way: Way, now: i64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, course| course.since > now - WINDOW);
        }
        let fresh = Course { last: way, turns: 0, since: now };
        let course = all.entry((link, uid.to_owned())).or_insert(fresh);
        if course.since <= now - WINDOW {
            *course = Course { last: way, turns: 0, since: now };
        }
        if course.last != way {
            (course.last, course.turns) = (way, course.turns + 1);
        }
        course.turns <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s56_five_turns_are_many_and_one_direction_is_none() {
        let (flips, link) = (Flips::default(), LinkId(1));
        assert!((0..50).all(|at| flips.may(link, "busy", Way::Push, at)));
        let turns = (0..9).take_while(|at| {
            let way = if at % 2 == 0 { Way::Push } else { Way::Pull };
            flips.may(link, "loop", way, *at)
        });
        assert_eq!(turns.count(), 6);
        assert!(flips.may(link, "loop", Way::Push, WINDOW), "quiet for a while");
    }
}
