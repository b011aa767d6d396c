//! `/health/live` and `/health/ready`, for whatever starts and watches this process.
//!
//! Live: the process answers. Ready: its database does too. Neither says more than that to a stranger.

use http::{HeaderValue, StatusCode, header};
use store::{ClinicId, Store};

use crate::edge::{Answer, Problem, limits, problem};

/// The process answers.
pub fn live() -> Answer {
    well()
}

/// The database answers: one read of the clinic's row, and one of its version.
pub async fn ready(store: &Store, clinic: ClinicId) -> Answer {
    match asked(store, clinic).await {
        Ok(()) => well(),
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            Problem::busy(limits::RETRY_SECONDS).answer()
        }
    }
}

async fn asked(store: &Store, clinic: ClinicId) -> Result<(), store::Error> {
    store.version(clinic).await?;
    store.across().await?.clinic(clinic).await?;
    Ok(())
}

fn well() -> Answer {
    let mut answer = problem::plain(StatusCode::OK, "ok\n");
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
