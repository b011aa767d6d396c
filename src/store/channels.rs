//! Channels: promises of Google to tell of changes, in a link's calendar or in an account's list of calendars. The row
//! stands before Google is asked, so that the first notification, which may come before the answer, finds it.

use sqlx::any::AnyRow;

use crate::value::{Columns, values};
use crate::{Aside, ClinicId, Conn, LinkId, RemoteId, Result};

/// What a channel tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watched {
    /// The calendar of a link.
    Calendar(LinkId),
    /// The list of an account's calendars.
    List(RemoteId),
}

impl Watched {
    fn id(self) -> i64 {
        match self {
            Watched::Calendar(link) => link.0,
            Watched::List(remote) => remote.0,
        }
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its clinic.
    pub clinic: ClinicId,
    /// Ours, random.
    pub id: String,
    /// What it tells of.
    pub of: Watched,
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
    /// The clinic's epoch when it was opened; empty: before that was noted.
    pub life: String,
}

macro_rules! columns {
    ($of:literal) => {
        concat!("clinic_id, id, ", $of, ", resource, hash, state, made_at, expires_at, life")
    };
}

fn read(row: &AnyRow, of: impl Fn(i64) -> Watched) -> Result<Channel> {
    let mut columns = Columns::of(row);
    Ok(Channel {
        clinic: ClinicId(columns.int()?),
        id: columns.text()?,
        of: of(columns.int()?),
        resource: columns.text()?,
        hash: columns.hash()?,
        state: columns.text()?,
        made_at: columns.int()?,
        expires_at: columns.int()?,
        life: columns.text()?,
    })
}

fn calendar(id: i64) -> Watched {
    Watched::Calendar(LinkId(id))
}

fn listing(id: i64) -> Watched {
    Watched::List(RemoteId(id))
}

impl Conn {
    /// A channel by its id, in the whole installation.
    pub async fn channel(&mut self, id: &str) -> Result<Option<Channel>> {
        let sql = concat!("select ", columns!("link_id"), " from channels where id = $1");
        if let Some(row) = self.one(sql, values![id]).await? {
            return read(&row, calendar).map(Some);
        }
        let sql = concat!("select ", columns!("remote_id"), " from list_channels where id = $1");
        self.one(sql, values![id]).await?.as_ref().map(|row| read(row, listing)).transpose()
    }

    /// The channels of a link or of a list, the newest first.
    pub async fn channels_of(&mut self, clinic: ClinicId, of: Watched) -> Result<Vec<Channel>> {
        let sql = match of {
            Watched::Calendar(_) => concat!(
                "select ",
                columns!("link_id"),
                " from channels where clinic_id = $1 and link_id = $2 order by made_at desc, id limit 100"
            ),
            Watched::List(_) => concat!(
                "select ",
                columns!("remote_id"),
                " from list_channels where clinic_id = $1 and remote_id = $2 order by made_at desc, id limit 100"
            ),
        };
        let rows = self.all(sql, values![clinic, of.id()]).await?;
        rows.iter().map(|row| read(row, |_| of)).collect()
    }
}

impl Aside {
    /// Keeps a channel.
    pub async fn save_channel(&mut self, one: &Channel) -> Result<()> {
        macro_rules! insert {
            ($table:literal, $of:literal) => {
                concat!(
                    "insert into ",
                    $table,
                    " (",
                    columns!($of),
                    ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (clinic_id, id) do update set \
                    resource = excluded.resource, state = excluded.state, expires_at = excluded.expires_at"
                )
            };
        }
        self.room()?;
        let sql = match one.of {
            Watched::Calendar(_) => insert!("channels", "link_id"),
            Watched::List(_) => insert!("list_channels", "remote_id"),
        };
        let values = values![
            one.clinic,
            one.id.as_str(),
            one.of.id(),
            one.resource.as_str(),
            one.hash.as_slice(),
            one.state.as_str(),
            one.made_at,
            one.expires_at,
            one.life.as_str(),
        ];
        self.run(sql, values).await.map(|_| ())
    }

    /// Forgets a channel: what still comes on it is of nobody's.
    pub async fn remove_channel(&mut self, one: &Channel) -> Result<()> {
        let sql = match one.of {
            Watched::Calendar(_) => "delete from channels where clinic_id = $1 and id = $2",
            Watched::List(_) => "delete from list_channels where clinic_id = $1 and id = $2",
        };
        self.run(sql, values![one.clinic, one.id.as_str()]).await.map(|_| ())
    }
}
