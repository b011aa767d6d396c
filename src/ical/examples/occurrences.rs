//! Lines of a series in, starts out: for programs that compare. One question a line of standard input, three fields
//! parted by tabs (from and until in UTC seconds, then the content lines of an event parted by `|`); one answer a line,
//! the starts in UTC seconds, or `refused` and why.

use std::io::{self, BufRead, Write};

use ical::{Budget, Limits, Window, Zone, check};

fn answer(question: &str) -> Result<Vec<i64>, String> {
    let mut fields = question.splitn(3, '\t');
    let mut number = || fields.next().and_then(|n| n.parse::<i64>().ok()).ok_or("not a question");
    let window = Window::new(number()?, number()?).ok_or("not a window")?;
    let lines = fields.next().ok_or("no lines")?.replace('|', "\r\n");
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    let object = check(text.as_bytes(), &Limits::default()).map_err(|refusal| refusal.to_string())?;
    let mut budget = Budget::steps(Budget::REQUEST);
    let all = object.digest.occurrences(window, &Zone::utc(), &mut budget).map_err(|e| e.to_string())?;
    Ok(all.iter().map(|one| one.start).collect())
}

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for question in io::stdin().lock().lines() {
        match answer(&question?) {
            Ok(starts) => {
                writeln!(out, "{}", starts.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))?
            }
            Err(why) => writeln!(out, "refused {why}")?,
        }
    }
    out.flush()
}
