//! The read side of access control: RFC 3744 sections 4 and 5, and RFC 5397's neighbour principal-URL.
//! Invariant: everything here only shows what `calendar::Access` decided; nothing can be set (shares are made by the
//! command line, and later by the clinic's own doors).

use super::property::{Kinds, Loaded, Needs, Place, Property, Reading, href, nothing};
use crate::calendar::{Access, Privilege};
use crate::dav::path;
use crate::dav::xml::{Name, Writer, names};

pub const ACL: &[&dyn Property] = &[
    &Owner,
    &Group,
    &CurrentUserPrivilegeSet,
    &SupportedPrivilegeSet,
    &Acl,
    &AclRestrictions,
    &InheritedAclSet,
    &PrincipalCollectionSet,
    &PrincipalUrl,
    &AlternateUriSet,
    &GroupMemberSet,
    &GroupMembership,
];

struct Owner;
impl Property for Owner {
    fn name(&self) -> Name {
        names::OWNER
    }
    fn on(&self) -> Kinds {
        Kinds::HOME.and(Kinds::INBOX).and(Kinds::CALENDAR).and(Kinds::OBJECT)
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let owner = match at.place {
            Place::Home { person, .. } | Place::Inbox(person) => Some(person.name.as_str()),
            _ => at.calendar().map(|shown| shown.owner().name.as_str()),
        };
        href(out, self.name(), owner.map(path::principal))
    }
}

/// Always there and empty: no resource has a group (RFC 3744 section 5.2).
struct Group;
impl Property for Group {
    fn name(&self) -> Name {
        names::GROUP
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        nothing(out, self.name())
    }
}

/// The element of a privilege.
pub fn privilege(which: Privilege) -> &'static str {
    match which {
        Privilege::All => "<d:all/>",
        Privilege::Read => "<d:read/>",
        Privilege::Write => "<d:write/>",
        Privilege::WriteProperties => "<d:write-properties/>",
        Privilege::WriteContent => "<d:write-content/>",
        Privilege::Bind => "<d:bind/>",
        Privilege::Unbind => "<d:unbind/>",
        Privilege::ReadAcl => "<d:read-acl/>",
        Privilege::ReadCurrentUserPrivilegeSet => "<d:read-current-user-privilege-set/>",
        Privilege::ReadFreeBusy => "<c:read-free-busy/>",
    }
}

fn privileges(of: &[Privilege], out: &mut Writer) {
    for one in of {
        out.raw("<d:privilege>");
        out.raw(privilege(*one));
        out.raw("</d:privilege>");
    }
}

/// What anybody who is logged in may do at the root and with a principal.
const VISITOR: &[Privilege] = &[Privilege::Read, Privilege::ReadCurrentUserPrivilegeSet];

/// One's own inbox takes no objects yet, only properties.
const INBOX: &[Privilege] =
    &[Privilege::Read, Privilege::ReadCurrentUserPrivilegeSet, Privilege::WriteProperties];

/// RFC 3744 section 5.4. Thunderbird shows a calendar read-only unless a write privilege stands here.
struct CurrentUserPrivilegeSet;
impl Property for CurrentUserPrivilegeSet {
    fn name(&self) -> Name {
        names::CURRENT_USER_PRIVILEGE_SET
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        out.open(self.name());
        let own = match at.place {
            Place::Home { own: true, .. } => Access::Owner.privileges(),
            Place::Calendar(shown) | Place::Object(shown, _) => shown.access.privileges(),
            Place::Inbox(_) => INBOX,
            _ => VISITOR,
        };
        privileges(own, out);
        out.close(self.name());
        Reading::Found
    }
}

