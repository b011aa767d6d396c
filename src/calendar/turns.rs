//! Work for the processor, off the async threads, so that nobody's long question makes others wait for their short one.
//!
//! All work begins on one of a few quick threads, first come first served. After a few pauses (`ical::Budget`) it is long:
//! its thread leaves the quick ones for good, goes down in priority and waits for one of the places for long work, which
//! are fewer than the processors. At every further pause it hands its place to whoever has had less. So the async threads
//! always find a processor, and a question waits for others only as long as it takes itself.
//! Never inside a transaction: others would wait for its turn. Budgets without pauses never wait here.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;
use std::{cell::RefCell, io};

use ical::Budget;
use tokio::sync::oneshot;

use super::error::{Error, Result};

/// How far long work goes down: a tenth of the share of others, all of it where nobody else wants it.
const NICE: i32 = 10;
/// Pauses that quick work may make: a fifth of a millisecond.
const QUICK: u64 = 4;
/// How long a quick thread waits for more.
const IDLE: Duration = Duration::from_secs(10);
/// When to ask again where no thread can be had.
const RETRY_SECONDS: u32 = 2;

/// The processors are the process's, whatever is built on them.
static TURNS: LazyLock<Turns> = LazyLock::new(|| {
    let processors = thread::available_parallelism().map_or(2, usize::from);
    Turns { quick: Quick::new(processors.max(2)), long: Long::new((processors - 1).max(1)) }
});

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Work for the processor, off the async threads. Given up where the future is dropped: at the latest at its next pause.
pub async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    let asker = Arc::new(());
    let work = Box::new(move || {
        // Who does not listen any more needs no answer.
        let _ = answer.send(work());
    });
    let job = Job { work, asker: Arc::downgrade(&asker) };
    TURNS.begin(job).map_err(|error| {
        tracing::error!(%error, "no thread to compute on");
        Error::Busy { retry_after: RETRY_SECONDS }
    })?;
    answered.await.map_err(|stopped| Error::Broken(Box::new(stopped)))
}

/// A budget for work in [`compute`]; anywhere else one without pauses.
pub fn budget(steps: u64) -> Budget {
    Budget::with_pauses(steps, pause)
}

struct Job {
    work: Box<dyn FnOnce() + Send>,
    asker: Weak<()>,
}

/// What the thread is at.
struct Current {
    asker: Weak<()>,
    /// Pauses so far.
    had: u64,
}

fn pause() -> bool {
    CURRENT.with_borrow_mut(|current| {
        let Some(current) = current else { return true };
        current.had += 1;
        match current.had {
            ..=QUICK => {}
            had if had == QUICK + 1 => {
                TURNS.sink();
                TURNS.long.enter(had);
            }
            had => TURNS.long.share(had),
        }
        // Linux lets whoever wakes up wait for the end of the running one's slice, which takes milliseconds.
        thread::yield_now();
        current.asker.strong_count() > 0
    })
}

struct Turns {
    quick: Quick,
    long: Long,
}

impl Turns {
    fn begin(&'static self, job: Job) -> io::Result<()> {
        if self.quick.put(job) {
            self.spawn().inspect_err(|_| self.quick.failed())?;
        }
        Ok(())
    }

    /// The thread of the caller is a quick one no more.
    fn sink(&'static self) {
        // Where none can be had, the next one to ask is told.
        if self.quick.left()
            && let Err(error) = self.spawn()
        {
            self.quick.failed();
            tracing::error!(%error, "no thread to compute on");
        }
        lower();
    }

    fn spawn(&'static self) -> io::Result<()> {
        thread::Builder::new().name("compute".into()).spawn(|| self.run()).map(drop)
    }

