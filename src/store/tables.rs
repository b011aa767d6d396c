//! What an archive holds: every table with its columns, in an order in which rows find what they refer to. A test
//! compares this list with the database.

use std::collections::HashSet;

/// What kind of value a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

/// A table as it is archived.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns, the key first: `i`nt, `t`ext or `b`lob before each name.
    columns: &'static [&'static str],
}

impl Table {
    /// The columns with their kinds.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.columns.iter().map(|column| match column.split_at(2) {
            ("i ", name) => (name, Kind::Int),
            ("b ", name) => (name, Kind::Blob),
            (_, name) => (name, Kind::Text),
        })
    }

    pub(crate) fn names(&self) -> String {
        self.columns().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    }

    /// What of it stands among these `table.column`: what an archive of that schema holds, since the list is only added
    /// to and never put in another order. None when the table came later.
    pub(crate) fn among(&self, there: &HashSet<String>) -> Option<Shape> {
        let is_there = |column: &&(&str, Kind)| there.contains(&format!("{}.{}", self.name, column.0));
        let columns: Vec<_> = self.columns().filter(|column| is_there(&column)).collect();
        (!columns.is_empty()).then_some(Shape { name: self.name, columns })
    }
}

/// A table as some schema had it.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<(&'static str, Kind)>,
}

