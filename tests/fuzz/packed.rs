//! Any gzip stream is read as far as it goes: cut short, damaged, several members, small for how much comes out.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use stakeout::eval::MatcherSet;
use stakeout::local::EventFiles;

use super::events::{matchers, plainly, searched};
use super::mutate::Random;
use super::run::fuzz;
use super::said::assert_is_a_line;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn lines(random: &mut Random) -> String {
    let line = |random: &mut Random| {
        let (n, action) = (random.below(1000), *random.pick(&["ConsoleLogin", "x", "é"]));
        format!("{{\"n\":{n},\"event\":{{\"action\":\"{action}\"}}}}")
    };
    let lines: Vec<String> = (0..random.below(30)).map(|_| line(random)).collect();
    lines.join("\n") + "\n"
}

/// A stream of gzip members, changed or not; each byte is a character, as inputs are texts.
fn stream(random: &mut Random) -> String {
    let mut bytes: Vec<u8> = (0..=random.below(3)).flat_map(|_| gzip(lines(random).as_bytes())).collect();
    match random.below(6) {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => bytes = gzip(&bytes),
        2 => bytes.extend(lines(random).into_bytes()),
        3 | 4 => {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = u8::try_from(random.below(256)).expect("a byte");
            }
        }
        _ => {}
    }
    bytes.into_iter().map(char::from).collect()
}

#[test]
fn any_gzip_stream_is_read_as_far_as_it_goes() {
    let matchers = matchers();
    let set = Arc::new(MatcherSet::new(matchers.clone()));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.gz");
    let hits = Cell::new(0);
    let tried = fuzz(250, stream, |input| {
        let bytes: Vec<u8> = input.chars().map(|byte| u8::try_from(byte).unwrap_or(b'?')).collect();
        fs::write(&path, bytes).expect("a file");
        let files = EventFiles::new([path.clone()]);
        let found = plainly(&files, &matchers);
        hits.set(hits.get() + usize::from(!found.is_empty()));
        assert_eq!(found, searched(&files, &set));
    });
    assert!(hits.get() * 4 > tried, "only {} of {tried} streams held a match", hits.get());
}

#[test]
fn a_stream_that_is_cut_gives_a_beginning_of_its_events_and_says_so() {
    let lines: Vec<String> = (10..50).map(|n| format!("{{\"n\":{n}}}")).collect();
    let text = lines.join("\n") + "\n";
    let (first, second) = text.as_bytes().split_at(text.len() / 2);
    let whole = [gzip(first), gzip(second)].concat();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.gz");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a file");
        let (mut numbers, mut problems) = (Vec::new(), 0);
        for next in EventFiles::new([path.clone()]).read() {
            match next {
                Ok(located) => numbers.extend(located.event.first("n").and_then(|n| n.as_u64())),
                Err(problem) => {
                    assert_is_a_line(&problem.to_string());
                    problems += 1;
                }
            }
        }
        (numbers, problems)
    };
    let all: Vec<u64> = (10..50).collect();
    assert_eq!(read(&whole), (all.clone(), 0));
    let between = gzip(first).len();
    for cut in 2..whole.len() {
        let (numbers, problems) = read(&whole[..cut]);
        assert!(all.starts_with(&numbers), "{cut}: {numbers:?}");
        // Between two members nothing shows that more was to come.
        assert!(problems > 0 || cut == between, "{cut}: {numbers:?}");
    }
}

#[test]
fn memory_does_not_grow_with_what_comes_out() {
    const UNPACKED: usize = 24 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.gz");
    for filling in [b'\n', b' '] {
        let once = gzip(&vec![filling; UNPACKED]);
        for bytes in [gzip(&once), once] {
            assert!(bytes.len() * 50 < UNPACKED);
            fs::write(&path, bytes).expect("a file");
            let taken = allocation_counter::measure(|| {
                for next in EventFiles::new([path.clone()]).read() {
                    assert_is_a_line(&next.expect_err("nothing is in it").to_string());
                }
            });
            let most = taken.bytes_max;
            assert!(most < 4 << 20, "{most} bytes were held for {UNPACKED} of {filling:?} that came out");
        }
    }
}
