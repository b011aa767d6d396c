//! Measures what a write and a read of the store cost: `cargo run --release -p kalends-store --example measure [ADDRESS]`.
//! ADDRESS is a database file (default: one in a new folder of the system's temporary folder) or `postgres://...`.
//! Processor time is that of the whole process, read from /proc (Linux).

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use store::{
    ClinicId, CollectionId, DatabaseUrl, Etag, NewCollection, NewObject, NewPrincipal, Options, Pack,
    PrincipalKind, Store,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ALONE: usize = 4000;
const WRITERS: usize = 16;
const EACH: usize = 1000;
/// Ticks of a second in /proc/self/stat; fixed on Linux.
const TICKS: f64 = 100.0;

fn main() -> Outcome<()> {
    let address = std::env::args().nth(1);
    for threads in [1, 2] {
        println!("-- {threads} thread(s) of tokio");
        let runtime = match threads {
            1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            _ => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
        };
        let folder = std::env::temp_dir().join(format!("kalends-measure-{}-{threads}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let file = folder.join("store.db").display().to_string();
        let address = address.clone().unwrap_or(file);
        runtime.block_on(async { tokio::spawn(measure(address, threads)).await? })?;
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

async fn measure(address: String, run: usize) -> Outcome<()> {
    let options = Options { pool: 16, ..Options::new(address.parse::<DatabaseUrl>()?) };
    let store = Store::open(&options).await?;
    let (clinic, collection) = prepare(&store, run).await?;
    alone(&store, clinic, collection).await?;
    together(&store, clinic, collection).await?;
    reading(&store, clinic, collection).await?;
    store.close().await;
    Ok(())
}

async fn prepare(store: &Store, run: usize) -> Outcome<(ClinicId, CollectionId)> {
    let clinic = store.across().await?.clinics().await?.first().ok_or("no clinic")?.id;
    let name = format!("measure-{}-{run}", std::process::id());
    let made = store.write::<_, store::Error, _>(clinic, move |tx| {
        Box::pin(async move {
            let who = NewPrincipal {
                name,
                kind: PrincipalKind::Individual,
                display_name: String::new(),
                email: None,
                zone: None,
                password_hash: None,
                role: None,
            };
            let owner = tx.insert_principal(who).await?.id;
            let new =
                NewCollection { slug: "visits".into(), components: "VEVENT".into(), ..Default::default() };
            tx.insert_collection(owner, new).await
        })
    });
    Ok((clinic, made.await?.id))
}

/// One object of about 900 bytes, the usual size of a visit.
async fn put(store: &Store, clinic: ClinicId, collection: CollectionId, name: String) -> store::Result<()> {
    let text = Bytes::from(format!("BEGIN:VCALENDAR\r\nUID:{name}\r\nX-PAD:{:800}\r\nEND:VCALENDAR\r\n", ""));
    let etag = Etag::of(&text);
    store
        .write(clinic, move |tx| {
            Box::pin(async move {
                let new = NewObject {
                    collection,
                    uid: name.clone(),
                    name,
                    etag,
                    kind: 0,
                    first: 0,
                    last: 1,
                    digest: Bytes::from_static(&[0; 24]),
                    text,
                };
                tx.object_meta(clinic, collection, &new.name).await?;
                tx.save_object(new).await
            })
        })
        .await
}

async fn alone(store: &Store, clinic: ClinicId, collection: CollectionId) -> Outcome<()> {
    let meter = Meter::start()?;
    for n in 0..ALONE {
        put(store, clinic, collection, format!("alone-{n}.ics")).await?;
    }
    meter.stop("put, alone (reads the old, writes the new)", ALONE)
}

async fn together(store: &Store, clinic: ClinicId, collection: CollectionId) -> Outcome<()> {
    let meter = Meter::start()?;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    put(&store, clinic, collection, format!("{writer}-{n}.ics")).await?;
                }
                Ok::<(), store::Error>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    meter.stop("put, 16 writers", WRITERS * EACH)
}

async fn reading(store: &Store, clinic: ClinicId, collection: CollectionId) -> Outcome<()> {
    let meter = Meter::start()?;
    let mut conn = store.read(clinic).await?;
    let all = conn.objects(clinic, collection, "", 100_000).await?.len();
    meter.stop("list, per object", all)?;
    let meter = Meter::start()?;
    for n in 0..1000 {
        conn.object(clinic, collection, &format!("alone-{n}.ics")).await?.ok_or("an object is missing")?;
    }
    meter.stop("get one object", 1000)?;
    let pack = Pack { seq: 1, version: "1".into(), body: Bytes::from(vec![7; 1_000_000]) };
    store
        .aside::<_, store::Error, _>(move |aside| {
            Box::pin(async move { aside.put_pack(clinic, collection, pack).await })
        })
        .await?;
    let meter = Meter::start()?;
    for _ in 0..100 {
        conn.pack(clinic, collection).await?.ok_or("the pack is missing")?;
    }
    meter.stop("read a pack of 1 MB", 100)?;
    let meter = Meter::start()?;
    for _ in 0..10_000 {
        store.version(clinic).await?;
    }
    meter.stop("version of the clinic", 10_000)
}

struct Meter {
    wall: Instant,
    cpu: f64,
}

impl Meter {
    fn start() -> Outcome<Meter> {
        Ok(Meter { wall: Instant::now(), cpu: cpu()? })
    }

    fn stop(self, what: &str, times: usize) -> Outcome<()> {
        let (wall, cpu): (Duration, f64) = (self.wall.elapsed(), cpu()? - self.cpu);
        let n = times as f64;
        println!(
            "{what}: {:.4} ms processor, {:.4} ms wall each, {:.0}/s",
            cpu * 1000.0 / n,
            wall.as_secs_f64() * 1000.0 / n,
            n / wall.as_secs_f64()
        );
        Ok(())
    }
}

/// User and system time of this process in seconds: fields 14 and 15, counted after the name in parentheses.
fn cpu() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(") ").next().ok_or("no fields")?;
    let ticks: f64 = fields.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
}
