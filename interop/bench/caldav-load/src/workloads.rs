//! The named workloads: what each sends, and what a right answer is.
use crate::bodies::{freebusy, query, sync, ETAGS, PRINCIPAL};
use crate::client::{Client, Reply, Req, Target};
use crate::dav;
use crate::gen::{self, Event};
use crate::stats::{own_cpu_ms, tree_cpu_ms, Figures, Recorder};
use bytes::Bytes;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const NAMES: [&str; 16] = [
    "options",
    "principal",
    "get",
    "put-new",
    "put-recurring",
    "put-update",
    "propfind-1k",
    "propfind-10k",
    "sync-initial",
    "sync-delta",
    "multiget-50",
    "query-week",
    "query-week-expand",
    "freebusy-month",
    "freebusy-month-1k",
    "query-week-1k",
];

pub struct User {
    pub target: Target,
    pub home: String,
}

pub struct Ctx {
    pub users: Vec<User>,
    pub concurrency: usize,
    pub seconds: f64,
    pub max: usize,
    pub timeout: Duration,
    pub server: Vec<u32>,
    pub seed: u64,
    pub small_name: String,
    pub big_name: String,
    pub small: Arc<Vec<Event>>,
    pub big: Arc<Vec<Event>>,
    pub stamp: u64,
    pub principal_path: String,
    pub multi: bool,
}

/// What must hold for a reply besides its status code.
#[derive(Clone)]
pub enum Expect {
    Status(&'static [u16]),
    Dav,
    Contains(String),
    /// A multistatus with this many objects (rows whose href does not end in a slash).
    Objects { n: usize, etags: bool, vevents: Option<usize>, token: bool },
    Busy { busy: Vec<(i64, i64)>, from: i64, to: i64 },
}

pub struct Job {
    pub method: &'static str,
    /// `{home}` stands for the calendar home of the worker's user.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub expect: Expect,
}

const XML: (&str, &str) = ("content-type", "application/xml; charset=utf-8");

fn xml_job(method: &'static str, path: String, depth: &str, body: String, expect: Expect) -> Job {
    Job { method, path, headers: vec![(XML.0, XML.1.into()), ("depth", depth.into())], body, expect }
}

pub fn put_job(path: String, body: String, more: Option<(&'static str, String)>) -> Job {
    let mut headers = vec![("content-type", "text/calendar; charset=utf-8".to_string())];
    headers.extend(more);
    Job { method: "PUT", path, headers, body, expect: Expect::Status(&[200, 201, 204]) }
}

/// Says what is wrong with the content of an answer whose status code is good.
fn judge(expect: &Expect, r: &Reply) -> Result<(), String> {
    match expect {
        Expect::Status(_) => Ok(()),
        Expect::Dav => {
            let all: Vec<_> = r.headers.get_all("dav").iter().filter_map(|v| v.to_str().ok()).collect();
            all.join(",").contains("calendar-access").then_some(()).ok_or_else(|| format!("DAV header: {all:?}"))
        }
        Expect::Contains(s) => {
            let found = memchr::memmem::find(&r.body, s.as_bytes()).is_some();
            found.then_some(()).ok_or_else(|| format!("no {s:?} in the answer"))
        }
        Expect::Objects { n, etags, vevents, token } => {
            let m = dav::multistatus(&r.body)?;
            let rows: Vec<_> = m.rows.iter().filter(|r| !r.href.ends_with('/') && r.status == 200).collect();
            if rows.len() != *n {
                return Err(format!("{} objects, expected {n}", rows.len()));
            }
            if *etags && rows.iter().any(|r| r.etag.is_empty()) {
                return Err("a row without getetag".into());
            }
            if let Some(v) = vevents {
                let got: usize = rows.iter().map(|r| r.vevents).sum();
                if got != *v {
                    return Err(format!("{got} VEVENTs, expected {v}"));
                }
            }
            if *token && m.sync_token.is_empty() {
                return Err("no sync-token".into());
            }
            Ok(())
        }
        Expect::Busy { busy, from, to } => {
            let got = dav::freebusy(&String::from_utf8_lossy(&r.body))?;
            let clipped = got.iter().map(|(s, e)| (*s.max(from), *e.min(to))).filter(|(s, e)| e > s).collect();
            let got = gen::merge(clipped);
            if got == *busy {
                return Ok(());
            }
            let hours = |v: &[(i64, i64)]| v.iter().map(|(s, e)| e - s).sum::<i64>() as f64 / 3600.0;
            Err(format!(
                "busy {:.2} h in {} spans, expected {:.2} h in {}",
                hours(&got),
                got.len(),
                hours(busy),
                busy.len()
            ))
        }
    }
}

fn good_status(expect: &Expect) -> &'static [u16] {
    match expect {
        Expect::Status(s) => s,
        Expect::Dav => &[200, 204],
        Expect::Contains(_) => &[200, 207],
        Expect::Objects { .. } => &[207],
        Expect::Busy { .. } => &[200],
    }
}

async fn send(client: &mut Client, home: &str, job: &Job) -> Result<Reply, String> {
    let path = job.path.replace("{home}", home);
    let body = if job.body.contains("{home}") { job.body.replace("{home}", home) } else { job.body.clone() };
    let headers: Vec<(&str, &str)> = job.headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    client.call(Req { method: job.method, path: &path, headers: &headers, body: Bytes::from(body) }).await
}

impl Ctx {
    pub fn client(&self, worker: usize) -> (Client, String) {
        let u = &self.users[worker % self.users.len()];
        (Client::new(&u.target, self.timeout), u.home.clone())
    }

