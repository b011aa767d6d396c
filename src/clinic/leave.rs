//! Leave: asked for by whoever is away, decided by those who run the clinic, taken back by either. The request says who
//! said what; what blocks the time is an object in `absences`, written and taken away with the decision. It says that
//! somebody is on leave, not of which kind: others see that calendar.

use store::{Decision, NewRequest, PrincipalId, Request, RequestId, RequestStatus};

use super::access::{self, Reach, Subject, Verb};
use super::closing::{self, BlockKind, Closing};
use super::directory::{Cursor, Directory, Page, deed};
use super::error::{Error, Result, invalid};
use super::outside::{Affected, Outcome, Step};
use super::rules::object_name;
use super::{Clinic, appointments, blocks};
use crate::accounts::Caller;
use crate::calendar::Author;

/// Why somebody is away, as it is kept: no reason in words, which would say more than a clinic must know.
pub const LEAVE_KINDS: [&str; 6] = ["vacation", "sick", "training", "parental", "unpaid", "other"];
/// The longest leave: two years.
const LONGEST: i64 = 2 * 366 * 86_400;

/// Leave that is asked for.
#[derive(Clone, Debug)]
pub struct NewLeave {
    /// Whose.
    pub of: PrincipalId,
    pub kind: String,
    /// Seconds UTC; it ends before `last`.
    pub first: i64,
    pub last: i64,
}

/// The table: from where to where, and by which right.
fn right(from: RequestStatus, to: RequestStatus) -> Result<Verb> {
    use RequestStatus::{Approved, Cancelled, Open, Rejected};
    match (from, to) {
        (Open, Approved | Rejected) => Ok(Verb::Govern),
        (Open | Approved, Cancelled) => Ok(Verb::Write),
        _ => Err(Error::State { from: from.text(), to: to.text() }),
    }
}

impl Directory {
    pub async fn ask_leave(&self, by: Author<'_>, new: NewLeave) -> Result<Request> {
        access::need(by.who, Subject::Leave, Verb::Write, Some(new.of))?;
        let kind = LEAVE_KINDS.into_iter().find(|kind| *kind == new.kind);
        let Some(kind) = kind else { return invalid("kind", "there is no such kind of leave") };
        if new.first >= new.last || new.last - new.first > LONGEST {
            return invalid("last", "after the first moment, and at most two years later");
        }
        let asked = NewRequest {
            kind: kind.into(),
            principal: new.of,
            first: new.first,
            last: new.last,
            body: "{}".into(),
            created_by: Some(by.who.principal()),
        };
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                let made = tx.insert_request(asked).await?;
                let what = serde_json::json!({ "of": made.asked.principal.0, "kind": made.asked.kind });
                tx.audit(vec![deed(&who, "leave-asked", format!("leave {}", made.id), what)]).await?;
                Ok(made)
            })
        })
        .await
    }

    /// What the caller may see of it: all of the clinic, or its own.
    pub async fn leave(
        &self,
        who: &Caller,
        status: Option<RequestStatus>,
        cursor: Cursor,
    ) -> Result<Page<Request>> {
        let of = match access::reach(who, Subject::Leave, Verb::Read)? {
            Reach::Everything => None,
            Reach::Own(own) => Some(own),
        };
        let mut conn = self.store.read(who.clinic()).await?;
        let rows = conn.requests(who.clinic(), of, status, RequestId(cursor.after), cursor.limit()).await?;
        Ok(cursor.page(rows, |one| one.id.0, Some))
    }

    /// One request.
    pub async fn leave_request(&self, who: &Caller, id: RequestId) -> Result<Request> {
        let reach = access::reach(who, Subject::Leave, Verb::Read)?;
        seen(self.store.read(who.clinic()).await?.request(who.clinic(), id).await?, reach)
    }
}

impl Clinic {
    /// Approves, rejects or takes back. What blocks the time is written, or taken away, with the decision; what an
    /// approval would lie over is told first.
    pub async fn decide_leave(
        &self,
        by: Author<'_>,
        id: RequestId,
        to: RequestStatus,
        step: Step,
    ) -> Result<Outcome<Request>> {
        let reach = access::reach(by.who, Subject::Leave, Verb::Read)?;
        let clinic = by.who.clinic();
        let found = seen(self.store().read(clinic).await?.request(clinic, id).await?, reach)?;
        let (from, of) = (found.status, found.asked.principal);
        access::need(by.who, Subject::Leave, right(from, to)?, Some(of))?;
        let mut writes = None;
        let mut outside = Affected::default();
        if to == RequestStatus::Approved {
            let calendar = self.closed_calendar(clinic, of).await?;
            let stretch = blocks::stretch(&calendar.zone, (found.asked.first, found.asked.last));
            let kind = BlockKind::Leave;
            let closing = Closing { kind, stretch, title: None, rule: None, leave: Some(id) };
            let uid = appointments::unguessable()?;
            let text = closing.text(&uid, &calendar.zone, self.store().clock().now());
            outside = self.left_by_closing(clinic, Some(of), (&text, &calendar.zone)).await?;
            writes = Some((object_name(&uid), text));
        }
        if !step.goes_on(&outside)? {
            return Ok(Outcome { made: None, outside });
        }
        let (who, signed) = (by.who.clone(), blocks::by_of(by));
        let made = self.calendars.together(clinic, move |work| {
            Box::pin(async move {
                work.tx().sign(signed.door, signed.who);
                let object_name = writes.as_ref().map(|(name, _)| name.clone());
                let decision = Decision { status: to, by: signed.who, object_name };
                if !work.tx().decide_request(id, from, decision).await? {
                    return Err(Error::Stale);
                }
                if let Some((name, text)) = writes {
                    closing::close(work, signed, (of, &name), text, None).await?;
                }
                if let Some(name) = &found.object_name {
                    closing::reopen(work, signed, (of, name)).await?;
                }
                let what = serde_json::json!({ "from": from.text(), "to": to.text() });
                work.tx().audit(vec![deed(&who, "leave-decided", format!("leave {id}"), what)]).await?;
                work.tx().request(clinic, id).await?.ok_or(Error::NotFound("request"))
            })
        });
        Ok(Outcome { made: Some(made.await?), outside })
    }
}

/// One request; somebody else's is not found where only one's own may be seen.
fn seen(found: Option<Request>, reach: Reach) -> Result<Request> {
    let found = found.filter(|one| match reach {
        Reach::Everything => true,
        Reach::Own(own) => one.asked.principal == own,
    });
    found.ok_or(Error::NotFound("request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_is_decided_by_those_who_run_the_clinic_and_taken_back_by_its_person() {
        use RequestStatus::{Approved, Cancelled, Open, Rejected};
        let all = [Open, Approved, Rejected, Cancelled];
        let ways = all.iter().flat_map(|from| all.iter().map(move |to| (*from, *to)));
        let ways: Vec<_> =
            ways.filter_map(|(from, to)| right(from, to).ok().map(|verb| (from, to, verb))).collect();
        assert_eq!(
            ways,
            [
                (Open, Approved, Verb::Govern),
                (Open, Rejected, Verb::Govern),
                (Open, Cancelled, Verb::Write),
                (Approved, Cancelled, Verb::Write),
            ]
        );
    }
}
