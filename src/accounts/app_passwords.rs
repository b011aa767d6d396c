//! App passwords: one per device, shown once, revocable alone.
//!
//! The text carries the row's id (`k17-...`), so that a login compares with one hash however many devices a person
//! has. 150 random bits; only the argon2id hash of what follows the id is kept.

use store::{AppPassword, AppPasswordId, NewAppPassword};

use super::{Accounts, Caller, Error, Secret, people, seal};

/// Letters and digits of an app password, in groups of `GROUP`.
const LETTERS: usize = 30;
const GROUP: usize = 5;
/// Characters of a label.
pub const LABEL: usize = 100;

impl Accounts {
    /// Makes one for the caller. The text is not kept: show it now.
    pub async fn add_app_password(
        &self,
        who: &Caller,
        label: &str,
    ) -> Result<(AppPasswordId, Secret), Error> {
        let label = people::line(label, LABEL, "a label has 1 to 100 characters on one line")?;
        let random = random()?;
        let hash = self.inner.seal.hash(&random).await?;
        let new = NewAppPassword { principal: who.principal(), label, hash };
        let made = self
            .write(who, move |tx| Box::pin(async move { Ok(tx.insert_app_password(new).await?) }))
            .await?;
        Ok((made.id, Secret::new(format!("k{}-{}", made.id, random.expose()))))
    }

    /// All of the caller, revoked ones too.
    pub async fn app_passwords(&self, who: &Caller) -> Result<Vec<AppPassword>, Error> {
        Ok(self.inner.store.read(who.clinic()).await?.app_passwords(who.clinic(), who.principal()).await?)
    }

    pub async fn revoke_app_password(&self, who: &Caller, id: AppPasswordId) -> Result<(), Error> {
        let of = who.principal();
        let was =
            self.write(who, move |tx| Box::pin(async move { Ok(tx.revoke_app_password(of, id).await?) }));
        if was.await? { Ok(()) } else { Err(Error::NotFound("live app password")) }
    }
}

fn random() -> Result<Secret, Error> {
    let text = seal::random_text()?;
    let groups = text.expose().as_bytes()[..LETTERS].chunks(GROUP);
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    Ok(Secret::new(groups.join("-")))
}

/// The id that a text of this form names, and what its hash was made of. Any other password is a password.
pub fn parts(password: &Secret) -> Option<(AppPasswordId, Secret)> {
    let (id, random) = password.expose().strip_prefix('k')?.split_once('-')?;
    let is_random = random.len() == LETTERS + LETTERS / GROUP - 1;
    let id = id.parse().ok().filter(|_| is_random)?;
    Some((AppPasswordId(id), Secret::new(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_its_row() {
        let random = random().unwrap();
        let (id, rest) = parts(&Secret::new(format!("k17-{}", random.expose()))).unwrap();
        assert_eq!((id, rest.expose()), (AppPasswordId(17), random.expose()));
        for other in ["k17-short", "kitty-cat", "", "k-", "secret"] {
            assert!(parts(&Secret::new(other)).is_none(), "{other}");
        }
    }
}
