//! May this caller, in the clinic's work: one table of roles and operations, deny by default. What a calendar's owner
//! and those it is shared with may do with it stands in the calendar room; here it is about the clinic's things.
//!
//! A token never allows more than its person's role, and of that only what its scopes name.

use store::{PrincipalId, Role};

use super::error::{Error, Result};
use crate::accounts::Caller;

/// What is done something with. Its word is the scope of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Practitioners,
    Rooms,
    Equipment,
    Terms,
    Services,
    Patients,
    Hours,
    Leave,
    Blocks,
    Slots,
    Holds,
    Appointments,
    Series,
    Overbook,
    Audit,
    Tokens,
    Events,
    Settings,
    /// Accounts with Google and the calendars linked through them.
    Google,
}

/// What is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Look.
    Read,
    /// Make, change, take away.
    Write,
    /// What is for those who run the clinic: approve leave, force a block, make a practitioner active, see a licence,
    /// erase a patient.
    Govern,
}

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Denied,
    /// What is the caller's own: their calendar's, or what they made.
    Own,
    Allowed,
}

/// How far an operation reaches that the caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Own(PrincipalId),
    Everything,
}

use Rule::{Allowed as A, Denied as D, Own as O};

/// The table; an operation that is not here is denied to everybody. Columns as in [`Role::ALL`].
pub const TABLE: &[(Subject, Verb, [Rule; 6])] = &[
    //                                        owner admin recep pract patie bot
    (Subject::Practitioners, Verb::Read, [A, A, A, A, A, A]),
    (Subject::Practitioners, Verb::Write, [A, A, D, O, D, D]),
    (Subject::Practitioners, Verb::Govern, [A, A, D, D, D, D]),
    (Subject::Rooms, Verb::Read, [A, A, A, A, D, D]),
    (Subject::Rooms, Verb::Write, [A, A, D, D, D, D]),
    (Subject::Equipment, Verb::Read, [A, A, A, A, D, D]),
    (Subject::Equipment, Verb::Write, [A, A, D, D, D, D]),
    (Subject::Terms, Verb::Read, [A, A, A, A, A, A]),
    (Subject::Terms, Verb::Write, [A, A, D, D, D, D]),
    (Subject::Services, Verb::Read, [A, A, A, A, A, A]),
    (Subject::Services, Verb::Write, [A, A, D, D, D, D]),
    (Subject::Patients, Verb::Read, [A, A, A, A, D, D]),
    // A bot says for whom it books; it reads nobody.
    (Subject::Patients, Verb::Write, [A, A, A, A, D, A]),
    (Subject::Patients, Verb::Govern, [A, A, D, D, D, D]),
    (Subject::Hours, Verb::Read, [A, A, A, A, D, D]),
    (Subject::Hours, Verb::Write, [A, A, A, O, D, D]),
    (Subject::Leave, Verb::Read, [A, A, A, O, D, D]),
    (Subject::Leave, Verb::Write, [A, A, A, O, D, D]),
    (Subject::Leave, Verb::Govern, [A, A, D, D, D, D]),
    (Subject::Blocks, Verb::Read, [A, A, A, O, D, D]),
    (Subject::Blocks, Verb::Write, [A, A, A, O, D, D]),
    (Subject::Blocks, Verb::Govern, [A, A, D, D, D, D]),
    (Subject::Slots, Verb::Read, [A, A, A, A, A, A]),
    (Subject::Holds, Verb::Read, [A, A, A, A, O, O]),
    (Subject::Holds, Verb::Write, [A, A, A, A, O, O]),
    (Subject::Appointments, Verb::Read, [A, A, A, O, O, O]),
    (Subject::Appointments, Verb::Write, [A, A, A, O, O, O]),
    (Subject::Series, Verb::Read, [A, A, A, O, O, O]),
    (Subject::Series, Verb::Write, [A, A, A, O, O, O]),
    (Subject::Overbook, Verb::Write, [A, A, A, O, D, D]),
    (Subject::Audit, Verb::Read, [A, A, D, D, D, D]),
    (Subject::Tokens, Verb::Read, [A, A, O, O, D, D]),
    (Subject::Tokens, Verb::Write, [A, A, O, O, D, D]),
    (Subject::Events, Verb::Read, [A, A, A, O, D, O]),
    (Subject::Settings, Verb::Read, [A, A, A, A, D, D]),
    (Subject::Settings, Verb::Write, [A, A, D, D, D, D]),
    (Subject::Google, Verb::Read, [A, A, A, O, D, D]),
    (Subject::Google, Verb::Write, [A, A, D, O, D, D]),
];

