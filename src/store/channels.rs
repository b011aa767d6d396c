//! Channels: promises of Google to tell of changes. The row stands before Google is asked, so that the first
//! notification, which may come before the answer, finds it.

use sqlx::any::AnyRow;

use crate::value::{Columns, values};
use crate::{Aside, ClinicId, Conn, LinkId, Result};

macro_rules! columns {
    () => {
        "clinic_id, id, link_id, resource, hash, state, made_at, expires_at"
    };
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its clinic.
    pub clinic: ClinicId,
    /// Ours, random.
    pub id: String,
    /// What it tells of.
    pub link: LinkId,
    /// Google's name of what is watched; empty until it answered.
    pub resource: String,
    /// SHA-256 of the secret it echoes.
    pub hash: [u8; 32],
    /// In the caller's words.
    pub state: String,
    /// Seconds UTC.
    pub made_at: i64,
    /// Seconds UTC.
    pub expires_at: i64,
}

fn read(row: &AnyRow) -> Result<Channel> {
    let mut columns = Columns::of(row);
    Ok(Channel {
        clinic: ClinicId(columns.int()?),
        id: columns.text()?,
        link: LinkId(columns.int()?),
        resource: columns.text()?,
        hash: columns.hash()?,
        state: columns.text()?,
        made_at: columns.int()?,
        expires_at: columns.int()?,
    })
}

impl Conn {
    /// A channel by its id, in the whole installation.
    pub async fn channel(&mut self, id: &str) -> Result<Option<Channel>> {
        let sql = concat!("select ", columns!(), " from channels where id = $1");
        self.one(sql, values![id]).await?.as_ref().map(read).transpose()
    }

    /// The channels of a link, the newest first.
    pub async fn channels_of(&mut self, clinic: ClinicId, link: LinkId) -> Result<Vec<Channel>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from channels where clinic_id = $1 and link_id = $2 order by made_at desc, id limit 100"
        );
        self.all(sql, values![clinic, link]).await?.iter().map(read).collect()
    }
}

impl Aside {
    /// Keeps a channel.
    pub async fn save_channel(&mut self, one: &Channel) -> Result<()> {
        self.room()?;
        let sql = "insert into channels (clinic_id, id, link_id, resource, hash, state, made_at, expires_at) \
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (clinic_id, id) do update set \
            resource = excluded.resource, state = excluded.state, expires_at = excluded.expires_at";
        let values = values![
            one.clinic,
            one.id.as_str(),
            one.link,
            one.resource.as_str(),
            one.hash.as_slice(),
            one.state.as_str(),
            one.made_at,
            one.expires_at,
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// Forgets a channel: what still comes on it is of nobody's.
    pub async fn remove_channel(&mut self, clinic: ClinicId, id: &str) -> Result<()> {
        let sql = "delete from channels where clinic_id = $1 and id = $2";
        self.run(sql, values![clinic, id]).await.map(|_| ())
    }
}