/// RFC 3744 section 5.3: the privileges there are, which one holds which.
const SUPPORTED: &str = "<d:supported-privilege-set><d:supported-privilege><d:privilege><d:all/></d:privilege>\
    <d:description xml:lang=\"en\">Everything</d:description>\
    <d:supported-privilege><d:privilege><d:read/></d:privilege>\
    <d:description xml:lang=\"en\">Read calendars and their objects</d:description>\
    <d:supported-privilege><d:privilege><c:read-free-busy/></d:privilege>\
    <d:description xml:lang=\"en\">See when somebody is busy</d:description></d:supported-privilege>\
    <d:supported-privilege><d:privilege><d:read-current-user-privilege-set/></d:privilege>\
    <d:description xml:lang=\"en\">See what one may do</d:description></d:supported-privilege>\
    </d:supported-privilege>\
    <d:supported-privilege><d:privilege><d:read-acl/></d:privilege>\
    <d:description xml:lang=\"en\">See with whom a calendar is shared</d:description></d:supported-privilege>\
    <d:supported-privilege><d:privilege><d:write/></d:privilege>\
    <d:description xml:lang=\"en\">Write</d:description>\
    <d:supported-privilege><d:privilege><d:write-properties/></d:privilege>\
    <d:description xml:lang=\"en\">Change a calendar's name, colour and the like</d:description></d:supported-privilege>\
    <d:supported-privilege><d:privilege><d:write-content/></d:privilege>\
    <d:description xml:lang=\"en\">Change objects</d:description></d:supported-privilege>\
    <d:supported-privilege><d:privilege><d:bind/></d:privilege>\
    <d:description xml:lang=\"en\">Add objects</d:description></d:supported-privilege>\
    <d:supported-privilege><d:privilege><d:unbind/></d:privilege>\
    <d:description xml:lang=\"en\">Delete objects</d:description></d:supported-privilege>\
    </d:supported-privilege></d:supported-privilege></d:supported-privilege-set>";

struct SupportedPrivilegeSet;
impl Property for SupportedPrivilegeSet {
    fn name(&self) -> Name {
        names::SUPPORTED_PRIVILEGE_SET
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        out.raw(SUPPORTED);
        Reading::Found
    }
}

/// RFC 3744 section 5.5: the owner, and everybody the calendar is shared with.
struct Acl;
impl Property for Acl {
    fn name(&self) -> Name {
        names::ACL
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn needs(&self) -> Needs {
        Needs::SHARES
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        let Some(shown) = at.calendar() else { return Reading::Missing };
        if !shown.may(Privilege::ReadAcl) {
            return Reading::Forbidden;
        }
        out.open(self.name());
        out.raw("<d:ace><d:principal><d:property><d:owner/></d:property></d:principal><d:grant>");
        privileges(&[Privilege::All], out);
        out.raw("</d:grant><d:protected/></d:ace>");
        for (user, access) in at.shares {
            out.raw("<d:ace><d:principal>");
            out.href(&path::principal(user));
            out.raw("</d:principal><d:grant>");
            privileges(access.privileges(), out);
            out.raw("</d:grant></d:ace>");
        }
        out.close(self.name());
        Reading::Found
    }
}

/// RFC 3744 section 5.6: only grants, never denials; the owner's cannot be taken away.
struct AclRestrictions;
impl Property for AclRestrictions {
    fn name(&self) -> Name {
        names::ACL_RESTRICTIONS
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        out.raw("<d:acl-restrictions><d:grant-only/><d:no-invert/></d:acl-restrictions>");
        Reading::Found
    }
}

struct InheritedAclSet;
impl Property for InheritedAclSet {
    fn name(&self) -> Name {
        names::INHERITED_ACL_SET
    }
    fn on(&self) -> Kinds {
        Kinds::CALENDAR.and(Kinds::OBJECT)
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        match at.place {
            Place::Object(shown, _) => href(out, self.name(), Some(path::calendar(&shown.path))),
            _ => nothing(out, self.name()),
        }
    }
}

struct PrincipalCollectionSet;
impl Property for PrincipalCollectionSet {
    fn name(&self) -> Name {
        names::PRINCIPAL_COLLECTION_SET
    }
    fn on(&self) -> Kinds {
        Kinds::ALL
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        href(out, self.name(), Some(path::PRINCIPALS.into()))
    }
}

struct PrincipalUrl;
impl Property for PrincipalUrl {
    fn name(&self) -> Name {
        names::PRINCIPAL_URL
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, at: &Loaded, out: &mut Writer) -> Reading {
        href(out, self.name(), at.person().map(|person| path::principal(&person.name)))
    }
}

struct AlternateUriSet;
impl Property for AlternateUriSet {
    fn name(&self) -> Name {
        names::ALTERNATE_URI_SET
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        nothing(out, self.name())
    }
}

/// There are no groups yet; DAVx5 asks and goes into what it is told.
struct GroupMemberSet;
impl Property for GroupMemberSet {
    fn name(&self) -> Name {
        names::GROUP_MEMBER_SET
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        nothing(out, self.name())
    }
}

struct GroupMembership;
impl Property for GroupMembership {
    fn name(&self) -> Name {
        names::GROUP_MEMBERSHIP
    }
    fn on(&self) -> Kinds {
        Kinds::PRINCIPAL
    }
    fn get(&self, _: &Loaded, out: &mut Writer) -> Reading {
        nothing(out, self.name())
    }
}
