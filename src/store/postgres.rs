//! What only PostgreSQL needs: session settings, what its error codes mean, data-modifying `with` statements, and the
//! listener that wakes this process when another one wrote. The one invariant: no call waits for a dead server.

use std::str::FromStr;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Executor};

use crate::clinics::hex;
use crate::conn::Fate;
use crate::convoy::Course;
use crate::job::Outcome;
use crate::{ClinicId, Error, Result, Unique};

/// A row lock that somebody holds must not hold up a request (trust.md R8); a transaction whose client went away must
/// not hold the clinic's sequence.
const SESSION: &str = "set lock_timeout = 700; set idle_in_transaction_session_timeout = 30000; \
    set application_name = 'kalends'; set timezone = 'UTC'";

/// Of a connection that writes, besides. Everything a write asks is found by a key, whatever its values: planned once for
/// each text, not again for every booking (half of what it cost), and by the key also while the tables are still so
/// small, or so new, that reading all of them looks cheaper: the plan is kept when they grow. The estimates are then
/// beyond what compiling is meant for.
const WRITING: &str = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off";

/// The channel on which processes tell one another that they wrote.
pub(crate) const CHANNEL: &str = "kalends";

/// Where the server is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    options: AnyConnectOptions,
    writes: bool,
}

impl Place {
    pub(crate) fn new(url: &str) -> Result<Place> {
        let options = AnyConnectOptions::from_str(url);
        let options = options.map_err(|_| Error::Invalid("the address of PostgreSQL cannot be read"))?;
        Ok(Place { url: url.into(), options: options.disable_statement_logging(), writes: false })
    }

    /// The same for connections that write.
    pub(crate) fn writing(&self) -> Place {
        Place { writes: true, ..self.clone() }
    }

    /// Those of [`WRITING`] are kept, whatever has become of the tables.
    pub(crate) fn forget_plans(&self) -> Option<&'static str> {
        self.writes.then_some("discard plans")
    }

    pub(crate) async fn connect(&self) -> Result<AnyConnection> {
        let mut connection = self.options.connect().await.map_err(greeting)?;
        for session in [Some(SESSION), self.writes.then_some(WRITING)].into_iter().flatten() {
            let set = connection.execute(sqlx::raw_sql(session)).await;
            set.map_err(|error| self::error(error).0)?;
        }
        Ok(connection)
    }

    /// A connection that sees every clinic (migrations, archives).
    pub(crate) async fn connect_everywhere(&self) -> Result<AnyConnection> {
        let mut connection = self.connect().await?;
        let set = connection.execute(sqlx::raw_sql("set kalends.clinic = '0'")).await;
        set.map_err(|error| self::error(error).0)?;
        Ok(connection)
    }
}

/// What an error means while a connection is made. sqlx tells of a server that hangs up on the first word as of a
/// wrong answer (`Protocol`, SSLRequest answered by 0x00): it is away, as when it refuses.
fn greeting(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Protocol(_) => Error::Busy,
        error => self::error(error).0,
    }
}

/// What an error of sqlx means here.
pub(crate) fn error(error: sqlx::Error) -> (Error, Fate) {
    use sqlx::Error as E;
    match &error {
        E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => return (Error::Busy, Fate::Lost),
        E::Database(_) => {}
        _ => return (Error::Broken(std::sync::Arc::new(error)), Fate::Lost),
    }
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    match &*code {
        "23505" => (Error::Unique(unique(&error)), Fate::Kept),
        "23503" => (Error::Gone, Fate::Kept),
        "23P01" => (Error::Overlap, Fate::Kept),
        "53100" => (Error::Full, Fate::Kept),
        // Lock timeout, serialisation, deadlock: the connection is well.
        "55P03" | "40001" | "40P01" | "57014" => (Error::Busy, Fate::Kept),
        // Too many connections, shutting down, starting up, connection gone.
        code if code.starts_with("53")
            || code.starts_with("57")
            || code.starts_with("08")
            || code == "25P03" =>
        {
            (Error::Busy, Fate::Lost)
        }
        _ => (Error::Broken(std::sync::Arc::new(error)), Fate::Kept),
    }
}

