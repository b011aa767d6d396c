//! Principals: made, listed, changed, disabled, erased.
//!
//! A new person gets one calendar for events (`default`) and one for tasks (`tasks`) in the same transaction, so
//! that URLs can be computed from the name alone. Removing disables and keeps the history; only erasing deletes.

use store::{
    BoxFuture, ClinicId, NewCollection, NewPrincipal, Origin, Principal, PrincipalChange, PrincipalKind,
    Role, Tx,
};

use super::{Accounts, Caller, Error, Secret, seal};

/// Characters of a display name.
pub const DISPLAY_NAME: usize = 200;
/// Characters of an address (RFC 5321 4.5.3.1.3).
pub const ADDRESS: usize = 254;
/// Bytes of a password.
pub const PASSWORD: usize = super::secret::BYTES;
/// People in one page of [`Accounts::people`].
pub const PAGE: u32 = 500;

/// Somebody to be made.
#[derive(Debug, Clone)]
pub struct NewPerson {
    pub name: String,
    pub display_name: String,
    pub email: Option<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// Without one only app passwords log in.
    pub password: Option<Secret>,
}

/// What to change of somebody; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub display_name: Option<String>,
    pub email: Option<Option<String>>,
    pub zone: Option<Option<String>>,
    pub role: Option<Option<Role>>,
}

impl Accounts {
    /// Makes a person of the default clinic, with its first two calendars and no part in the clinic's work.
    pub async fn add_person(&self, new: NewPerson) -> Result<Principal, Error> {
        self.add_member(self.inner.clinic, None, new).await
    }

    /// Makes a person of this clinic, with its first two calendars.
    pub async fn add_member(
        &self,
        clinic: ClinicId,
        role: Option<Role>,
        new: NewPerson,
    ) -> Result<Principal, Error> {
        let founding = self.founding(role, new).await?;
        let made = self.inner.store.write(clinic, move |tx| {
            Box::pin(async move {
                tx.sign(Origin::Cli, None);
                founding.run(tx).await
            })
        });
        made.await.map_err(Error::Store)
    }

    /// A person that is sound and can be made, alone or with more that belongs to it, in one transaction.
    pub async fn founding(&self, role: Option<Role>, new: NewPerson) -> Result<Founding, Error> {
        let password_hash = match &new.password {
            Some(password) => Some(self.inner.seal.hash(sound(password)?).await?),
            None => None,
        };
        let principal = NewPrincipal {
            name: new.name,
            kind: PrincipalKind::Individual,
            display_name: line(
                &new.display_name,
                DISPLAY_NAME,
                "a name to show has 1 to 200 characters on one line",
            )?,
            email: new.email.as_deref().map(address).transpose()?,
            zone: new.zone,
            password_hash,
            role,
        };
        Ok(Founding(principal))
    }

    /// A name for a principal that nobody types: a word and 60 random bits behind it.
    pub fn new_name(&self, word: &str) -> Result<String, Error> {
        Ok(format!("{word}-{}", &seal::random_text()?.expose()[..12]))
    }

