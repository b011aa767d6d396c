//! What stands near some spans of some resources: what a change is weighed against before it is written.
//! The one invariant: holds that have run out are gone before anybody looks, so what is found is what the database counts.

use sqlx::AssertSqlSafe;

use crate::busy::{Busy, BusyKind, COLUMNS, EXPIRY, LONGEST, SOURCE, SPANS, Span, in_order, padded, read};
use crate::resources::{self, Resource};
use crate::statements::places;
use crate::value::{Columns, Value, list, values};
use crate::{PrincipalId, Result, Tx};

/// Whoever is the house of the clinic ([`Tx::set_house`]), and nobody at all.
const HOUSE: PrincipalId = PrincipalId(0);
const NOBODY: PrincipalId = PrincipalId(-1);

/// What stands near some spans, and on what.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The resources that were asked for and exist, by id.
    pub resources: Vec<Resource>,
    /// What overlaps the spans, buffers included, ordered by resource and time; live holds only.
    pub busy: Vec<Busy>,
    /// What is closed for everybody there ([`Tx::set_house`]).
    pub closed: Vec<Span>,
}

/// Each with each.
pub(crate) fn pairs(of: &[PrincipalId], spans: &[Span]) -> impl Iterator<Item = (PrincipalId, Span)> {
    of.iter().flat_map(|id| spans.iter().map(|span| (*id, *span)))
}

impl Tx {
    /// What stands near these spans on these resources: one round trip for up to 200 spans. Holds that have run out
    /// are removed first, and the hold `used` with them: it is being turned into something else.
    pub async fn look(&mut self, of: &[PrincipalId], spans: &[Span], used: Option<&str>) -> Result<Look> {
        if let Some(seen) = self.foreseen(of, spans, used) {
            return Ok(seen);
        }
        let wanted: Vec<_> = pairs(of, spans).collect();
        self.look_at(&wanted, used.as_slice()).await
    }

    /// The same of each resource near spans of its own.
    pub(crate) async fn look_at(&mut self, wanted: &[(PrincipalId, Span)], used: &[&str]) -> Result<Look> {
        let mut spans: Vec<Span> = wanted.iter().map(|(_, span)| *span).collect();
        spans.sort_unstable();
        spans.dedup();
        let all: Vec<_> = wanted.iter().copied().chain(spans.into_iter().map(|span| (HOUSE, span))).collect();
        let mut look = Look::default();
        for chunk in all.chunks(SPANS) {
            self.look_around(chunk, used, &mut look).await?;
        }
        look.resources.sort_unstable_by_key(|resource| resource.id);
        look.resources.dedup();
        // By all of the key: a row is found once for each span it overlaps, and must count once.
        look.busy.sort_unstable_by(in_order);
        look.busy.dedup();
        look.closed.sort_unstable();
        look.closed.dedup();
        Ok(look)
    }

    async fn look_around(
        &mut self,
        wanted: &[(PrincipalId, Span)],
        used: &[&str],
        look: &mut Look,
    ) -> Result<()> {
        let used = if used.is_empty() { &[""] } else { used };
        let (used, names) = list(3, used.iter().map(|name| Value::from(*name)).collect());
        let size = padded(wanted.len());
        let near = places(3 + names.len(), size, 3);
        let mut values = [values![self.clinic(), self.moment()], names].concat();
        for n in 0..size {
            let (id, from, until) =
                wanted.get(n).map_or((NOBODY, 0, 0), |(id, span)| (*id, span.from, span.until));
            values.extend(values![id, from, until]);
        }
        // Each by its index: with an `or` SQLite would look through all of the clinic, and with a list from one of them
        // PostgreSQL through all that is held.
        let (source, expiry) = (self.database().through(SOURCE), self.database().through(EXPIRY));
        let over = format!("delete from busy{expiry} where clinic_id = $1 and expires_at <= $2");
        let gone = format!(
            "delete from busy{source} where clinic_id = $1 and collection_id = 0 and name in ({used})"
        );
        let whose = "case when v.column1 = 0 \
            then (select h.id from resources h where h.clinic_id = $1 and h.house = 1) else v.column1 end";
        // By each one's key: SQLite keeps to the order of a cross join, PostgreSQL uses all of the key only where every
        // part of it is compared with one and the same other table.
        let sql = format!(
            "select v.column1, r.id, r.capacity, r.reached, {COLUMNS} from (values {near}) as v \
             cross join resources r left join busy b on b.clinic_id = $1 and b.resource_id = {whose} \
                 and b.from_at > v.column2 - {LONGEST} and b.from_at < v.column3 and b.until_at > v.column2 \
                 and (b.expires_at is null or b.expires_at > $2) and (b.collection_id <> 0 or b.name not in ({used})) \
             where r.clinic_id = $1 and r.id = {whose}"
        );
        let sql = self.database().together(&[over, gone, sql]);
        for row in &self.all(AssertSqlSafe(sql), values).await? {
            let mut columns = Columns::of(row);
            let asked = PrincipalId(columns.int()?);
            let (resource, busy) = (resources::read(&mut columns)?, read(&mut columns)?);
            if asked == HOUSE {
                look.closed.extend(busy.filter(|one| one.kind == BusyKind::Block).map(|one| one.span));
            } else {
                look.resources.push(resource);
                look.busy.extend(busy);
            }
        }
        Ok(())
    }
}
