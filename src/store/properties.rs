//! Dead properties: XML that a client set and the server only keeps (RFC 4918 4.2). Byte for byte as given.

use crate::{ClinicId, CollectionId, Conn, Error, PrincipalId, Result, Tx};

/// What a property hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyOwner {
    /// A collection.
    Collection(CollectionId),
    /// A principal.
    Principal(PrincipalId),
    /// An object by its collection and name.
    Object(CollectionId, String),
}

/// One dead property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// What it hangs on.
    pub owner: PropertyOwner,
    /// XML namespace, "" for none.
    pub namespace: String,
    /// Local name.
    pub name: String,
    /// The whole element.
    pub xml: String,
}

impl Conn {
    /// The dead properties of all these owners, ordered by owner, namespace and name.
    pub async fn properties(&mut self, _clinic: ClinicId, _of: &[PropertyOwner]) -> Result<Vec<Property>> {
        Err(Error::broken("not built"))
    }
}

impl Tx {
    /// Sets these properties (new or over the old).
    pub async fn set_properties(&mut self, _properties: &[Property]) -> Result<()> {
        Err(Error::broken("not built"))
    }

    /// Removes these (namespace, name) of one owner; the missing are ignored.
    pub async fn remove_properties(
        &mut self,
        _of: &PropertyOwner,
        _names: &[(String, String)],
    ) -> Result<()> {
        Err(Error::broken("not built"))
    }
}