    /// Runs `make(0)`, `make(1)`, … on the workers until `max` requests or the time are used up.
    pub async fn drive<F>(self: &Arc<Self>, concurrency: usize, max: usize, seconds: f64, make: F) -> (Recorder, Duration, usize)
    where
        F: Fn(usize) -> Job + Send + Sync + 'static,
    {
        let (next, make) = (Arc::new(AtomicUsize::new(0)), Arc::new(make));
        let begin = Instant::now();
        let mut tasks = vec![];
        for worker in 0..concurrency {
            let (ctx, next, make) = (self.clone(), next.clone(), make.clone());
            let work = async move {
                let (mut client, home) = ctx.client(worker);
                let mut rec = Recorder::new();
                while begin.elapsed().as_secs_f64() < seconds {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= max {
                        break;
                    }
                    let job = make(i);
                    match send(&mut client, &home, &job).await {
                        Err(e) => {
                            rec.errors += 1;
                            rec.note(|| e);
                        }
                        Ok(r) => {
                            rec.took(r.took, r.body.len());
                            if !good_status(&job.expect).contains(&r.status.as_u16()) {
                                rec.errors += 1;
                                rec.note(|| {
                                    let b: String = String::from_utf8_lossy(&r.body).chars().take(160).collect();
                                    format!("status {} {}", r.status.as_u16(), b.replace(['\n', '\r'], " "))
                                });
                            } else if i < 20 || i % 10 == 0 {
                                if let Err(e) = judge(&job.expect, &r) {
                                    rec.wrong += 1;
                                    rec.note(|| e);
                                }
                            }
                        }
                    }
                }
                rec.connects = client.connects;
                rec
            };
            // One spawn kind for both runtimes: the future is Send.
            tasks.push(spawn(work));
        }
        let mut all = Recorder::new();
        for t in tasks {
            all.merge(t.await.expect("worker"));
        }
        let done = next.load(Ordering::Relaxed).min(max);
        (all, begin.elapsed(), done)
    }

