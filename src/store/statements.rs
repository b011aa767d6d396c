//! Statements that travel together: every text is a trip to the database and back, which costs more than most of what is
//! done there. The one invariant: none of them depends on another one, since PostgreSQL runs them on one snapshot.

use std::fmt::Write;

use crate::Database;
use crate::value::Value;

/// Statements on their way.
#[derive(Default)]
pub(crate) struct Statements(Vec<Part>);

enum Part {
    /// Texts that share their values: `$1` is the first of these.
    Texts(Vec<String>, Vec<Value>),
    /// Rows of one statement.
    Rows(Over, Vec<Vec<Value>>),
}

/// What is said over rows: a listing statement, or that they go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Listing(&'static Listing),
    Keyed(&'static Keyed),
}

/// A statement over a list of rows, `... values (...), (...) ...`. Those of all who travel together are one.
#[derive(PartialEq, Eq)]
pub(crate) struct Listing {
    /// What stands before `values`: `insert into ... (...)`.
    pub before: &'static str,
    /// What follows the rows.
    pub after: &'static str,
}

/// A table whose rows are removed by their keys.
#[derive(PartialEq, Eq)]
pub(crate) struct Keyed {
    pub table: &'static str,
    pub key: &'static [&'static str],
}

impl Keyed {
    /// By one of the rows of `$from, ...`.
    fn one(&self, from: usize) -> String {
        let parts = self.key.iter().zip(from..).map(|(column, n)| format!("{column} = ${n}"));
        format!("delete from {} where {}", self.table, parts.collect::<Vec<_>>().join(" and "))
    }

    /// By all of these.
    fn texts(&self, database: Database, from: usize, rows: usize) -> Vec<String> {
        let (table, width) = (self.table, self.key.len());
        if rows == 1 || !database.removes_by_list() {
            return (0..rows).map(|row| self.one(from + row * width)).collect();
        }
        let parts = self.key.iter().zip(1..).map(|(column, n)| format!("{table}.{column} = v.column{n}"));
        let is_it = parts.collect::<Vec<_>>().join(" and ");
        vec![format!("delete from {table} using (values {}) as v where {is_it}", places(from, rows, width))]
    }
}

impl Statements {
    /// Values of what travels with others.
    pub(crate) const MOST: usize = 100;

    /// Texts with the values of all of them.
    pub(crate) fn texts(mut self, all: &[&str], values: Vec<Value>) -> Statements {
        self.0.push(Part::Texts(all.iter().map(|sql| (*sql).to_owned()).collect(), values));
        self
    }

    /// Rows of a listing statement, all of one width.
    pub(crate) fn rows(self, listing: &'static Listing, new: Vec<Vec<Value>>) -> Statements {
        self.over(Over::Listing(listing), new)
    }

    /// Keys of rows that go, all of a table whose rows nothing else here touches.
    pub(crate) fn keys(self, keyed: &'static Keyed, new: Vec<Vec<Value>>) -> Statements {
        self.over(Over::Keyed(keyed), new)
    }

    fn over(mut self, what: Over, new: Vec<Vec<Value>>) -> Statements {
        let there = self.0.iter_mut().find_map(|part| match part {
            Part::Rows(other, rows) if *other == what => Some(rows),
            _ => None,
        });
        match there {
            Some(rows) => rows.extend(new),
            None if new.is_empty() => {}
            None => self.0.push(Part::Rows(what, new)),
        }
        self
    }