/// PostgreSQL names the constraint.
fn unique(error: &sqlx::Error) -> Unique {
    match error.as_database_error().and_then(|error| error.constraint()).unwrap_or_default() {
        "clinics_name_key" => Unique::ClinicName,
        "principals_name_key" => Unique::PrincipalName,
        "collections_clinic_id_owner_id_slug_key" => Unique::CollectionSlug,
        "objects_clinic_id_collection_id_uid_key" => Unique::ObjectUid,
        _ => Unique::Other,
    }
}

/// The first statement of every transaction: it bumps, it is the lock that orders the writes of one clinic, and from here to
/// the end of the transaction the session is in this clinic (the policies of row-level security ask that setting). The
/// moment is asked for once the lock is held, of the one clock that all nodes share. In one text with what ends the job
/// before: several statements take no parameters, so the number of the clinic stands in it.
pub(crate) fn bump(before: &str, ClinicId(clinic): ClinicId) -> String {
    format!(
        "{before}; update clinics set seq = seq + 1 where id = {clinic} \
         returning seq, structure, audit_head, cast(extract(epoch from clock_timestamp()) as bigint), \
         set_config('kalends.clinic', cast(id as text), true)"
    )
}

/// Where none was kept so far: nothing is left of those before.
pub(crate) const ANEW: &str = "rollback; begin";

/// Between two stages of one transaction in which so many were kept, one at least. The first of them needs no savepoint: as
/// long as it is alone, the transaction is one.
pub(crate) fn between(last: Outcome, kept: usize) -> &'static str {
    match (last, kept) {
        (Outcome::Kept, ..=1) => "savepoint job",
        (Outcome::Kept, _) => "release job; savepoint job",
        (Outcome::Refused, _) => "rollback to job",
    }
}

/// After the last of them. Those after the first took their numbers without a trip for each, and where the audit ends is
/// only known now.
pub(crate) fn end(course: &Course) -> String {
    if course.kept == 0 {
        return "rollback".into();
    }
    let undone = if course.last == Some(Outcome::Refused) { "rollback to job; " } else { "" };
    let Some((seq, structure, audit_head)) = course.rest() else { return format!("{undone}commit") };
    let head = audit_head.map_or("null".into(), |head| format!("'\\x{}'", hex(head)));
    let ClinicId(clinic) = course.clinic;
    format!(
        "{undone}update clinics set seq = {seq}, structure = {structure}, audit_head = {head} where id = {clinic}; commit"
    )
}

/// Whether this session walks through row-level security.
pub(crate) const WALKS_THROUGH: &str = "select count(*) from pg_roles \
    where rolname = current_user and (rolsuper or rolbypassrls)";

/// A table with the functions of its triggers; a name of `tables.rs`.
pub(crate) fn drop_table(name: &str) -> String {
    format!(
        "do $$ declare one regprocedure; begin \
            for one in select distinct tgfoid::regprocedure from pg_trigger \
                where tgrelid = '{name}'::regclass and not tgisinternal \
            loop execute format('drop function %s cascade', one); end loop; \
        end $$; drop table {name} cascade"
    )
}

pub(crate) const TEXTS_AS_ONE: &str = "string_agg(convert_to(\
    octet_length(name) || ' ' || octet_length(text) || ' ' || name, 'UTF8') || etag || text, ''::bytea)";

/// Parameters: clinic, collection, name, seq, now, n, origin, caller.
pub(crate) const REMOVE_OBJECT: &str = "\
    with gone as (\
        delete from objects where clinic_id = $1 and collection_id = $2 and name = $3 \
        returning clinic_id, collection_id, name, size), \
    stone as (\
        insert into tombstones (clinic_id, collection_id, name, seq, at) \
        select clinic_id, collection_id, name, $4, $5 from gone \
        on conflict (clinic_id, collection_id, name) do update set seq = excluded.seq, at = excluded.at), \
    bump as (\
        update collections set seq = $4 from gone \
        where collections.clinic_id = gone.clinic_id and collections.id = gone.collection_id), \
    bare as (\
        delete from dead_properties \
        where clinic_id = $1 and owner_kind = 'object' and owner_id = $2 and owner_name = $3), \
    fact as (\
        insert into journal (clinic_id, seq, n, kind, collection_id, name, origin, caller_id, at) \
        select clinic_id, $4, $6, 'object-gone', collection_id, name, $7, $8, $5 from gone) \
    select size from gone";
