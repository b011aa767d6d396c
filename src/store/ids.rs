//! One newtype per row identity, so that no query can be handed the wrong kind of number.
//! All are handed out by the database, counted over the whole installation and never used twice.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A clinic: the wall between tenants. Part of every key and every query.
    ClinicId
);
impl ClinicId {
    /// All clinics at once: only for what must be read before the clinic is known, and for the whole installation.
    pub(crate) const EVERY: ClinicId = ClinicId(0);
}

id!(
    /// A principal (person, room, resource or group).
    PrincipalId
);
id!(
    /// A collection. Never used again after the collection is gone: sync tokens carry it.
    CollectionId
);
id!(
    /// An app password.
    AppPasswordId
);
id!(
    /// A secret feed link.
    FeedId
);
id!(
    /// An API token.
    TokenId
);
id!(
    /// A term: a location, a specialty, a language, ...
    TermId
);
id!(
    /// A service: what is booked.
    ServiceId
);
id!(
    /// A patient.
    PatientId
);
id!(
    /// A request (leave).
    RequestId
);
id!(
    /// A remote: somebody's account with Google.
    RemoteId
);
id!(
    /// A link: a calendar there and one of ours.
    LinkId
);
