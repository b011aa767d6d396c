//! Services: what is booked, with everything that decides where it fits. All of a service is replaced at once, so that
//! its rules are checked together.

use serde::{Deserialize, Serialize};
use store::{PrincipalId, Service, ServiceBody, ServiceId, ServiceOverride};

use super::access::{self, Subject, Verb};
use super::directory::{Cursor, Directory, PAGE_MOST, Page, code, deed, line, still};
use super::error::{Error, Result, invalid};
use crate::accounts::Caller;
use crate::calendar::Author;

/// Characters of a name.
const NAME: usize = 200;
/// Things one service needs beside its practitioner.
const NEEDS: usize = 10;
const DAY: i64 = 24 * 60;

/// What else must be free for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    pub kind: NeedKind,
    /// The code of a term it must have (a room type, a specialty); none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    pub count: u8,
}

/// Of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeedKind {
    Practitioner,
    Room,
    Equipment,
}

/// A service as people write it. Lengths are minutes unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFields {
    pub code: String,
    pub name: String,
    /// Codes of terms of the dimension mode.
    pub modes: Vec<String>,
    pub minutes: i64,
    /// Starts are offered at this grid.
    pub step: i64,
    pub pad_before: i64,
    pub pad_after: i64,
    /// At least so long ahead.
    pub notice: i64,
    pub horizon_days: i64,
    pub day_limit: Option<i64>,
    pub week_limit: Option<i64>,
    /// Patients at once.
    pub seats: i64,
    pub needs: Vec<Need>,
    /// Seconds; none: the clinic's default.
    pub hold_patient: Option<i64>,
    pub hold_staff: Option<i64>,
    /// In the smallest unit of the currency.
    pub fee: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Until so long before the start a patient may cancel or move it.
    pub cancel_window: i64,
    /// False: it is booked no more.
    pub active: bool,
}

/// What is different with somebody; none: as the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverrideFields {
    /// False: does not do it at all.
    pub offered: bool,
    pub minutes: Option<i64>,
    pub pad_before: Option<i64>,
    pub pad_after: Option<i64>,
    pub day_limit: Option<i64>,
    pub week_limit: Option<i64>,
    pub fee: Option<i64>,
}

fn within(field: &'static str, value: i64, least: i64, most: i64, why: &'static str) -> Result<()> {
    if (least..=most).contains(&value) { Ok(()) } else { invalid(field, why) }
}

/// A table: each number with the bounds it must keep.
fn check(fields: &ServiceFields) -> Result<()> {
    let f = fields;
    for (field, value, least, most, why) in [
        ("minutes", f.minutes, 1, DAY, "from 1 minute to one day"),
        ("step", f.step, 1, DAY, "from 1 minute to one day"),
        ("pad_before", f.pad_before, 0, DAY / 2, "from 0 to 720 minutes"),
        ("pad_after", f.pad_after, 0, DAY / 2, "from 0 to 720 minutes"),
        ("notice", f.notice, 0, 365 * DAY, "from 0 minutes to a year"),
        ("horizon_days", f.horizon_days, 1, 400, "from 1 to 400 days"),
        ("seats", f.seats, 1, 1000, "from 1 to 1000"),
        ("cancel_window", f.cancel_window, 0, 365 * DAY, "from 0 minutes to a year"),
        ("hold_patient", f.hold_patient.unwrap_or(60), 60, 86_400, "from 60 seconds to a day"),
        ("hold_staff", f.hold_staff.unwrap_or(60), 60, 86_400, "from 60 seconds to a day"),
    ] {
        within(field, value, least, most, why)?;
    }
    check_limits(f.day_limit, f.week_limit)?;
    check_fee(f.fee)?;
    match &f.currency {
        Some(currency) if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) => {
            invalid("currency", "expected three capital letters, such as EUR")
        }
        None if f.fee.is_some() => invalid("currency", "a fee has a currency"),
        _ => Ok(()),
    }
}

fn check_limits(day: Option<i64>, week: Option<i64>) -> Result<()> {
    within("day_limit", day.unwrap_or(1), 1, 1000, "from 1 to 1000")?;
    within("week_limit", week.unwrap_or(1), 1, 7000, "from 1 to 7000")
}

fn check_fee(fee: Option<i64>) -> Result<()> {
    within("fee", fee.unwrap_or(0), 0, 1_000_000_000_000, "not below 0")
}

