//! How fast files are searched: `cargo bench --bench scan [-- SIZE_MB [RULES]]`; with so many rules alone, as they are
//! searched for and not on every event too, it is what to profile. The events of such a search alone:
//! `cargo bench --bench scan -- --write FILE --events NUMBER --sparse|--dense|--busy`. So many of the rules alone, as files of
//! stakeout's, as Sigma rules, and as one query a line: `cargo bench --bench scan -- --write-rules FOLDER --count NUMBER`.

#[path = "events.rs"]
mod events;
#[path = "rules.rs"]
mod rules;
#[path = "sigma.rs"]
mod sigma;

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
        let named = arguments.iter().find_map(|word| Share::named(word.strip_prefix("--")?));
        let share = named.unwrap_or(Share::Sparse);
        return write(Path::new(path), count, share);
    }
    if let Some(folder) = after("--write-rules") {
        return write_rules(Path::new(folder), after("--count").map_or(Ok(800), |count| count.parse())?);
    }
    let megabytes: u64 = arguments.first().map_or(Ok(100), |size| size.parse())?;
    let alone = arguments.get(1).map(|count| count.parse()).transpose()?;
    let folder = tempfile::tempdir()?;
    for (name, share) in [("sparse", Share::Sparse), ("dense", Share::Dense)] {
        let path = folder.path().join(name);
        write(&path, megabytes * 1_000_000 / EVENT, share)?;
        match alone {
            Some(count) => measure(name, &path, count, &["needles"])?,
            None => [1, 10, 100, 800]
                .into_iter()
                .try_for_each(|count| measure(name, &path, count, &["every event", "needles"]))?,
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

fn write_rules(folder: &Path, count: usize) -> Result<(), Failure> {
    let (own, sigma) = (folder.join("stakeout"), folder.join("sigma"));
    std::fs::create_dir_all(&own)?;
    std::fs::create_dir_all(&sigma)?;
    for number in 0..count {
        std::fs::write(own.join(format!("{number:03}.toml")), rules::file(number))?;
        std::fs::write(sigma.join(format!("{number:03}.yml")), sigma::rule(number))?;
    }
    std::fs::write(folder.join("queries.eql"), rules::queries(count).join("\n"))?;
    Ok(())
}

fn measure(name: &str, path: &PathBuf, count: usize, ways: &[&str]) -> Result<(), Failure> {
    let mut matchers = Vec::new();
    for (number, query) in rules::queries(count).into_iter().enumerate() {
        let category = if number == 0 { "event.type" } else { "event.category" };
        let query = Query::parse(&query).map_err(|problems| format!("{query}: {problems:?}"))?;
        let matcher = Matcher::compile(&query, &Schema::ecs(), category);
        matchers.push(matcher.map_err(|problems| format!("{problems:?}"))?);
    }
    let (set, bytes) = (Arc::new(MatcherSet::new(matchers)), std::fs::metadata(path)?.len());
    for way in ways {
        let mut times: Vec<_> = (0..if *way == "needles" { 7 } else { 3 })
            .map(|_| {
                let (start, worked) = (Instant::now(), on_the_processors());
                let search = if *way == "needles" { search_for(&set) } else { search_all_for(&set) };
                let mut searching = EventFiles::new([path.clone()]).search(&Arc::new(search));
                let found = searching.by_ref().count();
                (start.elapsed(), on_the_processors() - worked, found, searching.tally())
            })
            .collect();
        times.sort_by_key(|(time, ..)| *time);
        let (time, _, found, tally) = times[times.len() / 2];
        #[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
        let (megabytes, events) = (bytes as f64 / 1e6, (tally.events + tally.passed_over) as f64);
        #[expect(clippy::cast_precision_loss, reason = "figures for the eye")]
        let worked = times.iter().map(|(_, worked, ..)| worked).sum::<f64>() / times.len() as f64;
        writeln!(
            std::io::stdout(),
            "{name}, {count} rules, {way}: {:.3} s, {:.0} MB/s, {:.0} events/s, {:.0} a core; {} of them read, {found} matches",
            time.as_secs_f64(),
            megabytes / time.as_secs_f64(),
            events / time.as_secs_f64(),
            events / worked,
            tally.events
        )?;
    }
    Ok(())
}

/// Seconds that this process has spent on all processors so far, as Linux counts them (in hundredths); else not a number.
fn on_the_processors() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields are counted from behind the name, which may hold anything.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    if let [user, system] = ticks[..] { (user + system) / 100.0 } else { f64::NAN }
}
