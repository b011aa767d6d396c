//! Practitioners: made with their login, their profile and their calendars in one transaction; found, changed, let go.

use store::{
    Bookable, Policy, PrincipalChange, PrincipalId, PrincipalKind, ProfileBody, ProfileStatus, Role,
};

use super::access::{self, Reach, Subject, Verb};
use super::directory::{Cursor, Directory, Page, deed, line, maybe_line, still, zone};
use super::error::{Error, Result};
use super::making::{self, TermOn};
use crate::accounts::{Caller, NewPerson};
use crate::calendar::Author;

const KIND: PrincipalKind = PrincipalKind::Individual;
/// One visit at a time; what the practitioner does on the phone counts.
const ALONE: making::Room = making::Room { capacity: 1, policy: Policy::Accept };
/// Characters.
const NAME: usize = 200;
const LICENCE: usize = 100;
const QUALIFICATIONS: usize = 2000;

/// A practitioner to be made.
#[derive(Clone, Debug)]
pub struct NewPractitioner {
    pub person: NewPerson,
    pub licence: Option<String>,
    pub qualifications: Option<String>,
    /// Shown to patients.
    pub public: bool,
    /// Patients book it themselves.
    pub online: bool,
    pub terms: Vec<TermOn>,
}

/// What to change of a practitioner; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct PractitionerChange {
    pub display_name: Option<String>,
    pub zone: Option<Option<String>>,
    pub qualifications: Option<Option<String>>,
    pub public: Option<bool>,
    pub online: Option<bool>,
    pub terms: Option<Vec<TermOn>>,
    /// For those who run the clinic.
    pub licence: Option<Option<String>>,
    /// For those who run the clinic.
    pub status: Option<ProfileStatus>,
    /// What a change on the phone onto a taken time does: for those who run the clinic.
    pub policy: Option<Policy>,
}

/// A practitioner as this caller may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Practitioner {
    pub id: PrincipalId,
    /// The login name, and the last part of its URL.
    pub name: String,
    pub display_name: String,
    pub zone: Option<String>,
    pub status: ProfileStatus,
    pub public: bool,
    pub online: bool,
    pub qualifications: Option<String>,
    /// None for all but those who run the clinic.
    pub licence: Option<String>,
    /// What a change must name to be refused when somebody was faster.
    pub version: i64,
}

/// How much of a practitioner a caller sees.
#[derive(Clone, Copy)]
enum Sight {
    /// Licences too.
    All,
    Colleague,
    /// Whoever is shown to patients, and can be booked.
    Outside,
}

impl Sight {
    fn of(who: &Caller) -> Sight {
        let governs = access::need(who, Subject::Practitioners, Verb::Govern, None).is_ok();
        match who.role() {
            _ if governs => Sight::All,
            None | Some(Role::Patient | Role::Bot) => Sight::Outside,
            Some(_) => Sight::Colleague,
        }
    }

    fn shown(self, of: Bookable) -> Option<Practitioner> {
        let Bookable { principal, profile, seq } = of;
        let is_offered = profile.public && profile.status == ProfileStatus::Active;
        if matches!(self, Sight::Outside) && !is_offered {
            return None;
        }
        Some(Practitioner {
            id: principal.id,
            name: principal.name,
            display_name: principal.display_name,
            zone: principal.zone,
            status: profile.status,
            public: profile.public,
            online: profile.online,
            qualifications: profile.qualifications,
            licence: profile.licence.filter(|_| matches!(self, Sight::All)),
            version: seq,
        })
    }
}

impl Directory {
    /// A draft: it cannot be booked before somebody made it active.
    pub async fn add_practitioner(&self, by: Author<'_>, new: NewPractitioner) -> Result<Practitioner> {
        access::need(by.who, Subject::Practitioners, Verb::Govern, None)?;
        making::check_terms(&new.terms)?;
        let profile = ProfileBody {
            status: ProfileStatus::Draft,
            public: new.public,
            online: new.online,
            licence: maybe_line("licence", new.licence.as_deref(), LICENCE)?,
            qualifications: maybe_line("qualifications", new.qualifications.as_deref(), QUALIFICATIONS)?,
        };
        let person = NewPerson { zone: zone(new.person.zone.as_deref())?, ..new.person };
        let founding = self.accounts.founding(Some(Role::Practitioner), person).await?;
        let (who, terms, sight) = (by.who.clone(), new.terms, Sight::of(by.who));
        self.change(by, move |tx| {
            Box::pin(async move {
                let principal = founding.run(tx).await?;
                let id = principal.id;
                making::bookable(tx, id, KIND, profile.clone(), (&terms, ALONE)).await?;
                let what = serde_json::json!({});
                tx.audit(vec![deed(&who, "practitioner-made", format!("practitioner {id}"), what)]).await?;
                let made = sight.shown(Bookable { principal, profile, seq: tx.seq() });
                made.ok_or(Error::NotFound("practitioner"))
            })
        })
        .await
    }

    pub async fn practitioners(&self, who: &Caller, cursor: Cursor) -> Result<Page<Practitioner>> {
        access::need(who, Subject::Practitioners, Verb::Read, None)?;
        let mut conn = self.store.read(who.clinic()).await?;
        let after = PrincipalId(cursor.after);
        let rows = conn.bookables(who.clinic(), KIND, after, cursor.limit()).await?;
        let sight = Sight::of(who);
        Ok(cursor.page(rows, |one| one.principal.id.0, |one| sight.shown(one)))
    }

