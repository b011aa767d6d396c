//! How processes on one PostgreSQL database wake one another. A commit is announced by a notification of its own a few
//! milliseconds later, many commits by one: `notify` inside the writing transaction would make every commit of every
//! clinic wait for one lock. The announcement is for speed only: what counts is the version every request reads.

use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::clinics::{hex, random};
use crate::conn::Conn;
use crate::dialect::Dialect;
use crate::pool::Pool;
use crate::postgres::CHANNEL;
use crate::{Database, Result};

/// Commits within this time share one announcement: each is a commit of its own, and wakes every node.
const GATHER: Duration = Duration::from_millis(15);

/// How long to wait before a lost server is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The two tasks; they end when this is dropped.
pub(crate) struct Herald {
    committed: Arc<Notify>,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Herald {
    pub(crate) fn start(dialect: &Dialect, url: String, pulse: watch::Sender<u64>) -> Result<Herald> {
        let committed = Arc::new(Notify::new());
        let me = hex(&random::<8>()?);
        let pool = Pool::new(dialect.clone(), 1);
        let tasks = [
            tokio::spawn(announce(pool, Arc::clone(&committed), me.clone())),
            tokio::spawn(listen(url, me, pulse)),
        ];
        Ok(Herald { committed, tasks })
    }

    /// A commit of ours has returned.
    pub(crate) fn committed(&self) {
        self.committed.notify_one();
    }
}

impl Drop for Herald {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

async fn announce(pool: Pool, committed: Arc<Notify>, me: String) {
    loop {
        committed.notified().await;
        sleep(GATHER).await;
        while let Err(error) = tell(&pool, &me).await {
            tracing::warn!(%error, "other processes cannot be told of changes");
            sleep(RETRY).await;
        }
    }
}

async fn tell(pool: &Pool, me: &str) -> Result<()> {
    let mut conn = Conn::lent(pool.lend(None).await?, Database::Postgres);
    // Nothing is lost with it: the disk is left to the commits that are announced.
    conn.script(AssertSqlSafe(format!("set synchronous_commit = off; notify {CHANNEL}, '{me}'"))).await
}

/// Wakes on what others announce; after every connect too, because announcements were missed until then.
async fn listen(url: String, me: String, pulse: watch::Sender<u64>) {
    loop {
        let connected = timeout(CONNECT, connect(&url)).await;
        if let Ok(Ok(mut listener)) = connected {
            pulse.send_modify(|count| *count += 1);
            while let Ok(Some(heard)) = listener.try_recv().await {
                if heard.payload() != me {
                    pulse.send_modify(|count| *count += 1);
                }
            }
        }
        sleep(RETRY).await;
    }
}

async fn connect(url: &str) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.ignore_pool_close_event(true);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}