    fn run(&self) {
        while let Some(Job { work, asker }) = self.quick.next() {
            if asker.strong_count() == 0 {
                continue;
            }
            CURRENT.set(Some(Current { asker, had: 0 }));
            // What panicked drops the sender of its answer, which tells the asker; the thread has work to do.
            let _ = catch_unwind(AssertUnwindSafe(work));
            if CURRENT.take().is_some_and(|current| current.had > QUICK) {
                // No thread comes up again: that takes a privilege.
                return self.long.leave();
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn lower() {
    // Of this thread alone, as Linux has it; where it is refused, long work is only kept to few places.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// Elsewhere that would be the whole process's.
#[cfg(not(target_os = "linux"))]
fn lower() {}

/// The queue of what has just come, and the threads that take from it.
struct Quick {
    line: Mutex<Line>,
    came: Condvar,
    most: usize,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Line {
    /// Counts one more thread, if one is wanted and may be.
    fn grows(&mut self, most: usize) -> bool {
        let grows = self.jobs.len() > self.idle && self.threads < most;
        self.threads += usize::from(grows);
        grows
    }
}

impl Quick {
    fn new(most: usize) -> Quick {
        Quick { line: Mutex::default(), came: Condvar::new(), most }
    }

    /// True where a thread has to be made for it.
    fn put(&self, job: Job) -> bool {
        let mut line = lock(&self.line);
        line.jobs.push_back(job);
        self.came.notify_one();
        line.grows(self.most)
    }

    /// The next job; none where the thread should end.
    fn next(&self) -> Option<Job> {
        let mut line = lock(&self.line);
        loop {
            if let Some(job) = line.jobs.pop_front() {
                return Some(job);
            }
            line.idle += 1;
            let (woken, waited) = self.came.wait_timeout(line, IDLE).unwrap_or_else(PoisonError::into_inner);
            line = woken;
            line.idle -= 1;
            if waited.timed_out() && line.jobs.is_empty() {
                line.threads -= 1;
                return None;
            }
        }
    }

    /// A thread went; true where one has to be made in its place.
    fn left(&self) -> bool {
        let mut line = lock(&self.line);
        line.threads -= 1;
        line.grows(self.most)
    }

    /// A thread could not be made: what nobody would take is dropped, which tells its asker.
    fn failed(&self) {
        let mut line = lock(&self.line);
        line.threads -= 1;
        if line.threads == 0 {
            line.jobs.clear();
        }
    }
}

/// The places for long work: whoever has had least is next.
struct Long(Mutex<Places>);

struct Places {
    free: usize,
    /// By the pauses they have had, then by the order in which they came.
    waiting: BTreeMap<(u64, u64), Thread>,
    came: u64,
}

impl Long {
    fn new(places: usize) -> Long {
        Long(Mutex::new(Places { free: places, waiting: BTreeMap::new(), came: 0 }))
    }

    /// Waits for a place.
    fn enter(&self, had: u64) {
        let mut places = lock(&self.0);
        match places.free.checked_sub(1) {
            Some(free) => places.free = free,
            None => self.wait(places, had),
        }
    }

    /// Hands the place to one who has had less, and waits for another.
    fn share(&self, had: u64) {
        let mut places = lock(&self.0);
        if let Some(first) = places.waiting.first_entry().filter(|first| first.key().0 < had) {
            first.remove().unpark();
            self.wait(places, had);
        }
    }

    fn leave(&self) {
        let mut places = lock(&self.0);
        match places.waiting.pop_first() {
            Some((_, next)) => next.unpark(),
            None => places.free += 1,
        }
    }

    /// Until whoever gives up a place takes this one from the list.
    fn wait<'a>(&'a self, mut places: MutexGuard<'a, Places>, had: u64) {
        let turn = (had, places.came);
        places.came += 1;
        places.waiting.insert(turn, thread::current());
        while places.waiting.contains_key(&turn) {
            drop(places);
            thread::park();
            places = lock(&self.0);
        }
    }
}

/// Whole under the lock: nothing in here panics half way.
fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::time::Instant;

    use super::*;

    /// Steps until told to stop, in stretches; how many.
    fn walk(stop: &AtomicBool) -> u64 {
        let mut budget = budget(u64::MAX);
        let mut stretches = 0;
        while !stop.load(SeqCst) && budget.take(Budget::STRETCH).is_ok() {
            stretches += 1;
            thread::sleep(Duration::from_micros(200));
        }
        stretches
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_short_question_does_not_wait_for_long_ones() {
        let stop = Arc::new(AtomicBool::new(false));
        let long: Vec<_> = (0..16)
            .map(|_| {
                let stop = stop.clone();
                tokio::spawn(compute(move || walk(&stop)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        for n in 0..100 {
            assert_eq!(
                tokio::time::timeout(Duration::from_secs(5), compute(move || n)).await.unwrap().unwrap(),
                n
            );
        }
        // One who needs little waits for those who have had much: for one stretch of theirs.
        let little = compute(|| (0..2 * QUICK).all(|_| budget(u64::MAX).take(Budget::STRETCH + 1).is_ok()));
        assert!(tokio::time::timeout(Duration::from_secs(5), little).await.unwrap().unwrap());
        stop.store(true, SeqCst);
        for one in long {
            one.await.unwrap().unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_nobody_waits_for_ends() {
        let (began, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let never = Arc::new(AtomicBool::new(false));
        let work = {
            let (began, ended) = (began.clone(), ended.clone());
            compute(move || {
                began.fetch_add(1, SeqCst);
                walk(&never);
                ended.fetch_add(1, SeqCst);
            })
        };
        let asked = tokio::spawn(work);
        let patience = Instant::now() + Duration::from_secs(10);
        while began.load(SeqCst) == 0 && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        asked.abort();
        while ended.load(SeqCst) == 0 && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ended.load(SeqCst), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_told_and_costs_no_thread() {
        for _ in 0..10 {
            assert!(matches!(compute(|| panic!("on purpose")).await, Err::<(), _>(Error::Broken(_))));
        }
        assert_eq!(compute(|| 7).await.unwrap(), 7);
    }

    #[test]
    fn a_place_goes_to_whoever_has_had_least() {
        let long = Arc::new(Long::new(1));
        let order = Arc::new(Mutex::new(Vec::new()));
        long.enter(1);
        let mut waiting = Vec::new();
        for (at, had) in [9, 2, 5, 2].into_iter().enumerate() {
            let (inside, order) = (long.clone(), order.clone());
            waiting.push(thread::spawn(move || {
                inside.enter(had);
                lock(&order).push((had, at));
                inside.leave();
            }));
            while lock(&long.0).waiting.len() <= at {
                thread::yield_now();
            }
        }
        long.share(4);
        lock(&order).push((4, 99));
        long.leave();
        waiting.into_iter().for_each(|one| one.join().unwrap());
        assert_eq!(*lock(&order), [(2, 1), (2, 3), (4, 99), (5, 2), (9, 0)]);
        assert_eq!(lock(&long.0).free, 1);
    }
}