impl Subject {
    /// All of them.
    pub const ALL: [Subject; 19] = [
        Subject::Practitioners,
        Subject::Rooms,
        Subject::Equipment,
        Subject::Terms,
        Subject::Services,
        Subject::Patients,
        Subject::Hours,
        Subject::Leave,
        Subject::Blocks,
        Subject::Slots,
        Subject::Holds,
        Subject::Appointments,
        Subject::Series,
        Subject::Overbook,
        Subject::Audit,
        Subject::Tokens,
        Subject::Events,
        Subject::Settings,
        Subject::Google,
    ];

    /// As it stands in scopes and in refusals.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Practitioners => "practitioners",
            Subject::Rooms => "rooms",
            Subject::Equipment => "equipment",
            Subject::Terms => "terms",
            Subject::Services => "services",
            Subject::Patients => "patients",
            Subject::Hours => "hours",
            Subject::Leave => "leave",
            Subject::Blocks => "blocks",
            Subject::Slots => "slots",
            Subject::Holds => "holds",
            Subject::Appointments => "appointments",
            Subject::Series => "series",
            Subject::Overbook => "overbook",
            Subject::Audit => "audit",
            Subject::Tokens => "tokens",
            Subject::Events => "events",
            Subject::Settings => "settings",
            Subject::Google => "google",
        }
    }

    /// By its word.
    pub fn named(word: &str) -> Option<Subject> {
        Subject::ALL.into_iter().find(|subject| subject.word() == word)
    }
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 3] = [Verb::Read, Verb::Write, Verb::Govern];
}

/// What the table says of a role.
pub fn rule(role: Role, subject: Subject, verb: Verb) -> Rule {
    let row = TABLE.iter().find(|(one, other, _)| (*one, *other) == (subject, verb));
    let column = Role::ALL.iter().position(|one| *one == role);
    row.zip(column).and_then(|((_, _, rules), column)| rules.get(column)).copied().unwrap_or(Rule::Denied)
}

/// How far this caller reaches; refuses who may not at all.
pub fn reach(who: &Caller, subject: Subject, verb: Verb) -> Result<Reach> {
    let denied = Error::Denied(subject);
    if !who.is_for(subject.word(), verb != Verb::Read) {
        return Err(denied);
    }
    match who.role().map_or(Rule::Denied, |role| rule(role, subject, verb)) {
        Rule::Denied => Err(denied),
        Rule::Own => Ok(Reach::Own(who.principal())),
        Rule::Allowed => Ok(Reach::Everything),
    }
}

/// Refuses unless the caller may do this with what is `of` somebody (None: of nobody in particular).
pub fn need(who: &Caller, subject: Subject, verb: Verb, of: Option<PrincipalId>) -> Result<()> {
    match reach(who, subject, verb)? {
        Reach::Everything => Ok(()),
        Reach::Own(own) if of == Some(own) => Ok(()),
        Reach::Own(_) => Err(Error::Denied(subject)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_stands_once() {
        let mut seen: Vec<_> = TABLE.iter().map(|(subject, verb, _)| (*subject, *verb)).collect();
        seen.sort_unstable();
        let rows = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), rows);
        for subject in Subject::ALL {
            assert!(seen.iter().any(|(one, _)| *one == subject), "{subject:?} is in no row");
            assert_eq!(Subject::named(subject.word()), Some(subject));
        }
    }

    /// Whoever may do more with something may also do less.
    #[test]
    fn nobody_governs_what_they_may_not_write() {
        let strength = |role, subject, verb| match rule(role, subject, verb) {
            Rule::Denied => 0,
            Rule::Own => 1,
            Rule::Allowed => 2,
        };
        for role in Role::ALL {
            for subject in Subject::ALL {
                let govern = strength(role, subject, Verb::Govern);
                assert!(govern <= strength(role, subject, Verb::Write), "{role:?} {subject:?}");
                assert!(strength(Role::Admin, subject, Verb::Write) >= strength(role, subject, Verb::Write));
            }
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_denied() {
        assert_eq!(rule(Role::Owner, Subject::Slots, Verb::Write), Rule::Denied);
        assert_eq!(rule(Role::Bot, Subject::Overbook, Verb::Write), Rule::Denied);
        assert_eq!(rule(Role::Patient, Subject::Overbook, Verb::Write), Rule::Denied);
    }
}
