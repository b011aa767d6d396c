//! May this caller: the one place where it is decided, by one table, deny by default.
//!
//! A calendar is its owner's; anybody else has what a grant says. `busy` is two things at once: the privilege
//! read-free-busy (RFC 4791 6.1.1) and a redacted view of the calendar's objects.

use super::error::{Error, Result};

/// The privileges of RFC 3744 section 3 and RFC 4791 6.1.1 that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    All,
    Read,
    Write,
    WriteProperties,
    WriteContent,
    Bind,
    Unbind,
    ReadAcl,
    ReadCurrentUserPrivilegeSet,
    ReadFreeBusy,
}

/// What a caller has on a calendar; each has all that the ones below it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Times only.
    Busy,
    Read,
    /// Objects may be written; the calendar itself is the owner's.
    Write,
    Owner,
}

use Privilege as P;

/// The table: what each access has, aggregates spelt out.
const BUSY: &[Privilege] = &[P::Read, P::ReadFreeBusy, P::ReadCurrentUserPrivilegeSet];
const READ: &[Privilege] = BUSY;
const WRITE: &[Privilege] =
    &[P::Read, P::ReadFreeBusy, P::ReadCurrentUserPrivilegeSet, P::WriteContent, P::Bind, P::Unbind];
const OWNER: &[Privilege] = &[
    P::All,
    P::Read,
    P::ReadFreeBusy,
    P::ReadCurrentUserPrivilegeSet,
    P::ReadAcl,
    P::Write,
    P::WriteProperties,
    P::WriteContent,
    P::Bind,
    P::Unbind,
];

impl Access {
    /// Everything it allows (RFC 3744 5.4), aggregates and what is in them.
    pub fn privileges(self) -> &'static [Privilege] {
        match self {
            Access::Busy => BUSY,
            Access::Read => READ,
            Access::Write => WRITE,
            Access::Owner => OWNER,
        }
    }

    pub fn may(self, privilege: Privilege) -> bool {
        self.privileges().contains(&privilege)
    }

    /// Refuses by the name of what is missing.
    pub fn need(self, privilege: Privilege) -> Result<()> {
        if self.may(privilege) { Ok(()) } else { Err(Error::Denied(privilege)) }
    }

    /// Does it see the objects as they are, or the redacted view?
    pub fn sees_text(self) -> bool {
        self > Access::Busy
    }
}

impl From<store::Access> for Access {
    fn from(access: store::Access) -> Access {
        match access {
            store::Access::Owner => Access::Owner,
            store::Access::Granted(store::Privilege::Busy) => Access::Busy,
            store::Access::Granted(store::Privilege::Read) => Access::Read,
            store::Access::Granted(store::Privilege::Write) => Access::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_access_never_takes_a_privilege_away() {
        let all = [Access::Busy, Access::Read, Access::Write, Access::Owner];
        for pair in all.windows(2) {
            assert!(pair[0].privileges().iter().all(|p| pair[1].may(*p)), "{pair:?}");
        }
    }

    #[test]
    fn only_the_owner_changes_the_calendar_itself() {
        for access in [Access::Busy, Access::Read, Access::Write] {
            assert!(access.need(Privilege::WriteProperties).is_err());
            assert!(access.need(Privilege::ReadAcl).is_err());
        }
        assert!(Access::Read.need(Privilege::WriteContent).is_err());
        assert!(!Access::Busy.sees_text());
    }
}