    /// Everybody of this clinic, disabled ones too, rooms and things too, by name.
    pub async fn people(&self, clinic: ClinicId) -> Result<Vec<Principal>, Error> {
        let mut all: Vec<Principal> = Vec::new();
        let mut conn = self.inner.store.read(clinic).await?;
        loop {
            let after = all.last().map(|last| last.name.clone()).unwrap_or_default();
            let page = conn.principals(clinic, &after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The caller's mail address.
    pub async fn email(&self, who: &Caller) -> Result<Option<String>, Error> {
        let (clinic, id) = (who.clinic(), who.principal());
        let found = self.inner.store.read(clinic).await?.principals_by_id(clinic, &[id]).await?.pop();
        Ok(found.and_then(|person| person.email))
    }

    pub async fn change_person(&self, who: &Caller, change: Change) -> Result<(), Error> {
        let name = change.display_name.as_deref();
        let display_name =
            name.map(|name| line(name, DISPLAY_NAME, "a name to show has 1 to 200 characters on one line"));
        let email = change.email.map(|email| email.as_deref().map(address).transpose());
        let (display_name, email) = (display_name.transpose()?, email.transpose()?);
        let change =
            PrincipalChange { name: None, display_name, email, zone: change.zone, role: change.role };
        let id = who.principal();
        self.existing(who, move |tx| Box::pin(async move { Ok(tx.update_principal(id, change).await?) }))
            .await
    }

    pub async fn set_password(&self, who: &Caller, password: &Secret) -> Result<(), Error> {
        let hash = self.inner.seal.hash(sound(password)?).await?;
        let id = who.principal();
        self.existing(who, move |tx| Box::pin(async move { Ok(tx.set_password(id, Some(hash)).await?) }))
            .await
    }

    /// No login any more, by whatever password; everything stays.
    pub async fn disable_person(&self, who: &Caller) -> Result<(), Error> {
        let (id, now) = (who.principal(), self.inner.store.clock().now());
        self.existing(who, move |tx| Box::pin(async move { Ok(tx.disable_principal(id, Some(now)).await?) }))
            .await
    }

    pub async fn enable_person(&self, who: &Caller) -> Result<(), Error> {
        let id = who.principal();
        self.existing(who, move |tx| Box::pin(async move { Ok(tx.disable_principal(id, None).await?) })).await
    }

    /// Deletes the person with calendars, passwords, grants: nothing of them remains but journal numbers.
    pub async fn erase_person(&self, who: &Caller) -> Result<(), Error> {
        let id = who.principal();
        self.existing(who, move |tx| Box::pin(async move { Ok(tx.erase_principal(id).await?) })).await
    }

    /// A change signed by its caller.
    pub(super) async fn write<T, F>(&self, who: &Caller, job: F) -> Result<T, Error>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let caller = who.principal();
        let signed = move |tx: &mut Tx| {
            tx.sign(Origin::Cli, Some(caller));
        };
        self.inner
            .store
            .write(who.clinic(), move |tx| {
                signed(tx);
                job(tx)
            })
            .await
    }

    async fn existing<F>(&self, who: &Caller, job: F) -> Result<(), Error>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<bool, Error>> + Send + 'static,
    {
        if self.write(who, job).await? { Ok(()) } else { Err(Error::NotFound("user")) }
    }
}

/// A person to be made inside a transaction; every rule but that of its name has been checked.
#[derive(Debug, Clone)]
pub struct Founding(NewPrincipal);

impl Founding {
    pub async fn run(self, tx: &mut Tx) -> Result<Principal, store::Error> {
        let person = tx.insert_principal(self.0).await?;
        for (slug, components, display_name) in
            [("default", "VEVENT", "Calendar"), ("tasks", "VTODO", "Tasks")]
        {
            let calendar = NewCollection {
                slug: slug.into(),
                components: components.into(),
                display_name: Some(display_name.into()),
                ..NewCollection::default()
            };
            tx.insert_collection(person.id, calendar).await?;
        }
        Ok(person)
    }
}

/// Text on one line: it ends up in headers, XML and iCalendar.
pub(super) fn line(text: &str, most: usize, rule: &'static str) -> Result<String, Error> {
    let text = text.trim();
    let is_sound = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if is_sound { Ok(text.to_owned()) } else { Err(Error::Invalid(rule)) }
}

fn address(text: &str) -> Result<String, Error> {
    let text = line(text, ADDRESS, "an e-mail address has at most 254 characters")?;
    let is_sound = matches!(text.split_once('@'), Some((one, two)) if !one.is_empty() && !two.is_empty());
    let is_sound = is_sound && !text.contains(char::is_whitespace);
    if is_sound { Ok(text) } else { Err(Error::Invalid("an e-mail address looks like ada@example.org")) }
}

fn sound(password: &Secret) -> Result<&Secret, Error> {
    let text = password.expose();
    let is_sound = !text.is_empty() && text.len() <= PASSWORD && !text.chars().any(char::is_control);
    // Basic credentials cannot carry control characters (RFC 7617 2).
    if is_sound {
        Ok(password)
    } else {
        Err(Error::Invalid("a password has 1 to 1024 bytes, no control characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_up_in_headers_is_one_line() {
        assert_eq!(line("  Dr. Ada Berg ", 20, "").unwrap(), "Dr. Ada Berg");
        assert!(line("a\r\nb", 20, "").is_err() && line("", 20, "").is_err() && line("abc", 2, "").is_err());
    }

    #[test]
    fn an_address_is_recognised() {
        assert!(address("ada@example.org").is_ok());
        for bad in ["ada", "@example.org", "ada@", "a b@c", "a@b\nc"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
