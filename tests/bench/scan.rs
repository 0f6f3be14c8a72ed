//! How fast files are searched: `cargo bench --bench scan [-- SIZE_MB]`, and the events of such a search alone:
//! `cargo bench --bench scan -- --write FILE --events NUMBER --sparse|--dense`.

#[path = "events.rs"]
mod events;
#[path = "rules.rs"]
mod rules;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use events::Share;
use stakeout::detect::{search_all_for, search_for};
use stakeout::eql::Query;
use stakeout::eval::{Matcher, MatcherSet};
use stakeout::local::EventFiles;
use stakeout::schema::Schema;

/// Bytes of one event, about.
const EVENT: u64 = 2_700;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    if let Some(path) = after("--write") {
        let count = after("--events").map_or(Ok(300_000), |count| count.parse())?;
        let share = if arguments.iter().any(|word| word == "--dense") { Share::Dense } else { Share::Sparse };
        return write(Path::new(path), count, share);
    }
    let megabytes: u64 = arguments.first().map_or(Ok(100), |size| size.parse())?;
    let folder = tempfile::tempdir()?;
    for (name, share) in [("sparse", Share::Sparse), ("dense", Share::Dense)] {
        let path = folder.path().join(name);
        write(&path, megabytes * 1_000_000 / EVENT, share)?;
        for count in [1, 10, 100, 800] {
            measure(name, &path, count)?;
        }
    }
    Ok(())
}

fn write(path: &Path, count: u64, share: Share) -> Result<(), Failure> {
    let mut out = BufWriter::new(File::create(path)?);
    events::write(&mut out, count, share)?;
    out.flush()?;
    Ok(())
}

fn measure(name: &str, path: &PathBuf, count: usize) -> Result<(), Failure> {
    let mut matchers = Vec::new();
    for (number, query) in rules::queries(count).into_iter().enumerate() {
        let category = if number == 0 { "event.type" } else { "event.category" };
        let query = Query::parse(&query).map_err(|problems| format!("{query}: {problems:?}"))?;
        let matcher = Matcher::compile(&query, &Schema::ecs(), category);
        matchers.push(matcher.map_err(|problems| format!("{problems:?}"))?);
    }
    let (set, bytes) = (Arc::new(MatcherSet::new(matchers)), std::fs::metadata(path)?.len());
    for way in ["every event", "needles"] {
        let mut times: Vec<_> = (0..if way == "needles" { 7 } else { 3 })
            .map(|_| {
                let start = Instant::now();
                let search = if way == "needles" { search_for(&set) } else { search_all_for(&set) };
                let mut searching = EventFiles::new([path.clone()]).search(&Arc::new(search));
                let found = searching.by_ref().count();
                (start.elapsed(), found, searching.tally())
            })
            .collect();
        times.sort_by_key(|(time, ..)| *time);
        let (time, found, tally) = times[times.len() / 2];
        #[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
        let (rate, pace) = (
            bytes as f64 / 1e6 / time.as_secs_f64(),
            (tally.events + tally.passed_over) as f64 / time.as_secs_f64(),
        );
        writeln!(
            std::io::stdout(),
            "{name}, {count} rules, {way}: {:.3} s, {rate:.0} MB/s, {pace:.0} events/s; {} of them read, {found} matches",
            time.as_secs_f64(),
            tally.events
        )?;
    }
    Ok(())
}
