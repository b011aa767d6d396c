//! Remotes: somebody's account with Google, and consents under way. What is secret of them comes sealed and leaves
//! sealed: the key is not in the database.

use sqlx::any::AnyRow;

use crate::value::{Columns, Value, values};
use crate::{Aside, ClinicId, Conn, Error, PrincipalId, RemoteId, Result};

macro_rules! columns {
    () => {
        "clinic_id, id, principal_id, subject, email, scopes, refresh, access, access_until, state, reason, \
        connected_at, list_at, unlinked"
    };
}

/// An account there. No `Debug`: it holds an address and sealed tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its clinic.
    pub clinic: ClinicId,
    /// Its id; 0 before it is kept.
    pub id: RemoteId,
    /// Who connected it.
    pub principal: PrincipalId,
    /// What Google calls the person: never changes, is no address.
    pub subject: String,
    /// The address it answered with.
    pub email: String,
    /// What was granted, words with a blank between.
    pub scopes: String,
    /// Sealed.
    pub refresh: Option<Vec<u8>>,
    /// Sealed.
    pub access: Option<Vec<u8>>,
    /// Seconds UTC.
    pub access_until: i64,
    /// In the caller's words.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Seconds UTC.
    pub connected_at: i64,
    /// When its list of calendars must be looked at next, seconds UTC.
    pub list_at: i64,
    /// Calendars in that list that no link has, as last seen.
    pub unlinked: i64,
}

/// A consent under way. No `Debug`.
#[derive(Clone)]
pub struct Consent {
    /// In which clinic.
    pub clinic: ClinicId,
    /// SHA-256 of the state that travels with it.
    pub hash: [u8; 32],
    /// Who asked for it: nobody else may finish it.
    pub principal: PrincipalId,
    /// Sealed (RFC 7636 4.1).
    pub verifier: Vec<u8>,
    /// What was asked for.
    pub scopes: String,
    /// Seconds UTC.
    pub expires_at: i64,
}

fn read(row: &AnyRow) -> Result<Remote> {
    let mut columns = Columns::of(row);
    Ok(Remote {
        clinic: ClinicId(columns.int()?),
        id: RemoteId(columns.int()?),
        principal: PrincipalId(columns.int()?),
        subject: columns.text()?,
        email: columns.text()?,
        scopes: columns.text()?,
        refresh: columns.maybe_blob()?,
        access: columns.maybe_blob()?,
        access_until: columns.int()?,
        state: columns.text()?,
        reason: columns.text()?,
        connected_at: columns.int()?,
        list_at: columns.int()?,
        unlinked: columns.int()?,
    })
}

impl Conn {
    /// A remote by its id.
    pub async fn remote(&mut self, clinic: ClinicId, id: RemoteId) -> Result<Option<Remote>> {
        let sql = concat!("select ", columns!(), " from remotes where clinic_id = $1 and id = $2");
        self.one(sql, values![clinic, id]).await?.as_ref().map(read).transpose()
    }

    /// The remotes of a person, by id.
    pub async fn remotes(&mut self, clinic: ClinicId, of: PrincipalId) -> Result<Vec<Remote>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from remotes where clinic_id = $1 and principal_id = $2 order by id limit 100"
        );
        self.all(sql, values![clinic, of]).await?.iter().map(read).collect()
    }

    /// The remotes of a clinic, by id.
    pub async fn remotes_of_clinic(&mut self, clinic: ClinicId) -> Result<Vec<Remote>> {
        let sql =
            concat!("select ", columns!(), " from remotes where clinic_id = $1 order by id limit 10000");
        self.all(sql, values![clinic]).await?.iter().map(read).collect()
    }

    /// A page of a clinic's remotes, or of one person's, by id.
    pub async fn remotes_page(
        &mut self,
        clinic: ClinicId,
        of: Option<PrincipalId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Remote>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from remotes where clinic_id = $1 and id > $2 and ($3 = 0 or principal_id = $3) order by id limit $4"
        );
        let of = of.map_or(0, |of| of.0);
        self.all(sql, values![clinic, after, of, limit]).await?.iter().map(read).collect()
    }

    /// Remotes of the whole installation in this state that have links and whose list must be looked at, the longest
    /// waiting first.
    pub async fn remotes_due(&mut self, state: &str, now: i64, limit: u32) -> Result<Vec<Remote>> {
        let sql = concat!(
            "select ",
            columns!(),
            " from remotes where list_at <= $2 and state = $1 and exists (select 1 from links where \
            links.clinic_id = remotes.clinic_id and links.remote_id = remotes.id) order by list_at, id limit $3"
        );
        self.all(sql, values![state, now, limit]).await?.iter().map(read).collect()
    }

    /// What became of a consent: the remote it made. None: it is under way, or there is no such consent.
    pub async fn consented(&mut self, clinic: ClinicId, hash: &[u8; 32]) -> Result<Option<RemoteId>> {
        let sql =
            "select remote_id from consents where clinic_id = $1 and hash = $2 and remote_id is not null";
        Ok(self.number(sql, values![clinic, hash.as_slice()]).await?.map(RemoteId))
    }
}

impl Aside {
    /// Notes that somebody went to ask for consent; forgets the consents of all that are over.
    pub async fn begin_consent(&mut self, new: &Consent) -> Result<()> {
        self.room()?;
        let now = self.now();
        self.run("delete from consents where expires_at <= $1", values![now]).await?;
        let sql = "insert into consents (clinic_id, hash, principal_id, verifier, scopes, expires_at) \
            values ($1, $2, $3, $4, $5, $6)";
        let (hash, verifier) = (new.hash.as_slice(), new.verifier.as_slice());
        let values = values![new.clinic, hash, new.principal, verifier, new.scopes.as_str(), new.expires_at];
        self.run(sql, values).await.map(|_| ())
    }

