//! Patients, as little of them as booking needs. Another system of the clinic knows them by an id of its own: sent twice
//! they are one patient. What they are reached by is also kept written in one way, for caps and for finding them again.
//!
//! Whoever looks at a patient is written down.

use std::fmt;

use store::{Patient, PatientBody, PatientBy, PatientId};

use super::access::{self, Subject, Verb};
use super::directory::{Cursor, Directory, PAGE_MOST, Page, deed, line, maybe_line, still, zone};
use super::error::{Error, Result, invalid};
use crate::calendar::Author;

/// Characters.
const NAME: usize = 200;
const EXTERNAL: usize = 100;
const PHONE: usize = 40;
const MAIL: usize = 254;
const LANGUAGE: usize = 35;
/// Digits of a phone number (E.164 has at most 15; some write extensions behind).
const DIGITS: std::ops::RangeInclusive<usize> = 3..=20;

/// What is known of a patient.
#[derive(Clone, Default)]
pub struct PatientFields {
    pub external_id: Option<String>,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    /// IANA name.
    pub zone: Option<String>,
    /// A tag of RFC 5646.
    pub language: Option<String>,
}

impl fmt::Debug for PatientFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A phone number written in the one way that is compared: `+` and digits when it is international, else digits.
pub fn phone_key(text: &str) -> Result<String> {
    let mut digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let odd = |c: char| !c.is_ascii_digit() && !" +-/().".contains(c);
    let plus = text.trim_start().starts_with('+');
    if text.chars().any(odd) || text.chars().skip_while(|c| c.is_whitespace()).skip(1).any(|c| c == '+') {
        return invalid("phone", "expected digits, with + before a country's code");
    }
    if let (false, Some(rest)) = (plus, digits.strip_prefix("00")) {
        digits = format!("+{rest}");
    } else if plus {
        // +49 (0) 30: the zero in brackets is not dialled from abroad.
        let without: String = text.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
        digits = format!("+{without}");
    }
    if DIGITS.contains(&digits.trim_start_matches('+').len()) {
        Ok(digits)
    } else {
        invalid("phone", "expected 3 to 20 digits")
    }
}

/// A mail address written in the one way that is compared: small letters, and without what stands behind a `+`, by
/// which one mailbox has any number of addresses.
pub fn email_key(text: &str) -> Result<String> {
    let text = text.trim().to_lowercase();
    let is_sound = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.rsplit_once('@') {
        Some((local, domain)) if is_sound && !local.is_empty() && domain.len() > 1 => {
            let mailbox = local.split('+').next().filter(|mailbox| !mailbox.is_empty()).unwrap_or(local);
            Ok(format!("{mailbox}@{domain}"))
        }
        _ => invalid("email", "an e-mail address looks like ada@example.org"),
    }
}

fn body(fields: &PatientFields) -> Result<PatientBody> {
    let phone = maybe_line("phone", fields.phone.as_deref(), PHONE)?;
    let email = maybe_line("email", fields.email.as_deref(), MAIL)?;
    let language = maybe_line("language", fields.language.as_deref(), LANGUAGE)?;
    if language.as_deref().is_some_and(|tag| !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')) {
        return invalid("language", "expected a tag such as de or pt-BR");
    }
    Ok(PatientBody {
        external_id: maybe_line("external_id", fields.external_id.as_deref(), EXTERNAL)?,
        name: line("name", &fields.name, NAME)?,
        phone_key: phone.as_deref().map(phone_key).transpose()?,
        phone,
        email_key: email.as_deref().map(email_key).transpose()?,
        email,
        zone: zone(fields.zone.as_deref())?,
        language,
        disabled_at: None,
    })
}

fn subject(id: PatientId) -> String {
    format!("patient {id}")
}

impl Directory {
    /// Makes a patient, or brings the one with this external id up to date. Its version; true: made.
    pub async fn upsert_patient(
        &self,
        by: Author<'_>,
        fields: &PatientFields,
        active: bool,
    ) -> Result<(PatientId, i64, bool)> {
        access::need(by.who, Subject::Patients, Verb::Write, None)?;
        let (who, mut body) = (by.who.clone(), body(fields)?);
        body.disabled_at = (!active).then(|| self.accounts.now());
        self.change(by, move |tx| {
            Box::pin(async move {
                let (id, made) = tx.upsert_patient(body).await?;
                let kind = if made { "patient-made" } else { "patient-changed" };
                tx.audit(vec![deed(&who, kind, subject(id), serde_json::json!({}))]).await?;
                Ok((id, tx.seq(), made))
            })
        })
        .await
    }