    async fn measured<F>(self: &Arc<Self>, name: &str, run: usize, first: bool, make: F) -> (Figures, usize)
    where
        F: Fn(usize) -> Job + Send + Sync + 'static,
    {
        let mut first_ms = None;
        if first && run == 0 {
            let (mut c, home) = self.client(0);
            // A number no timed request uses soon, so that an answer cache is not filled by it.
            first_ms = send(&mut c, &home, &make(19)).await.ok().map(|r| r.took.as_secs_f64() * 1e3);
        }
        let (server, own) = (tree_cpu_ms(&self.server), own_cpu_ms());
        let (rec, wall, done) = self.drive(self.concurrency, self.max, self.seconds, make).await;
        let mut f = rec.figures(name, wall);
        self.finish(&mut f, run, self.concurrency, server, own);
        f.first_ms = first_ms;
        (f, done)
    }

    fn finish(&self, f: &mut Figures, run: usize, concurrency: usize, server: Option<f64>, own: f64) {
        let n = f.requests.max(1) as f64;
        f.run = run;
        f.concurrency = concurrency;
        f.server_cpu_ms_per_req = server.and_then(|s| Some((tree_cpu_ms(&self.server)? - s) / n));
        f.client_cpu_ms_per_req = (own_cpu_ms() - own) / n;
    }

    pub async fn mkcalendar(&self, name: &str) -> Result<u16, String> {
        let mut status = 0;
        for w in 0..self.users.len() {
            let (mut c, home) = self.client(w);
            let job = Job {
                method: "MKCALENDAR",
                path: format!("{{home}}{name}/"),
                headers: vec![("content-type", "application/xml; charset=utf-8".into())],
                body: format!(
                    r#"<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><D:displayname>{name}</D:displayname></D:prop></D:set></C:mkcalendar>"#
                ),
                expect: Expect::Status(&[201]),
            };
            status = send(&mut c, &home, &job).await?.status.as_u16();
        }
        Ok(status)
    }

    /// Puts a whole calendar; for each user when there are several.
    pub async fn fill(self: &Arc<Self>, name: &str, events: Arc<Vec<Event>>) -> Figures {
        let (cal, n, users) = (format!("{{home}}{name}/"), events.len(), self.users.len());
        let (server, own) = (tree_cpu_ms(&self.server), own_cpu_ms());
        // With several users a worker has one user, so each user's worker must see every event.
        let concurrency = if users > 1 { users } else { self.concurrency };
        let make = move |i: usize| {
            let ev = &events[(i / users) % n];
            put_job(format!("{cal}{}", ev.file_name()), ev.ics(0), None)
        };
        let (rec, wall, _) = if users > 1 {
            let mut all = Recorder::new();
            let begin = Instant::now();
            for u in 0..users {
                let one = Arc::new(self.only(u));
                let m = make.clone();
                all.merge(one.drive(1, n, f64::MAX, move |i| m(i * users)).await.0);
            }
            (all, begin.elapsed(), n)
        } else {
            self.drive(concurrency, n, f64::MAX, make).await
        };
        let mut f = rec.figures(&format!("load {name}"), wall);
        self.finish(&mut f, 0, concurrency, server, own);
        f
    }

    fn only(&self, u: usize) -> Ctx {
        let x = &self.users[u];
        Ctx {
            users: vec![User { target: x.target.clone(), home: x.home.clone() }],
            small: self.small.clone(),
            big: self.big.clone(),
            server: self.server.clone(),
            small_name: self.small_name.clone(),
            big_name: self.big_name.clone(),
            principal_path: self.principal_path.clone(),
            ..*self
        }
    }

    async fn etags(&self, cal: &str) -> Result<Vec<(String, String)>, String> {
        let (mut c, home) = self.client(0);
        let job = xml_job("PROPFIND", format!("{{home}}{cal}/"), "1", ETAGS.into(), Expect::Status(&[207]));
        let r = send(&mut c, &home, &job).await?;
        let m = dav::multistatus(&r.body)?;
        Ok(m.rows.into_iter().filter(|r| !r.href.ends_with('/')).map(|r| (r.href, r.etag)).collect())
    }

