//! Measures a CalDAV server over HTTP and checks what it answers. See ../README.md.
mod bodies;
mod ceiling;
mod client;
mod dav;
mod gen;
mod stats;
mod workloads;

use base64::Engine;
use clap::{Args, Parser, Subcommand};
use client::Target;
use serde::Serialize;
use stats::Figures;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use workloads::{Ctx, User, NAMES};

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the two read calendars and fill them by PUT
    Load(Server),
    /// Run the workloads
    Run(Run),
    /// Write the objects of one calendar as files (for servers that keep files)
    Gen {
        #[arg(long)]
        out: String,
        #[arg(long, default_value_t = 10_000)]
        n: usize,
        /// small or big
        #[arg(long, default_value = "big")]
        tag: String,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// A server that answers every request with a fixed body
    Hello {
        #[arg(long)]
        port: u16,
        #[arg(long, default_value_t = 1000)]
        size: usize,
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Bare GETs on one path, for the ceiling of the driver itself
    Ceiling(Server),
    /// Parsing and filtering in memory by one thread
    Memory {
        #[arg(long, default_value_t = 10_000)]
        n: usize,
        #[arg(long, default_value_t = 9)]
        repeat: usize,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Args, Clone)]
struct Server {
    /// http://host:port
    #[arg(long)]
    url: String,
    /// Calendar home; {user} stands for the user
    #[arg(long, default_value = "/")]
    home: String,
    #[arg(long, value_delimiter = ',')]
    user: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    password: Vec<String>,
    /// basic or none
    #[arg(long, default_value = "basic")]
    auth: String,
    #[arg(long, default_value_t = 4)]
    concurrency: usize,
    /// Threads of the driver
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Time for each workload
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[arg(long, default_value_t = 120)]
    timeout: u64,
    /// Root processes of the server, to read their trees' processor time and memory
    #[arg(long, value_delimiter = ',')]
    server_pid: Vec<u32>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value = "bench-small")]
    small: String,
    #[arg(long, default_value = "bench-big")]
    big: String,
    #[arg(long, default_value_t = 1_000)]
    small_n: usize,
    #[arg(long, default_value_t = 10_000)]
    big_n: usize,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    server: Server,
    /// A word for the report
    #[arg(long, default_value = "server")]
    name: String,
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// At most this many requests for each workload and run
    #[arg(long, default_value_t = 1_000_000)]
    max: usize,
    /// Only these workloads
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    skip: Vec<String>,
    /// Where current-user-principal is asked; the home by default
    #[arg(long)]
    principal: Option<String>,
    #[arg(long)]
    json: Option<String>,
}

fn context(s: &Server, max: usize, principal: Option<&str>) -> Result<Arc<Ctx>, String> {
    let rest = s.url.strip_prefix("http://").ok_or("only http:// is supported")?;
    let authority = rest.trim_end_matches('/').to_string();
    let names = if s.user.is_empty() { vec!["anonymous".to_string()] } else { s.user.clone() };
    let users: Vec<User> = names
        .iter()
        .enumerate()
        .map(|(i, u)| {
            let pw = s.password.get(i).or(s.password.first()).cloned().unwrap_or_default();
            let auth = (s.auth == "basic" && !s.user.is_empty())
                .then(|| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{u}:{pw}"))));
            User { target: Target { authority: authority.clone(), auth }, home: s.home.replace("{user}", u) }
        })
        .collect();
    let stamp = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() % 1_000_000_000;
    Ok(Arc::new(Ctx {
        principal_path: principal.unwrap_or(&users[0].home).to_string(),
        multi: users.len() > 1,
        users,
        concurrency: s.concurrency,
        seconds: s.seconds,
        max,
        timeout: Duration::from_secs(s.timeout),
        server: s.server_pid.clone(),
        seed: s.seed,
        small_name: s.small.clone(),
        big_name: s.big.clone(),
        small: Arc::new(gen::calendar(s.seed, "small", s.small_n)),
        big: Arc::new(gen::calendar(s.seed, "big", s.big_n)),
        stamp,
    }))
}

fn line(f: &Figures) {
    let cpu = f.server_cpu_ms_per_req.map(|c| format!(" server-cpu {c:.3} ms/req")).unwrap_or_default();
    let first = f.first_ms.map(|c| format!(" first {c:.1} ms")).unwrap_or_default();
    println!(
        "{:<18} run {} c{} {:>7} req {:>4} err {:>4} wrong {:>9.1} req/s  p50 {:>9.2} p95 {:>9.2} p99 {:>9.2} ms {:>9} B/reply{cpu} client-cpu {:.3} ms/req{first}{}",
        f.workload, f.run, f.concurrency, f.requests, f.errors, f.wrong, f.req_per_s, f.p50_ms, f.p95_ms, f.p99_ms,
        f.bytes_per_reply, f.client_cpu_ms_per_req,
        if f.note.is_empty() { String::new() } else { format!("  [{}]", f.note) }
    );
}

fn spread(mut v: Vec<f64>) -> [f64; 3] {
    v.sort_by(f64::total_cmp);
    let n = v.len();
    let median = if n % 2 == 1 { v[n / 2] } else { (v[n / 2 - 1] + v[n / 2]) / 2.0 };
    [v[0], median, v[n - 1]]
}

#[derive(Serialize)]
struct Summary {
    workload: String,
    errors: u64,
    wrong: u64,
    /// smallest, median, largest over the runs
    req_per_s: [f64; 3],
    p50_ms: [f64; 3],
    p95_ms: [f64; 3],
    p99_ms: [f64; 3],
    server_cpu_ms_per_req: Option<[f64; 3]>,
    first_ms: Option<f64>,
    bytes_per_reply: u64,
    note: String,
}

#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    concurrency: usize,
    seconds: f64,
    runs: usize,
    seed: u64,
    objects: [usize; 2],
    rss_pss_mib_before: Option<(f64, f64)>,
    rss_pss_mib_after: Option<(f64, f64)>,
    workloads: Vec<Summary>,
    figures: Vec<Figures>,
}