    pub async fn patients(&self, by: Author<'_>, cursor: Cursor) -> Result<Page<Patient>> {
        access::need(by.who, Subject::Patients, Verb::Read, None)?;
        let clinic = by.who.clinic();
        let rows =
            self.store.read(clinic).await?.patients(clinic, PatientId(cursor.after), cursor.limit()).await?;
        self.looked_at(by, &rows).await?;
        Ok(cursor.page(rows, |one| one.id.0, Some))
    }

    pub async fn patient(&self, by: Author<'_>, id: PatientId) -> Result<Patient> {
        access::need(by.who, Subject::Patients, Verb::Read, None)?;
        let clinic = by.who.clinic();
        let found = self.store.read(clinic).await?.patient(clinic, id).await?;
        let found = found.ok_or(Error::NotFound("patient"))?;
        self.looked_at(by, std::slice::from_ref(&found)).await?;
        Ok(found)
    }

    /// Whom a phone number, a mail address or another system's id belongs to.
    pub async fn patients_by(&self, by: Author<'_>, key: PatientBy<'_>) -> Result<Vec<Patient>> {
        access::need(by.who, Subject::Patients, Verb::Read, None)?;
        let clinic = by.who.clinic();
        let mut conn = self.store.read(clinic).await?;
        let found = match key {
            PatientBy::External(_) => conn.patients_by(clinic, key, 1).await?,
            PatientBy::Phone(text) => {
                conn.patients_by(clinic, PatientBy::Phone(&phone_key(text)?), PAGE_MOST).await?
            }
            PatientBy::Email(text) => {
                conn.patients_by(clinic, PatientBy::Email(&email_key(text)?), PAGE_MOST).await?
            }
        };
        drop(conn);
        self.looked_at(by, &found).await?;
        Ok(found)
    }

    /// Replaces what is known; `version` is the `seq` of what the caller read.
    pub async fn change_patient(
        &self,
        by: Author<'_>,
        id: PatientId,
        version: Option<i64>,
        (fields, active): (&PatientFields, bool),
    ) -> Result<i64> {
        access::need(by.who, Subject::Patients, Verb::Write, None)?;
        let (who, mut body) = (by.who.clone(), body(fields)?);
        self.change(by, move |tx| {
            Box::pin(async move {
                let clinic = tx.clinic();
                let found = tx.patient(clinic, id).await?.ok_or(Error::NotFound("patient"))?;
                still(version, found.seq)?;
                body.disabled_at = (!active).then(|| found.body.disabled_at.unwrap_or_else(|| tx.now()));
                tx.replace_patient(id, body).await?;
                tx.audit(vec![deed(&who, "patient-changed", subject(id), serde_json::json!({}))]).await?;
                Ok(tx.seq())
            })
        })
        .await
    }

    /// Erases what is known of a patient; the audit keeps the number.
    pub async fn erase_patient(&self, by: Author<'_>, id: PatientId) -> Result<()> {
        access::need(by.who, Subject::Patients, Verb::Govern, None)?;
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                if !tx.erase_patient(id).await? {
                    return Err(Error::NotFound("patient"));
                }
                Ok(tx.audit(vec![deed(&who, "patient-erased", subject(id), serde_json::json!({}))]).await?)
            })
        })
        .await
    }

    /// Written down before anything is shown.
    async fn looked_at(&self, by: Author<'_>, found: &[Patient]) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let read = |one: &Patient| deed(by.who, "patient-read", subject(one.id), serde_json::json!({}));
        let deeds = found.iter().map(read).collect();
        self.change(by, move |tx| Box::pin(async move { Ok(tx.audit(deeds).await?) })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phone_is_one_key() {
        for same in ["+49 30 1234567", "0049 30 1234567", "+49 (0)30 123-45.67", "+49/30/1234567"] {
            assert_eq!(phone_key(same).unwrap(), "+49301234567", "{same}");
        }
        assert_eq!(phone_key("030 / 123 45 67").unwrap(), "0301234567");
        for bad in ["", "12", "call me", "+49+30", "1".repeat(21).as_str(), "+"] {
            assert!(phone_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_mailbox_is_one_key() {
        for same in ["eva@example.org", " Eva@Example.ORG", "eva+clinic@example.org"] {
            assert_eq!(email_key(same).unwrap(), "eva@example.org", "{same}");
        }
        assert_eq!(email_key("+eva@example.org").unwrap(), "+eva@example.org");
        for bad in ["", "eva", "@example.org", "eva@", "e va@example.org", "eva@x\n.org"] {
            assert!(email_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_patient_is_never_printed() {
        let fields = PatientFields { name: "Eva".into(), ..PatientFields::default() };
        assert!(!format!("{fields:?} {:?}", body(&fields).unwrap()).contains("Eva"));
    }
}