    async fn sync_delta(self: &Arc<Self>, run: usize) -> Figures {
        let name = "sync-delta";
        let (mut c, home) = self.client(0);
        let path = format!("{{home}}{}/", self.big_name);
        let mut rec = Recorder::new();
        let ask = |token: &str, n: usize| {
            let expect = Expect::Objects { n, etags: true, vevents: None, token: true };
            xml_job("REPORT", path.clone(), "1", sync(token), expect)
        };
        let mut token = match send(&mut c, &home, &ask("", 0)).await {
            Ok(r) => dav::multistatus(&r.body).map(|m| m.sync_token).unwrap_or_default(),
            Err(_) => String::new(),
        };
        if token.is_empty() {
            rec.errors += 1;
            rec.note(|| "no sync-token from the initial sync".into());
            return rec.figures(name, Duration::from_secs(1));
        }
        let mut rng = gen::Rng::new(self.stamp.wrapping_add(run as u64));
        let begin = Instant::now();
        let (mut timed, mut cpu, mut own, mut rounds) = (Duration::ZERO, 0.0, 0.0, 0);
        // Most of the time goes to the changes, which are not timed.
        while rounds < 30 && begin.elapsed().as_secs_f64() < 2.0 * self.seconds || rounds < 3 {
            let mut picked: Vec<usize> = vec![];
            while picked.len() < 10 {
                let i = rng.below(self.big.len() as u64) as usize;
                if !picked.contains(&i) {
                    picked.push(i);
                }
            }
            for i in picked {
                let ev = &self.big[i];
                let sequence = 1 + (rng.next() % 1_000_000) as u32;
                let job = put_job(format!("{path}{}", ev.file_name()), ev.ics(sequence), None);
                match send(&mut c, &home, &job).await {
                    Ok(r) if r.status.is_success() => {}
                    other => rec.note(|| format!("change failed: {:?}", other.map(|r| r.status))),
                }
            }
            let job = ask(&token, 10);
            let (s0, o0) = (tree_cpu_ms(&self.server), own_cpu_ms());
            match send(&mut c, &home, &job).await {
                Err(e) => {
                    rec.errors += 1;
                    rec.note(|| e);
                }
                Ok(r) => {
                    timed += r.took;
                    cpu += tree_cpu_ms(&self.server).unwrap_or(0.0) - s0.unwrap_or(0.0);
                    own += own_cpu_ms() - o0;
                    rec.took(r.took, r.body.len());
                    if r.status.as_u16() != 207 {
                        rec.errors += 1;
                        rec.note(|| format!("status {}", r.status));
                    } else if let Err(e) = judge(&job.expect, &r) {
                        rec.wrong += 1;
                        rec.note(|| e);
                    }
                    if let Ok(m) = dav::multistatus(&r.body) {
                        if !m.sync_token.is_empty() {
                            token = m.sync_token;
                        }
                    }
                }
            }
            rounds += 1;
        }
        rec.connects = c.connects;
        let mut f = rec.figures(name, timed);
        let n = f.requests.max(1) as f64;
        (f.run, f.concurrency) = (run, 1);
        f.server_cpu_ms_per_req = (!self.server.is_empty()).then_some(cpu / n);
        f.client_cpu_ms_per_req = own / n;
        f
    }