    /// Takes a consent, once: whoever comes second finds none. The row stays until it ends, without its verifier, to say
    /// what became of it.
    pub async fn take_consent(&mut self, hash: &[u8; 32]) -> Result<Option<Consent>> {
        let sql = "select clinic_id, principal_id, verifier, scopes, expires_at from consents \
            where hash = $1 and expires_at > $2 and length(verifier) > 0";
        let now = self.now();
        let Some(row) = self.one(sql, values![hash.as_slice(), now]).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let consent = Consent {
            clinic: ClinicId(columns.int()?),
            hash: *hash,
            principal: PrincipalId(columns.int()?),
            verifier: columns.blob()?.to_vec(),
            scopes: columns.text()?,
            expires_at: columns.int()?,
        };
        let sql =
            "update consents set verifier = $3 where clinic_id = $1 and hash = $2 and length(verifier) > 0";
        let nothing: &[u8] = &[];
        let taken = self.run(sql, values![consent.clinic, hash.as_slice(), nothing]).await?;
        Ok((taken > 0).then_some(consent))
    }

    /// Says which remote a consent made.
    pub async fn end_consent(&mut self, clinic: ClinicId, hash: &[u8; 32], made: RemoteId) -> Result<()> {
        let sql = "update consents set remote_id = $3 where clinic_id = $1 and hash = $2";
        self.run(sql, values![clinic, hash.as_slice(), made]).await.map(|_| ())
    }

    /// Keeps a remote: the one of its person and subject is replaced, so that its links go on. Returns its id.
    pub async fn save_remote(&mut self, remote: &Remote) -> Result<RemoteId> {
        self.room()?;
        let id = if remote.id.0 == 0 { self.next_id().await? } else { remote.id.0 };
        let sql = "insert into remotes (clinic_id, id, principal_id, subject, email, scopes, refresh, access, \
            access_until, state, reason, connected_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
            on conflict (clinic_id, principal_id, subject) do update set email = excluded.email, \
            scopes = excluded.scopes, refresh = excluded.refresh, access = excluded.access, \
            access_until = excluded.access_until, state = excluded.state, reason = excluded.reason, \
            connected_at = excluded.connected_at returning id";
        let values = values![
            remote.clinic,
            id,
            remote.principal,
            remote.subject.as_str(),
            remote.email.as_str(),
            remote.scopes.as_str(),
            Value::Blob(remote.refresh.clone()),
            Value::Blob(remote.access.clone()),
            remote.access_until,
            remote.state.as_str(),
            remote.reason.as_str(),
            remote.connected_at,
        ];
        let kept = self.number(sql, values).await?;
        kept.map(RemoteId).ok_or_else(|| Error::broken("a remote was not kept"))
    }

    /// Changes a remote that is there: its tokens and its state. One that was removed meanwhile stays away: false.
    pub async fn change_remote(&mut self, remote: &Remote) -> Result<bool> {
        self.room()?;
        let sql = "update remotes set refresh = $3, access = $4, access_until = $5, state = $6, reason = $7 \
            where clinic_id = $1 and id = $2";
        let values = values![
            remote.clinic,
            remote.id,
            Value::Blob(remote.refresh.clone()),
            Value::Blob(remote.access.clone()),
            remote.access_until,
            remote.state.as_str(),
            remote.reason.as_str(),
        ];
        Ok(self.run(sql, values).await? > 0)
    }

    /// Takes the look at a remote's list, due as it was read; until then nobody else does. False: another has it.
    pub async fn take_list(&mut self, remote: &Remote, until: i64) -> Result<bool> {
        let sql = "update remotes set list_at = $4 where clinic_id = $1 and id = $2 and list_at = $3";
        Ok(self.run(sql, values![remote.clinic, remote.id, remote.list_at, until]).await? > 0)
    }

    /// The list is to be looked at by then at the latest.
    pub async fn call_list(&mut self, clinic: ClinicId, id: RemoteId, at: i64) -> Result<()> {
        let sql = "update remotes set list_at = $3 where clinic_id = $1 and id = $2 and list_at > $3";
        self.run(sql, values![clinic, id, at]).await.map(|_| ())
    }

    /// What the list says: how many calendars no link has, and what those of the links are called.
    pub async fn saw_list(
        &mut self,
        clinic: ClinicId,
        id: RemoteId,
        unlinked: i64,
        names: &[(String, String)],
    ) -> Result<()> {
        let sql = "update remotes set unlinked = $3 where clinic_id = $1 and id = $2";
        self.run(sql, values![clinic, id, unlinked]).await?;
        let sql = "update links set name = $4 \
            where clinic_id = $1 and remote_id = $2 and calendar = $3 and name <> $4";
        for (calendar, name) in names {
            self.run(sql, values![clinic, id, calendar.as_str(), name.as_str()]).await?;
        }
        Ok(())
    }

    /// Removes a remote with its links and all that hangs on them.
    pub async fn remove_remote(&mut self, clinic: ClinicId, id: RemoteId) -> Result<bool> {
        let gone =
            self.run("delete from remotes where clinic_id = $1 and id = $2", values![clinic, id]).await?;
        Ok(gone > 0)
    }
}
