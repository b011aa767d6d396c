//! The one place that asks which database it is: how to connect, and the few statements whose text differs. The texts
//! themselves stand in `sqlite` and `postgres`.

use sqlx::AnyConnection;

use crate::{Database, DatabaseUrl, Options, Result, postgres, sqlite};

/// How to reach the database.
#[derive(Clone)]
pub(crate) enum Dialect {
    Sqlite(sqlite::Place),
    Postgres(postgres::Place),
}

impl Dialect {
    pub(crate) fn of(options: &Options) -> Result<Dialect> {
        sqlx::any::install_default_drivers();
        Ok(match &options.url {
            DatabaseUrl::Sqlite(path) => Dialect::Sqlite(sqlite::Place::new(path, options)?),
            DatabaseUrl::Postgres(url) => Dialect::Postgres(postgres::Place::new(url)?),
        })
    }

    pub(crate) fn database(&self) -> Database {
        match self {
            Dialect::Sqlite(_) => Database::Sqlite,
            Dialect::Postgres(_) => Database::Postgres,
        }
    }

    /// A connection that reads (on PostgreSQL: and writes).
    pub(crate) async fn reader(&self) -> Result<AnyConnection> {
        match self {
            Dialect::Sqlite(place) => place.reader().await,
            Dialect::Postgres(place) => place.connect().await,
        }
    }

    /// Lets a connection of [`Dialect::reader`] plan anew, where it keeps its plans.
    pub(crate) fn forget_plans(&self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite(_) => None,
            Dialect::Postgres(place) => place.forget_plans(),
        }
    }

    /// A connection of its own that writes, for the whole installation (PostgreSQL: in every clinic).
    pub(crate) async fn writer(&self) -> Result<AnyConnection> {
        match self {
            Dialect::Sqlite(place) => place.writer().await,
            Dialect::Postgres(place) => place.connect_everywhere().await,
        }
    }
}

impl Database {
    /// Begins a transaction that reads one state. Both databases fix it with the first read, not with the begin.
    pub(crate) fn begin_snapshot(self) -> &'static str {
        match self {
            Database::Sqlite => "begin deferred; select count(*) from clinics",
            Database::Postgres => "begin isolation level repeatable read read only; select 1 from clinics",
        }
    }

    /// How many bytes the database takes.
    pub(crate) fn size(self) -> &'static str {
        match self {
            Database::Sqlite => "select page_count * page_size from pragma_page_count, pragma_page_size",
            Database::Postgres => "select pg_database_size(current_database())",
        }
    }

    /// Begins a transaction that writes.
    pub(crate) fn begin_write(self) -> &'static str {
        match self {
            Database::Sqlite => "begin immediate",
            Database::Postgres => "begin",
        }
    }

    /// Names, ETags and texts of all rows in one value, which `objects.rs` takes apart; null where there is no row.
    pub(crate) fn texts_as_one(self) -> &'static str {
        match self {
            Database::Sqlite => sqlite::TEXTS_AS_ONE,
            Database::Postgres => postgres::TEXTS_AS_ONE,
        }
    }

    /// Drops this table and what hangs on it: on PostgreSQL its triggers' functions too, which `create` would find in its way.
    pub(crate) fn drop_table(self, name: &str) -> String {
        match self {
            Database::Sqlite => format!("drop table {name}"),
            Database::Postgres => postgres::drop_table(name),
        }
    }

    /// `table.column` of all there are.
    pub(crate) fn columns(self) -> &'static str {
        match self {
            Database::Sqlite => {
                "select m.name || '.' || c.name from sqlite_master m, pragma_table_info(m.name) c \
                 where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\'"
            }
            Database::Postgres => {
                "select table_name || '.' || column_name from information_schema.columns \
                 where table_schema = current_schema()"
            }
        }
    }

    /// Begins a transaction that writes beside the sequence, for whichever clinics.
    pub(crate) fn begin_aside(self) -> &'static str {
        match self {
            Database::Sqlite => "begin immediate",
            Database::Postgres => "begin; set local kalends.clinic = '0'",
        }
    }

    /// The same for one whose commit need not wait for the disk.
    pub(crate) fn begin_aside_soon(self) -> &'static str {
        match self {
            Database::Sqlite => self.begin_aside(),
            Database::Postgres => "begin; set local kalends.clinic = '0'; set local synchronous_commit = off",
        }
    }

    /// Statements of which none but the last is asked for an answer, as one text and one trip. PostgreSQL runs them on one
    /// snapshot and in no order, so none may depend on another one of them.
    pub(crate) fn together(self, all: &[String]) -> String {
        match (self, all) {
            (Database::Postgres, [others @ .., last]) if !others.is_empty() => {
                let others = others.iter().enumerate().map(|(n, sql)| format!("done{n} as ({sql})"));
                format!("with {} {last}", others.collect::<Vec<_>>().join(", "))
            }
            _ => all.join("; "),
        }
    }

    /// Whether rows are removed by a list of their keys. SQLite, which has no join there, would look through the whole table
    /// for it; a statement for each key costs it little.
    pub(crate) fn removes_by_list(self) -> bool {
        match self {
            Database::Sqlite => false,
            Database::Postgres => true,
        }
    }

    /// After a table's name: through which index. SQLite chooses by what it was told to believe (`sqlite::MAKE_KNOWN`), and
    /// without that would rather read all of a clinic's millions than use a longer key.
    pub(crate) fn through(self, index: &str) -> String {
        match self {
            Database::Sqlite => format!(" indexed by {index}"),
            Database::Postgres => String::new(),
        }
    }

    /// Removes an object and all that belongs to it; returns a row when there was one.
    pub(crate) fn remove_object(self) -> &'static str {
        match self {
            Database::Sqlite => sqlite::REMOVE_OBJECT,
            Database::Postgres => postgres::REMOVE_OBJECT,
        }
    }
}