    /// One run of the named workloads, in their fixed order.
    pub async fn run(self: &Arc<Self>, names: &[String], run: usize, report: impl Fn(&Figures)) -> Vec<Figures> {
        let mut out = vec![];
        let weeks = Arc::new(gen::weeks(&self.big));
        let months = Arc::new(gen::months(&self.big));
        let small_months = Arc::new(gen::months(&self.small));
        let small_weeks = Arc::new(gen::weeks(&self.small));
        let put_cal = format!("bench-put-{}-{run}", self.stamp);
        let mut put_done = 0;
        let made = if names.iter().any(|n| n.starts_with("put-")) { self.mkcalendar(&put_cal).await.ok() } else { None };
        for name in names {
            let (big, small) = (self.big.clone(), self.small.clone());
            let big_cal = format!("{{home}}{}/", self.big_name);
            let small_cal = format!("{{home}}{}/", self.small_name);
            let cal = format!("{{home}}{put_cal}/");
            let seed = self.seed ^ self.stamp;
            let tag = format!("{run}-{}", self.stamp);
            let objects = |n, vevents| Expect::Objects { n, etags: true, vevents, token: false };
            let mut rng = gen::Rng::new(self.seed + run as u64);
            let shift = rng.below(big.len() as u64) as usize;
            let f = match name.as_str() {
                "options" => {
                    let make = move |_| Job {
                        method: "OPTIONS",
                        path: big_cal.clone(),
                        headers: vec![],
                        body: String::new(),
                        expect: Expect::Dav,
                    };
                    self.measured(name, run, true, make).await.0
                }
                "principal" => {
                    let path = self.principal_path.clone();
                    let make = move |_| {
                        let expect = Expect::Contains("current-user-principal".into());
                        xml_job("PROPFIND", path.clone(), "0", PRINCIPAL.into(), expect)
                    };
                    self.measured(name, run, true, make).await.0
                }
                "get" => {
                    let make = move |i: usize| {
                        let ev = &big[(shift + i * 7919) % big.len()];
                        Job {
                            method: "GET",
                            path: format!("{big_cal}{}", ev.file_name()),
                            headers: vec![],
                            body: String::new(),
                            expect: Expect::Contains(format!("UID:{}", ev.uid)),
                        }
                    };
                    self.measured(name, run, true, make).await.0
                }
                "put-new" | "put-recurring" => {
                    if made.is_none() {
                        continue;
                    }
                    let recurring = name == "put-recurring";
                    let make = move |i: usize| {
                        let ev = if recurring {
                            gen::weekly_with_exceptions(seed, &format!("r{tag}"), i)
                        } else {
                            gen::single(seed, &format!("p{tag}"), i)
                        };
                        put_job(format!("{cal}{}", ev.file_name()), ev.ics(0), Some(("if-none-match", "*".into())))
                    };
                    let (f, done) = self.measured(name, run, false, make).await;
                    if !recurring {
                        put_done = done;
                    }
                    f
                }
                "put-update" => {
                    // The list of names and ETags as the server gives it; several users: the first one's only.
                    let list = if self.multi { Err("several users".into()) } else { self.etags(&put_cal).await };
                    let list = match list {
                        Ok(l) if put_done > 0 && !l.is_empty() => l,
                        _ => continue,
                    };
                    let by_name: std::collections::HashMap<String, String> =
                        list.into_iter().map(|(h, e)| (h.rsplit('/').next().unwrap().to_string(), e)).collect();
                    let events: Vec<(Event, String)> = (0..put_done)
                        .map(|i| gen::single(seed, &format!("p{tag}"), i))
                        .filter_map(|e| by_name.get(&e.file_name()).cloned().map(|t| (e, t)))
                        .collect();
                    let n = events.len().min(self.max);
                    let (server, own) = (tree_cpu_ms(&self.server), own_cpu_ms());
                    let kept = Arc::new(events);
                    let (events, put_cal_path) = (kept.clone(), cal.clone());
                    let make = move |i: usize| {
                        let (ev, tag) = &events[i];
                        put_job(format!("{cal}{}", ev.file_name()), ev.ics(1), Some(("if-match", tag.clone())))
                    };
                    let (mut rec, wall, done) = self.drive(self.concurrency, n, self.seconds, make).await;
                    // A stale ETag must be refused.
                    if done > 0 {
                        let (ev, tag) = &kept[0];
                        let job = put_job(format!("{put_cal_path}{}", ev.file_name()), ev.ics(2), Some(("if-match", tag.clone())));
                        let (mut c, home) = self.client(0);
                        let status = send(&mut c, &home, &job).await.map(|r| r.status.as_u16());
                        if status != Ok(412) {
                            rec.wrong += 1;
                            rec.note(|| format!("stale If-Match: {status:?}, expected 412"));
                        }
                    }
                    let mut f = rec.figures(name, wall);
                    self.finish(&mut f, run, self.concurrency, server, own);
                    f
                }
                "propfind-1k" | "propfind-10k" => {
                    let (path, n) = if name == "propfind-1k" { (small_cal, small.len()) } else { (big_cal, big.len()) };
                    let make = move |_| xml_job("PROPFIND", path.clone(), "1", ETAGS.into(), objects(n, None));
                    self.measured(name, run, true, make).await.0
                }
                "sync-initial" => {
                    let n = big.len();
                    let make = move |_| {
                        let expect = Expect::Objects { n, etags: true, vevents: None, token: true };
                        xml_job("REPORT", big_cal.clone(), "1", sync(""), expect)
                    };
                    self.measured(name, run, true, make).await.0
                }
                "sync-delta" => self.sync_delta(run).await,
                "multiget-50" => {
                    let make = move |i: usize| {
                        let mut body = String::from(
                            "<?xml version=\"1.0\" encoding=\"utf-8\"?><C:calendar-multiget xmlns:D=\"DAV:\" \
xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop><D:getetag/><C:calendar-data/></D:prop>",
                        );
                        let mut vevents = 0;
                        for k in 0..50 {
                            let ev = &big[(shift + i * 50 * 7919 + k * 7919) % big.len()];
                            vevents += 1 + ev.overrides.len();
                            body.push_str(&format!("<D:href>{big_cal}{}</D:href>", ev.file_name()));
                        }
                        body.push_str("</C:calendar-multiget>");
                        xml_job("REPORT", big_cal.clone(), "1", body, objects(50, Some(vevents)))
                    };
                    self.measured(name, run, true, make).await.0
                }
                "query-week" | "query-week-expand" | "query-week-1k" => {
                    let (path, weeks) =
                        if name == "query-week-1k" { (small_cal, small_weeks.clone()) } else { (big_cal, weeks.clone()) };
                    let expand = name == "query-week-expand";
                    let make = move |i: usize| {
                        let w = &weeks[i % weeks.len()];
                        let vevents = if expand { Some(w.occurrences) } else { None };
                        xml_job("REPORT", path.clone(), "1", query(w, expand), objects(w.objects, vevents))
                    };
                    self.measured(name, run, true, make).await.0
                }
                "freebusy-month" | "freebusy-month-1k" => {
                    let (path, months) =
                        if name == "freebusy-month" { (big_cal, months.clone()) } else { (small_cal, small_months.clone()) };
                    let make = move |i: usize| {
                        let w = &months[i % months.len()];
                        let expect =
                            Expect::Busy { busy: w.busy.clone(), from: w.from.timestamp(), to: w.to.timestamp() };
                        xml_job("REPORT", path.clone(), "1", freebusy(w), expect)
                    };
                    self.measured(name, run, true, make).await.0
                }
                _ => continue,
            };
            report(&f);
            out.push(f);
        }
        out
    }
}

fn spawn<T: Send + 'static>(f: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(f)
}

/// A bare GET on one path as fast as it goes; used against `hello` for the driver's own ceiling.
pub async fn ceiling(ctx: &Arc<Ctx>, path: String) -> Figures {
    let (server, own) = (tree_cpu_ms(&ctx.server), own_cpu_ms());
    let make = move |_| Job {
        method: "GET",
        path: path.clone(),
        headers: vec![],
        body: String::new(),
        expect: Expect::Status(&[200]),
    };
    let (rec, wall, _) = ctx.drive(ctx.concurrency, usize::MAX, ctx.seconds, make).await;
    let mut f = rec.figures("hello", wall);
    ctx.finish(&mut f, 0, ctx.concurrency, server, own);
    f
}

