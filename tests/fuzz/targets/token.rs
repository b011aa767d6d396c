//! Any text as a sync token, and as what follows a real one: taken, or refused as RFC 6578 3.2 says.
#![no_main]

use kalends_fuzz::{CALENDAR, Door, Reply, bounded};
use libfuzzer_sys::fuzz_target;

struct World {
    door: Door,
    /// The token of now.
    token: String,
}

thread_local!(static WORLD: World = {
    let door = Door::open();
    let reply = sync(&door, "").expect("a first sync");
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    let (_, rest) = body.split_once("sync-token>").expect("a token");
    let token = rest.split('<').next().unwrap_or_default().to_owned();
    World { door, token }
});

fn sync(door: &Door, token: &str) -> Option<Reply> {
    let token = token.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<sync-collection xmlns='DAV:'><sync-token>{token}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
    );
    door.ask("REPORT", CALENDAR, "0", body.into_bytes())
}

fuzz_target!(|input: (u8, &str)| {
    let (kept, text) = input;
    WORLD.with(|world| {
        bounded(&[&[kept], text.as_bytes()].concat(), || {
            let kept = usize::from(kept).min(world.token.len());
            for token in [text.to_owned(), format!("{}{text}", &world.token[..kept])] {
                if let Some(reply) = sync(&world.door, &token) {
                    assert!(matches!(reply.status, 207 | 400 | 403), "{}", reply.status);
                }
            }
        });
    });
});