fn body(fields: ServiceFields, disabled_at: Option<i64>) -> Result<ServiceBody> {
    check(&fields)?;
    if fields.needs.len() > NEEDS || fields.needs.iter().any(|need| need.count == 0) {
        return invalid("needs", "at most 10, each at least once");
    }
    for need in &fields.needs {
        need.term.as_deref().map_or(Ok(String::new()), |term| code("needs", term))?;
    }
    let modes = fields.modes.iter().map(|mode| code("modes", mode)).collect::<Result<Vec<_>>>()?;
    if modes.is_empty() || modes.len() > NEEDS {
        return invalid("modes", "expected 1 to 10");
    }
    let needs = serde_json::to_string(&fields.needs);
    Ok(ServiceBody {
        code: code("code", &fields.code)?,
        name: line("name", &fields.name, NAME)?,
        modes: modes.join(" "),
        minutes: fields.minutes,
        step: fields.step,
        pad_before: fields.pad_before,
        pad_after: fields.pad_after,
        notice: fields.notice,
        horizon_days: fields.horizon_days,
        day_limit: fields.day_limit,
        week_limit: fields.week_limit,
        seats: fields.seats,
        needs: needs.map_err(|_| Error::Invalid { field: "needs", why: "cannot be written" })?,
        hold_patient: fields.hold_patient,
        hold_staff: fields.hold_staff,
        fee: fields.fee,
        currency: fields.currency,
        cancel_window: fields.cancel_window,
        disabled_at,
    })
}

impl ServiceFields {
    /// As it is kept. Needs that a newer release wrote and this one cannot read are an error, not nothing: a service
    /// booked without its room would be booked wrongly.
    pub fn of(service: &Service) -> Result<ServiceFields> {
        let body = service.body.clone();
        let needs = serde_json::from_str(&body.needs);
        Ok(ServiceFields {
            code: body.code,
            name: body.name,
            modes: body.modes.split_ascii_whitespace().map(str::to_owned).collect(),
            minutes: body.minutes,
            step: body.step,
            pad_before: body.pad_before,
            pad_after: body.pad_after,
            notice: body.notice,
            horizon_days: body.horizon_days,
            day_limit: body.day_limit,
            week_limit: body.week_limit,
            seats: body.seats,
            needs: needs.map_err(|_| store::Error::broken("the needs of a service cannot be read"))?,
            hold_patient: body.hold_patient,
            hold_staff: body.hold_staff,
            fee: body.fee,
            currency: body.currency,
            cancel_window: body.cancel_window,
            active: body.disabled_at.is_none(),
        })
    }
}

impl Directory {
    pub async fn add_service(&self, by: Author<'_>, fields: ServiceFields) -> Result<Service> {
        access::need(by.who, Subject::Services, Verb::Write, None)?;
        let disabled_at = (!fields.active).then(|| self.accounts.now());
        let (who, body) = (by.who.clone(), body(fields, disabled_at)?);
        self.change(by, move |tx| {
            Box::pin(async move {
                let made = tx.insert_service(body).await?;
                let what = serde_json::json!({ "code": made.body.code });
                tx.audit(vec![deed(&who, "service-made", format!("service {}", made.id), what)]).await?;
                Ok(made)
            })
        })
        .await
    }

    pub async fn services(&self, who: &Caller, cursor: Cursor) -> Result<Page<Service>> {
        access::need(who, Subject::Services, Verb::Read, None)?;
        let mut conn = self.store.read(who.clinic()).await?;
        let rows = conn.services(who.clinic(), ServiceId(cursor.after), cursor.limit()).await?;
        Ok(cursor.page(rows, |one| one.id.0, Some))
    }

    pub async fn service(&self, who: &Caller, id: ServiceId) -> Result<Service> {
        access::need(who, Subject::Services, Verb::Read, None)?;
        let found = self.store.read(who.clinic()).await?.service(who.clinic(), id).await?;
        found.ok_or(Error::NotFound("service"))
    }

    /// Replaces a service; `version` is the `seq` of what the caller read.
    pub async fn change_service(
        &self,
        by: Author<'_>,
        id: ServiceId,
        version: Option<i64>,
        fields: ServiceFields,
    ) -> Result<Service> {
        access::need(by.who, Subject::Services, Verb::Write, None)?;
        let (who, active) = (by.who.clone(), fields.active);
        let mut body = body(fields, None)?;
        self.change(by, move |tx| {
            Box::pin(async move {
                let clinic = tx.clinic();
                let found = tx.service(clinic, id).await?.ok_or(Error::NotFound("service"))?;
                still(version, found.seq)?;
                body.disabled_at = if active { None } else { found.body.disabled_at.or(Some(tx.now())) };
                tx.replace_service(id, &body).await?;
                let what = serde_json::json!({ "code": body.code, "active": active, "fee": body.fee });
                tx.audit(vec![deed(&who, "service-changed", format!("service {id}"), what)]).await?;
                Ok(Service { id, body, seq: tx.seq() })
            })
        })
        .await
    }