async fn run(r: &Run) -> Result<(), String> {
    let ctx = context(&r.server, r.max, r.principal.as_deref())?;
    let names: Vec<String> = NAMES
        .iter()
        .map(|n| n.to_string())
        .filter(|n| (r.only.is_empty() || r.only.contains(n)) && !r.skip.contains(n))
        .collect();
    let before = stats::tree_memory_mib(&ctx.server);
    let mut figures = vec![];
    for k in 0..r.runs {
        figures.extend(ctx.run(&names, k, line).await);
    }
    let after = stats::tree_memory_mib(&ctx.server);
    let mut by: BTreeMap<&str, Vec<&Figures>> = BTreeMap::new();
    for f in &figures {
        by.entry(&f.workload).or_default().push(f);
    }
    println!("\n{} : median of {} runs (smallest to largest)", r.name, r.runs);
    let mut workloads = vec![];
    for n in &names {
        let Some(v) = by.get(n.as_str()) else { continue };
        let of = |g: fn(&Figures) -> f64| spread(v.iter().map(|f| g(f)).collect());
        let s = Summary {
            workload: n.clone(),
            errors: v.iter().map(|f| f.errors).sum(),
            wrong: v.iter().map(|f| f.wrong).sum(),
            req_per_s: of(|f| f.req_per_s),
            p50_ms: of(|f| f.p50_ms),
            p95_ms: of(|f| f.p95_ms),
            p99_ms: of(|f| f.p99_ms),
            server_cpu_ms_per_req: v[0].server_cpu_ms_per_req.map(|_| of(|f| f.server_cpu_ms_per_req.unwrap_or(0.0))),
            first_ms: v[0].first_ms,
            bytes_per_reply: v[0].bytes_per_reply,
            note: v.iter().map(|f| f.note.clone()).find(|n| !n.is_empty()).unwrap_or_default(),
        };
        println!(
            "{:<18} {:>9.1} req/s ({:.1} to {:.1})  p50 {:.2} ms ({:.2} to {:.2})  p95 {:.2}  p99 {:.2}  errors {} wrong {} {}",
            s.workload, s.req_per_s[1], s.req_per_s[0], s.req_per_s[2], s.p50_ms[1], s.p50_ms[0], s.p50_ms[2],
            s.p95_ms[1], s.p99_ms[1], s.errors, s.wrong, s.note
        );
        workloads.push(s);
    }
    if let (Some(b), Some(a)) = (before, after) {
        println!("memory RSS/PSS MiB: before {:.1}/{:.1}, after {:.1}/{:.1}", b.0, b.1, a.0, a.1);
    }
    if let Some(path) = &r.json {
        let report = Report {
            name: &r.name,
            concurrency: r.server.concurrency,
            seconds: r.server.seconds,
            runs: r.runs,
            seed: r.server.seed,
            objects: [r.server.small_n, r.server.big_n],
            rss_pss_mib_before: before,
            rss_pss_mib_after: after,
            workloads,
            figures,
        };
        let text = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?;
        std::fs::write(path, text).map_err(|e| e.to_string())?;
    }
    Ok(())
}

async fn dispatch(command: &Command) -> Result<(), String> {
    match command {
        Command::Load(s) => {
            let ctx = context(s, usize::MAX, None)?;
            for (name, events) in [(&s.small, ctx.small.clone()), (&s.big, ctx.big.clone())] {
                let status = ctx.mkcalendar(name).await?;
                println!("MKCALENDAR {name}: {status}");
                line(&ctx.fill(name, events).await);
            }
            if let Some((rss, pss)) = stats::tree_memory_mib(&ctx.server) {
                println!("memory after load: RSS {rss:.1} MiB, PSS {pss:.1} MiB");
            }
            Ok(())
        }
        Command::Run(r) => run(r).await,
        Command::Gen { out, n, tag, seed } => {
            std::fs::create_dir_all(out).map_err(|e| e.to_string())?;
            for ev in gen::calendar(*seed, tag, *n) {
                std::fs::write(format!("{out}/{}", ev.file_name()), ev.ics(0)).map_err(|e| e.to_string())?;
            }
            Ok(())
        }
        Command::Hello { port, size, .. } => ceiling::hello(*port, *size).await,
        Command::Ceiling(s) => {
            let ctx = context(s, usize::MAX, None)?;
            for _ in 0..3 {
                line(&workloads::ceiling(&ctx, s.home.clone()).await);
            }
            Ok(())
        }
        Command::Memory { n, repeat, seed } => {
            ceiling::in_memory(*seed, *n, *repeat);
            Ok(())
        }
    }
}

fn main() {
    let cli = Cli::parse();
    let threads = match &cli.command {
        Command::Load(s) | Command::Ceiling(s) => s.threads,
        Command::Run(r) => r.server.threads,
        Command::Hello { threads, .. } => *threads,
        _ => 1,
    };
    let runtime = if threads > 1 {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
    } else {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    };
    if let Err(e) = runtime.expect("runtime").block_on(dispatch(&cli.command)) {
        eprintln!("caldav-load: {e}");
        std::process::exit(1);
    }
}
