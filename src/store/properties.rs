//! Dead properties: XML that a client set and the server only keeps (RFC 4918 4.2). Byte for byte as given.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::value::{Columns, Value, list, values};
use crate::{ClinicId, CollectionId, Conn, Error, Fact, PrincipalId, Result, Tx};

/// Owners asked for in one statement.
const OWNERS: usize = 200;

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

impl PropertyOwner {
    /// As it stands in the table: kind, id, name.
    fn key(&self) -> (&'static str, i64, &str) {
        match self {
            PropertyOwner::Collection(id) => ("collection", id.0, ""),
            PropertyOwner::Principal(id) => ("principal", id.0, ""),
            PropertyOwner::Object(id, name) => ("object", id.0, name),
        }
    }

    fn read(kind: &str, id: i64, name: String) -> Result<PropertyOwner> {
        match kind {
            "collection" => Ok(PropertyOwner::Collection(CollectionId(id))),
            "principal" => Ok(PropertyOwner::Principal(PrincipalId(id))),
            "object" => Ok(PropertyOwner::Object(CollectionId(id), name)),
            _ => Err(Error::broken("an unknown owner of a property")),
        }
    }
}

fn read(row: &AnyRow) -> Result<Property> {
    let mut columns = Columns::of(row);
    let (kind, id, name) = (columns.text()?, columns.int()?, columns.text()?);
    Ok(Property {
        owner: PropertyOwner::read(&kind, id, name)?,
        namespace: columns.text()?,
        name: columns.text()?,
        xml: columns.text()?,
    })
}

impl Conn {
    /// The dead properties of all these owners, ordered by owner, namespace and name.
    pub async fn properties(&mut self, clinic: ClinicId, of: &[PropertyOwner]) -> Result<Vec<Property>> {
        let mut found = Vec::new();
        for (kind, owners) in by_kind(of) {
            for chunk in owners.chunks(OWNERS) {
                found.extend(self.properties_of(clinic, kind, chunk).await?);
            }
        }
        found.sort_unstable_by(|a, b| {
            (&a.owner, &a.namespace, &a.name).cmp(&(&b.owner, &b.namespace, &b.name))
        });
        found.dedup();
        Ok(found)
    }

    /// Of owners of one kind: those with one of the ids, less the objects that were not asked for.
    async fn properties_of(
        &mut self,
        clinic: ClinicId,
        kind: &str,
        owners: &[&PropertyOwner],
    ) -> Result<Vec<Property>> {
        let (ids, id_values) = list(3, owners.iter().map(|owner| Value::from(owner.key().1)).collect());
        let names = owners.iter().map(|owner| Value::from(owner.key().2)).collect();
        let (names, name_values) = list(3 + id_values.len(), names);
        let sql = format!(
            "select owner_kind, owner_id, owner_name, namespace, name, xml from dead_properties \
             where clinic_id = $1 and owner_kind = $2 and owner_id in ({ids}) and owner_name in ({names}) \
             order by owner_id, owner_name, namespace, name"
        );
        let values = [values![clinic, kind], id_values, name_values].concat();
        let rows = self.all(AssertSqlSafe(sql), values).await?;
        let mut found = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        found.retain(|property| owners.contains(&&property.owner));
        Ok(found)
    }
}

fn by_kind(of: &[PropertyOwner]) -> Vec<(&'static str, Vec<&PropertyOwner>)> {
    let mut kinds: Vec<(&'static str, Vec<&PropertyOwner>)> = Vec::new();
    for owner in of {
        let kind = owner.key().0;
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, owners)) => owners.push(owner),
            None => kinds.push((kind, vec![owner])),
        }
    }
    kinds
}

impl Tx {
    /// Sets these properties (new or over the old).
    pub async fn set_properties(&mut self, properties: &[Property]) -> Result<()> {
        self.room()?;
        let (clinic, sql) = (
            self.clinic(),
            "insert into dead_properties (clinic_id, owner_kind, owner_id, owner_name, namespace, name, xml) \
             values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (clinic_id, owner_kind, owner_id, owner_name, namespace, name) \
             do update set xml = excluded.xml",
        );
        for property in properties {
            let (kind, id, name) = property.owner.key();
            let (namespace, local) = (property.namespace.as_str(), property.name.as_str());
            self.run(sql, values![clinic, kind, id, name, namespace, local, property.xml.as_str()]).await?;
        }
        let mut owners: Vec<&PropertyOwner> = properties.iter().map(|property| &property.owner).collect();
        owners.dedup();
        for owner in owners {
            self.properties_changed(owner).await?;
        }
        Ok(())
    }

    /// Removes these (namespace, name) of one owner; the missing are ignored.
    pub async fn remove_properties(&mut self, of: &PropertyOwner, names: &[(String, String)]) -> Result<()> {
        let (kind, id, owner) = of.key();
        let (clinic, sql) = (
            self.clinic(),
            "delete from dead_properties where clinic_id = $1 and owner_kind = $2 and owner_id = $3 \
             and owner_name = $4 and namespace = $5 and name = $6",
        );
        for (namespace, name) in names {
            let values = values![clinic, kind, id, owner, namespace.as_str(), name.as_str()];
            self.run(sql, values).await?;
        }
        self.properties_changed(of).await
    }

    /// A property is part of what a collection or principal looks like.
    async fn properties_changed(&mut self, of: &PropertyOwner) -> Result<()> {
        match of {
            PropertyOwner::Principal(principal) => {
                self.note(Fact::PrincipalChanged { principal: *principal }).await
            }
            PropertyOwner::Collection(collection) => {
                self.update_collection(*collection, crate::CollectionChange::default()).await.map(|_| ())
            }
            PropertyOwner::Object(collection, _) => {
                self.note(Fact::PropertiesChanged { collection: *collection }).await
            }
        }
    }
}