    /// With others behind them.
    pub(crate) fn join(&mut self, others: Statements) {
        for part in others.0 {
            let all = std::mem::take(self);
            *self = match part {
                Part::Rows(what, rows) => all.over(what, rows),
                Part::Texts(..) => Statements(all.0.into_iter().chain([part]).collect()),
            };
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many values that are.
    pub(crate) fn size(&self) -> usize {
        let size = |part: &Part| match part {
            Part::Texts(_, values) => values.len(),
            Part::Rows(_, rows) => rows.iter().map(Vec::len).sum(),
        };
        self.0.iter().map(size).sum()
    }

    /// The texts as they are sent: the values of each come behind those that are there.
    pub(crate) fn numbered(self, database: Database) -> (Vec<String>, Vec<Value>) {
        let (mut all, mut sent) = (Vec::new(), Vec::new());
        for part in self.0 {
            match part {
                Part::Texts(texts, values) => {
                    all.extend(texts.iter().map(|sql| shifted(sql, sent.len())));
                    sent.extend(values);
                }
                Part::Rows(what, rows) => {
                    let from = sent.len() + 1;
                    match what {
                        Over::Listing(Listing { before, after }) => {
                            let places = places(from, rows.len(), rows.first().map_or(0, Vec::len));
                            all.push(format!("{before} values {places}{after}"));
                        }
                        Over::Keyed(keyed) => all.extend(keyed.texts(database, from, rows.len())),
                    }
                    sent.extend(rows.into_iter().flatten());
                }
            }
        }
        (all, sent)
    }
}

/// `($n, ...), (...)`: `rows` times `width` places.
pub(crate) fn places(from: usize, rows: usize, width: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for place in 0..width {
            let comma = if place == 0 { "" } else { ", " };
            write!(text, "{comma}${}", from + row * width + place).ok();
        }
        text.push(')');
    }
    text
}

/// A text whose `$1` is the first value after so many others.
fn shifted(sql: &str, before: usize) -> String {
    let mut parts = sql.split('$');
    let mut text = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (n, rest) = part.split_at(digits);
        let n = n.parse::<usize>().map_or(0, |n| n + before);
        write!(text, "${n}{rest}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::values;

    const ROWS: Listing = Listing { before: "insert into f (g, h)", after: " on conflict do nothing" };

    #[test]
    fn statements_keep_their_own_values_and_rows_of_one_listing_are_one() {
        let mut gathered = Statements::default();
        gathered.join(Statements::default().texts(&["insert into a values ($1, $2)"], values![1i64, 2i64]));
        gathered.join(Statements::default().rows(&ROWS, vec![values![3i64, 4i64]]));
        let texts = ["update b set c = $2 where d = $1", "delete from e where f = $12x"];
        let more = Statements::default().texts(&texts, values![5i64, 6i64]);
        gathered.join(more.rows(&ROWS, vec![values![7i64, 8i64]]));
        assert_eq!(gathered.size(), 8);
        let (all, sent) = gathered.numbered(Database::Sqlite);
        assert_eq!(sent, values![1i64, 2i64, 3i64, 4i64, 7i64, 8i64, 5i64, 6i64]);
        assert_eq!(
            Database::Sqlite.together(&all),
            "insert into a values ($1, $2); insert into f (g, h) values ($3, $4), ($5, $6) on conflict do nothing; \
             update b set c = $8 where d = $7; delete from e where f = $18x"
        );
        assert_eq!(
            Database::Postgres.together(&all),
            "with done0 as (insert into a values ($1, $2)), \
             done1 as (insert into f (g, h) values ($3, $4), ($5, $6) on conflict do nothing), \
             done2 as (update b set c = $8 where d = $7) delete from e where f = $18x"
        );
    }

    #[test]
    fn rows_go_by_their_keys() {
        const KEYED: Keyed = Keyed { table: "a", key: &["b", "c"] };
        let some = |rows: Vec<Vec<Value>>| {
            let first = Statements::default().texts(&["delete from d where e = $1"], values![9i64]);
            first.keys(&KEYED, rows)
        };
        for database in [Database::Sqlite, Database::Postgres] {
            let (one, _) = some(vec![values![1i64, 2i64]]).numbered(database);
            assert_eq!(one[1], "delete from a where b = $2 and c = $3");
        }
        let two = || some(vec![values![1i64, 2i64], values![3i64, 4i64]]);
        let (texts, sent) = two().numbered(Database::Sqlite);
        assert_eq!(
            texts[1..],
            ["delete from a where b = $2 and c = $3", "delete from a where b = $4 and c = $5"]
        );
        assert_eq!(sent, values![9i64, 1i64, 2i64, 3i64, 4i64]);
        let (texts, _) = two().numbered(Database::Postgres);
        let using =
            "delete from a using (values ($2, $3), ($4, $5)) as v where a.b = v.column1 and a.c = v.column2";
        assert_eq!(texts[1..], [using]);
    }
}
