//! Feeds: secret links to a collection. Only the hash of the secret is kept; a revoked row stays to be seen.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, LIST, Value, list, values};
use crate::{Aside, ClinicId, CollectionId, Conn, Error, Fact, FeedId, Result, Tx};

macro_rules! columns {
    () => {
        "clinic_id, id, collection_id, scope, label, created_at, used_at, revoked_at"
    };
}

/// What a feed shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedScope {
    /// The events.
    Full,
    /// Busy times only.
    Busy,
}

/// One feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its id.
    pub id: FeedId,
    /// Its clinic.
    pub clinic: ClinicId,
    /// Of which collection.
    pub collection: CollectionId,
    /// What it shows.
    pub scope: FeedScope,
    /// What its maker calls it.
    pub label: String,
    /// Seconds UTC.
    pub created_at: i64,
    /// Seconds UTC, exact to a minute.
    pub used_at: Option<i64>,
    /// Seconds UTC; Some: no longer valid.
    pub revoked_at: Option<i64>,
}

/// A feed to be made.
#[derive(Clone)]
pub struct NewFeed {
    /// Of which collection.
    pub collection: CollectionId,
    /// SHA-256 (or MAC) of the secret; unique.
    pub secret_hash: [u8; 32],
    /// What it shows.
    pub scope: FeedScope,
    /// What its maker calls it.
    pub label: String,
}

impl FeedScope {
    fn text(self) -> &'static str {
        match self {
            FeedScope::Full => "full",
            FeedScope::Busy => "busy",
        }
    }

    fn read(text: &str) -> Result<FeedScope> {
        match text {
            "full" => Ok(FeedScope::Full),
            "busy" => Ok(FeedScope::Busy),
            _ => Err(Error::broken("an unknown scope of a feed")),
        }
    }
}

fn read(row: &AnyRow) -> Result<Feed> {
    let mut columns = Columns::of(row);
    Ok(Feed {
        clinic: ClinicId(columns.int()?),
        id: FeedId(columns.int()?),
        collection: CollectionId(columns.int()?),
        scope: FeedScope::read(&columns.text()?)?,
        label: columns.text()?,
        created_at: columns.int()?,
        used_at: columns.maybe_int()?,
        revoked_at: columns.maybe_int()?,
    })
}

impl Conn {
    /// The live feed of this secret's hash, in the whole installation.
    pub async fn feed_by_hash(&mut self, secret_hash: &[u8; 32]) -> Result<Option<Feed>> {
        let sql = concat!("select ", columns!(), " from feeds where secret_hash = $1 and revoked_at is null");
        self.one(sql, values![secret_hash.as_slice()]).await?.as_ref().map(read).transpose()
    }

    /// The feeds of a collection, revoked ones too, ordered by id.
    pub async fn feeds(&mut self, clinic: ClinicId, of: CollectionId) -> Result<Vec<Feed>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from feeds where clinic_id = $1 and collection_id = $2 order by id"
        );
        let rows = self.all(sql, values![clinic, of]).await?;
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Makes a feed. `Error::Gone` without the collection.
    pub async fn insert_feed(&mut self, new: NewFeed) -> Result<Feed> {
        self.room()?;
        let id = FeedId(self.next_id().await?);
        let (clinic, collection, created_at) = (self.clinic(), new.collection, self.now());
        let sql = "insert into feeds (clinic_id, id, collection_id, secret_hash, scope, label, created_at) \
            values ($1, $2, $3, $4, $5, $6, $7)";
        let hash = new.secret_hash.as_slice();
        let values = values![clinic, id, collection, hash, new.scope.text(), new.label.as_str(), created_at];
        self.run(sql, values).await?;
        self.note(Fact::FeedChanged { collection }).await?;
        let (scope, label) = (new.scope, new.label);
        Ok(Feed { id, clinic, collection, scope, label, created_at, used_at: None, revoked_at: None })
    }

    /// Ends a feed. False when the collection has no such live one.
    pub async fn revoke_feed(&mut self, of: CollectionId, id: FeedId) -> Result<bool> {
        let sql = "update feeds set revoked_at = $4 \
            where clinic_id = $1 and collection_id = $2 and id = $3 and revoked_at is null";
        let values = values![self.clinic(), of, id, self.now()];
        let ended = self.run(sql, values).await? > 0;
        if ended {
            self.note(Fact::FeedChanged { collection: of }).await?;
        }
        Ok(ended)
    }
}

impl Aside {
    /// Sets `used_at` to now for all of these; the caller gathers them and calls at most once a minute.
    pub async fn touch_feeds(&mut self, clinic: ClinicId, ids: &[FeedId]) -> Result<()> {
        let now = self.now();
        for chunk in ids.chunks(LIST) {
            let (places, ids) = list(3, chunk.iter().map(|id| Value::from(*id)).collect());
            let sql = format!("update feeds set used_at = $2 where clinic_id = $1 and id in ({places})");
            self.run(AssertSqlSafe(sql), [values![clinic, now], ids].concat()).await?;
        }
        Ok(())
    }
}