    pub async fn practitioner(&self, who: &Caller, id: PrincipalId) -> Result<Practitioner> {
        access::need(who, Subject::Practitioners, Verb::Read, None)?;
        let found = self.store.read(who.clinic()).await?.bookable(who.clinic(), id).await?;
        let found = found.filter(|found| found.principal.kind == KIND);
        found.and_then(|found| Sight::of(who).shown(found)).ok_or(Error::NotFound("practitioner"))
    }

    /// The terms of a practitioner whom the caller may see.
    pub async fn terms_of_practitioner(&self, who: &Caller, id: PrincipalId) -> Result<Vec<TermOn>> {
        self.practitioner(who, id).await?;
        self.terms_of(who, id).await
    }

    pub(super) async fn terms_of(&self, who: &Caller, id: PrincipalId) -> Result<Vec<TermOn>> {
        let rows = self.store.read(who.clinic()).await?.terms_of(who.clinic(), &[id]).await?;
        Ok(rows.into_iter().map(|row| TermOn { term: row.term, weekdays: row.weekdays }).collect())
    }

    /// `version` is that of what the caller read. A practitioner changes what is shown of itself; licence and status are
    /// changed by those who run the clinic. Deactivating is a status: the person logs in, keeps its calendars, and is
    /// not booked any more.
    pub async fn change_practitioner(
        &self,
        by: Author<'_>,
        id: PrincipalId,
        version: Option<i64>,
        change: PractitionerChange,
    ) -> Result<Practitioner> {
        if change.licence.is_some() || change.status.is_some() || change.policy.is_some() {
            access::need(by.who, Subject::Practitioners, Verb::Govern, None)?;
        }
        let reach = access::reach(by.who, Subject::Practitioners, Verb::Write)?;
        if matches!(reach, Reach::Own(own) if own != id) {
            return Err(Error::Denied(Subject::Practitioners));
        }
        let checked = Checked::new(change)?;
        let (who, sight) = (by.who.clone(), Sight::of(by.who));
        self.change(by, move |tx| {
            Box::pin(async move {
                let clinic = tx.clinic();
                let mut found = making::find(tx, clinic, KIND, id).await?;
                still(version, found.seq)?;
                if let Some(to) = checked.status {
                    making::may_become(found.profile.status, to)?;
                }
                let what = checked.words();
                checked.run(tx, &mut found).await?;
                tx.audit(vec![deed(&who, "practitioner-changed", format!("practitioner {id}"), what)])
                    .await?;
                found.seq = tx.seq();
                sight.shown(found).ok_or(Error::NotFound("practitioner"))
            })
        })
        .await
    }
}

/// A change whose fields are sound.
struct Checked {
    principal: PrincipalChange,
    qualifications: Option<Option<String>>,
    licence: Option<Option<String>>,
    public: Option<bool>,
    online: Option<bool>,
    status: Option<ProfileStatus>,
    policy: Option<Policy>,
    terms: Option<Vec<TermOn>>,
}

impl Checked {
    fn new(change: PractitionerChange) -> Result<Checked> {
        if let Some(terms) = &change.terms {
            making::check_terms(terms)?;
        }
        let words = |field, text: Option<Option<String>>, most| {
            text.map(|text| maybe_line(field, text.as_deref(), most)).transpose()
        };
        let display_name = change.display_name.as_deref().map(|name| line("display_name", name, NAME));
        let principal = PrincipalChange {
            display_name: display_name.transpose()?,
            zone: change.zone.map(|text| zone(text.as_deref())).transpose()?,
            ..PrincipalChange::default()
        };
        Ok(Checked {
            principal,
            qualifications: words("qualifications", change.qualifications, QUALIFICATIONS)?,
            licence: words("licence", change.licence, LICENCE)?,
            public: change.public,
            online: change.online,
            status: change.status,
            policy: change.policy,
            terms: change.terms,
        })
    }

    /// What the audit says of it: which fields, and the status, which is no secret.
    fn words(&self) -> serde_json::Value {
        let fields = [
            ("display_name", self.principal.display_name.is_some()),
            ("zone", self.principal.zone.is_some()),
            ("qualifications", self.qualifications.is_some()),
            ("licence", self.licence.is_some()),
            ("public", self.public.is_some()),
            ("online", self.online.is_some()),
            ("terms", self.terms.is_some()),
            ("policy", self.policy.is_some()),
        ];
        let fields: Vec<_> = fields.into_iter().filter(|(_, is)| *is).map(|(field, _)| field).collect();
        serde_json::json!({ "fields": fields, "status": self.status.map(ProfileStatus::text) })
    }

    async fn run(self, tx: &mut store::Tx, found: &mut Bookable) -> Result<()> {
        let id = found.principal.id;
        let (principal, profile) = (&mut found.principal, &mut found.profile);
        principal.display_name =
            self.principal.display_name.clone().unwrap_or_else(|| principal.display_name.clone());
        principal.zone = self.principal.zone.clone().unwrap_or_else(|| principal.zone.clone());
        if self.principal.display_name.is_some() || self.principal.zone.is_some() {
            tx.update_principal(id, self.principal).await?;
        }
        profile.qualifications = self.qualifications.unwrap_or_else(|| profile.qualifications.clone());
        profile.licence = self.licence.unwrap_or_else(|| profile.licence.clone());
        profile.public = self.public.unwrap_or(profile.public);
        profile.online = self.online.unwrap_or(profile.online);
        profile.status = self.status.unwrap_or(profile.status);
        tx.replace_profile(id, profile.clone()).await?;
        making::rebook(tx, id, None, self.policy).await?;
        match &self.terms {
            Some(terms) => making::set_terms(tx, id, terms).await,
            None => Ok(()),
        }
    }
}