    /// What is different with whom, of one service, by resource.
    pub async fn service_overrides(
        &self,
        who: &Caller,
        of: ServiceId,
        after: PrincipalId,
    ) -> Result<Vec<ServiceOverride>> {
        access::need(who, Subject::Services, Verb::Read, None)?;
        let mut conn = self.store.read(who.clinic()).await?;
        let rows = conn.service_overrides(who.clinic(), (of, after), PAGE_MOST).await?;
        Ok(rows.into_iter().take_while(|row| row.service == of).collect())
    }

    /// Sets what is different with somebody, or (None) takes it away.
    pub async fn set_service_override(
        &self,
        by: Author<'_>,
        (of, with): (ServiceId, PrincipalId),
        fields: Option<OverrideFields>,
    ) -> Result<()> {
        access::need(by.who, Subject::Services, Verb::Write, None)?;
        if let Some(fields) = &fields {
            within("minutes", fields.minutes.unwrap_or(1), 1, DAY, "from 1 minute to one day")?;
            within("pad_before", fields.pad_before.unwrap_or(0), 0, DAY / 2, "from 0 to 720 minutes")?;
            within("pad_after", fields.pad_after.unwrap_or(0), 0, DAY / 2, "from 0 to 720 minutes")?;
            check_limits(fields.day_limit, fields.week_limit)?;
            check_fee(fields.fee)?;
        }
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                match fields {
                    Some(fields) => tx.set_service_override(row(of, with, fields)).await?,
                    None if tx.remove_service_override(of, with).await? => {}
                    None => return Err(Error::NotFound("exception of a service")),
                }
                let what = serde_json::json!({ "with": with.0, "fee": fields.and_then(|fields| fields.fee) });
                Ok(tx.audit(vec![deed(&who, "service-changed", format!("service {of}"), what)]).await?)
            })
        })
        .await
    }
}

fn row(service: ServiceId, resource: PrincipalId, fields: OverrideFields) -> ServiceOverride {
    let OverrideFields { offered, minutes, pad_before, pad_after, day_limit, week_limit, fee } = fields;
    ServiceOverride { service, resource, offered, minutes, pad_before, pad_after, day_limit, week_limit, fee }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> ServiceFields {
        ServiceFields {
            code: "first".into(),
            name: "First consultation".into(),
            modes: vec!["in-person".into()],
            minutes: 45,
            step: 15,
            pad_before: 0,
            pad_after: 10,
            notice: 60,
            horizon_days: 90,
            day_limit: None,
            week_limit: None,
            seats: 1,
            needs: vec![Need { kind: NeedKind::Room, term: Some("ultrasound".into()), count: 1 }],
            hold_patient: None,
            hold_staff: None,
            fee: Some(1),
            currency: Some("EUR".into()),
            cancel_window: 0,
            active: true,
        }
    }

    #[test]
    fn what_is_kept_is_what_was_said() {
        let kept = body(fields(), None).unwrap();
        assert_eq!(kept.needs, r#"[{"kind":"room","term":"ultrasound","count":1}]"#);
        let service = Service { id: ServiceId(1), body: kept, seq: 1 };
        assert_eq!(ServiceFields::of(&service).unwrap(), fields());
    }

    #[test]
    fn every_field_has_its_bounds_and_names_itself() {
        type Spoil = fn(&mut ServiceFields);
        let broken: [(&str, Spoil); 14] = [
            ("minutes", |f| f.minutes = 0),
            ("step", |f| f.step = 0),
            ("pad_before", |f| f.pad_before = -1),
            ("pad_after", |f| f.pad_after = 10_000),
            ("notice", |f| f.notice = -1),
            ("horizon_days", |f| f.horizon_days = 401),
            ("seats", |f| f.seats = 0),
            ("day_limit", |f| f.day_limit = Some(0)),
            ("week_limit", |f| f.week_limit = Some(0)),
            ("hold_patient", |f| f.hold_patient = Some(1)),
            ("fee", |f| f.fee = Some(-1)),
            ("currency", |f| f.currency = None),
            ("modes", |f| f.modes.clear()),
            ("needs", |f| f.needs[0].count = 0),
        ];
        for (field, spoil) in broken {
            let mut fields = fields();
            spoil(&mut fields);
            let refused = body(fields, None);
            assert!(matches!(refused, Err(Error::Invalid { field: named, .. }) if named == field), "{field}");
        }
    }
}