/// Every table but `packs` (derived) in an order in which rows find what they refer to. Tables and columns are added
/// anywhere; what stands here keeps its order, which that of older archives is. A test compares this list with the database.
pub(crate) const TABLES: &[Table] = &[
    Table { name: "meta", columns: &["t key", "t value"] },
    Table { name: "ids", columns: &["t name", "i last"] },
    Table {
        name: "clinics",
        columns: &["i id", "t name", "t epoch", "i seq", "i structure", "b audit_head"],
    },
    Table { name: "settings", columns: &["i clinic_id", "t body", "i seq"] },
    Table {
        name: "principals",
        columns: &[
            "i clinic_id",
            "i id",
            "t name",
            "t kind",
            "t display_name",
            "t email",
            "t zone",
            "t password_hash",
            "i disabled_at",
            "i created_at",
            "i seq",
            "i home_seq",
            "t role",
        ],
    },
    Table {
        name: "availabilities",
        columns: &["i clinic_id", "i principal_id", "t text", "b digest", "i seq"],
    },
    Table {
        name: "app_passwords",
        columns: &[
            "i clinic_id",
            "i id",
            "i principal_id",
            "t label",
            "t hash",
            "i created_at",
            "i used_at",
            "i revoked_at",
        ],
    },
    Table {
        name: "collections",
        columns: &[
            "i clinic_id",
            "i id",
            "i owner_id",
            "t slug",
            "t components",
            "t display_name",
            "t description",
            "t color",
            "i sort_order",
            "t timezone",
            "i transparent",
            "t policy",
            "i created_at",
            "i seq",
            "i created_seq",
            "i changed_seq",
            "i pruned_seq",
        ],
    },
    Table {
        name: "collection_tombstones",
        columns: &["i clinic_id", "i owner_id", "t slug", "i collection_id", "i seq"],
    },
    Table {
        name: "objects",
        columns: &[
            "i clinic_id",
            "i collection_id",
            "t name",
            "t uid",
            "b etag",
            "i size",
            "i kind",
            "i first",
            "i last",
            "b digest",
            "i seq",
            "i created_at",
            "i modified_at",
            "b text",
        ],
    },
    Table { name: "tombstones", columns: &["i clinic_id", "i collection_id", "t name", "i seq", "i at"] },
    Table {
        name: "dead_properties",
        columns: &[
            "i clinic_id",
            "t owner_kind",
            "i owner_id",
            "t owner_name",
            "t namespace",
            "t name",
            "t xml",
        ],
    },
    Table {
        name: "grants",
        columns: &[
            "i clinic_id",
            "i collection_id",
            "i principal_id",
            "t privilege",
            "i created_seq",
            "i seq",
        ],
    },
    Table {
        name: "feeds",
        columns: &[
            "i clinic_id",
            "i id",
            "i collection_id",
            "b secret_hash",
            "t scope",
            "t label",
            "i created_at",
            "i used_at",
            "i revoked_at",
        ],
    },
    Table {
        name: "resources",
        columns: &["i clinic_id", "i id", "i capacity", "i reached", "i epoch", "i house"],
    },
    Table {
        name: "busy",
        columns: &[
            "i clinic_id",
            "i resource_id",
            "i from_at",
            "i collection_id",
            "t name",
            "i occurrence",
            "i start_at",
            "i end_at",
            "i until_at",
            "t kind",
            "i capacity",
            "i expires_at",
            "i overbook",
            "i overbook_by",
            "t overbook_door",
            "t overbook_why",
            "t service",
        ],
    },
    Table {
        name: "holds",
        columns: &[
            "i clinic_id",
            "t id",
            "t party",
            "i made_by",
            "i made_at",
            "i expires_at",
            "i extended",
            "t plan",
            "t other_party",
            "i told",
        ],
    },
    Table {
        name: "appointments",
        columns: &[
            "i clinic_id",
            "t uid",
            "t recurrence_id",
            "i practitioner_id",
            "t resources",
            "i patient_id",
            "t service",
            "t status",
            "i start_at",
            "i end_at",
            "t details",
            "i made_at",
            "i made_by",
            "t origin",
            "i changed_at",
            "i changed_by",
            "t changed_origin",
            "t reason",
            "i checked_in_at",
            "i started_at",
            "i ended_at",
            "i seq",
            "t series",
            "i location_id",
            "t mode",
        ],
    },
    Table {
        name: "seats",
        columns: &[
            "i clinic_id",
            "t uid",
            "t recurrence_id",
            "i patient_id",
            "i seats",
            "i made_at",
            "i made_by",
            "t origin",
            "i seq",
        ],
    },
    Table {
        name: "tokens",
        columns: &[
            "i clinic_id",
            "i id",
            "i principal_id",
            "t label",
            "b secret_hash",
            "t scopes",
            "i created_at",
            "i expires_at",
            "i used_at",
            "i revoked_at",
        ],
    },
    Table {
        name: "profiles",
        columns: &[
            "i clinic_id",
            "i principal_id",
            "t status",
            "i public",
            "i online",
            "t licence",
            "t qualifications",
            "i seq",
        ],
    },
    Table {
        name: "terms",
        columns: &[
            "i clinic_id",
            "i id",
            "t dimension",
            "t code",
            "t name",
            "t detail",
            "i disabled_at",
            "i seq",
        ],
    },
    Table { name: "resource_terms", columns: &["i clinic_id", "i principal_id", "i term_id", "i weekdays"] },
    Table {
        name: "services",
        columns: &[
            "i clinic_id",
            "i id",
            "t code",
            "t name",
            "t modes",
            "i minutes",
            "i step",
            "i pad_before",
            "i pad_after",
            "i notice",
            "i horizon_days",
            "i day_limit",
            "i week_limit",
            "i seats",
            "t needs",
            "i hold_patient",
            "i hold_staff",
            "i fee",
            "t currency",
            "i cancel_window",
            "i disabled_at",
            "i seq",
        ],
    },
    Table {
        name: "service_overrides",
        columns: &[
            "i clinic_id",
            "i service_id",
            "i principal_id",
            "i offered",
            "i minutes",
            "i pad_before",
            "i pad_after",
            "i day_limit",
            "i week_limit",
            "i fee",
        ],
    },
    Table {
        name: "patients",
        columns: &[
            "i clinic_id",
            "i id",
            "t external_id",
            "t name",
            "t phone",
            "t phone_key",
            "t email",
            "t email_key",
            "t zone",
            "t language",
            "i created_at",
            "i disabled_at",
            "i seq",
        ],
    },
    Table {
        name: "requests",
        columns: &[
            "i clinic_id",
            "i id",
            "t kind",
            "i principal_id",
            "i first",
            "i last",
            "t body",
            "t status",
            "t object_name",
            "i created_by",
            "i created_at",
            "i decided_by",
            "i decided_at",
            "i seq",
        ],
    },
    Table {
        name: "idempotency",
        columns: &[
            "i clinic_id",
            "t credential",
            "t key",
            "b body_hash",
            "i begun_at",
            "i status",
            "b answer",
        ],
    },
    Table {
        name: "remotes",
        columns: &[
            "i clinic_id",
            "i id",
            "i principal_id",
            "t subject",
            "t email",
            "t scopes",
            "b refresh",
            "b access",
            "i access_until",
            "t state",
            "t reason",
            "i connected_at",
            "i list_at",
            "i unlinked",
        ],
    },
    Table {
        name: "consents",
        columns: &[
            "i clinic_id",
            "b hash",
            "i principal_id",
            "b verifier",
            "t scopes",
            "i expires_at",
            "i remote_id",
        ],
    },
    Table {
        name: "links",
        columns: &[
            "i clinic_id",
            "i id",
            "i remote_id",
            "t calendar",
            "i collection_id",
            "t terms",
            "t state",
            "t reason",
            "t token",
            "t cursor",
            "i dirty",
            "i done",
            "i due_at",
            "i polled_at",
            "i fails",
            "t lease_owner",
            "i lease_until",
            "t name",
            "i backfill",
        ],
    },
    Table {
        name: "twins",
        columns: &[
            "i clinic_id",
            "i link_id",
            "t uid",
            "t recurrence",
            "t name",
            "t event",
            "t born",
            "i generation",
            "t etag",
            "t base",
            "i gone_at",
        ],
    },
    Table {
        name: "errands",
        columns: &[
            "i clinic_id",
            "i link_id",
            "t way",
            "t key",
            "i attempt",
            "i next_at",
            "t state",
            "t reason",
            "i since",
            "i backfill",
            "i quiet",
        ],
    },
    Table {
        name: "channels",
        columns: &[
            "i clinic_id",
            "t id",
            "i link_id",
            "t resource",
            "b hash",
            "t state",
            "i made_at",
            "i expires_at",
            "t life",
        ],
    },
    Table {
        name: "list_channels",
        columns: &[
            "i clinic_id",
            "t id",
            "i remote_id",
            "t resource",
            "b hash",
            "t state",
            "i made_at",
            "i expires_at",
            "t life",
        ],
    },
    Table {
        name: "link_notes",
        columns: &["i clinic_id", "i link_id", "i n", "i at", "t kind", "t uid", "t body"],
    },
    Table {
        name: "audit",
        columns: &[
            "i clinic_id",
            "i seq",
            "i n",
            "i at",
            "i actor_id",
            "t credential",
            "t door",
            "t kind",
            "t subject",
            "t body",
            "b hash",
        ],
    },
    Table {
        name: "journal",
        columns: &[
            "i clinic_id",
            "i seq",
            "i n",
            "t kind",
            "i collection_id",
            "i principal_id",
            "t name",
            "b etag",
            "t origin",
            "i caller_id",
            "i at",
        ],
    },
];

/// `table.column` of everything an archive holds: what a test compares with the database.
#[doc(hidden)]
pub fn archived_columns() -> Vec<String> {
    TABLES
        .iter()
        .flat_map(|table| table.columns().map(move |(name, _)| format!("{}.{name}", table.name)))
        .collect()
}
