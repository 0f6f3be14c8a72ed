//! Files as they lie about: cut into parts, growing, many, and unreadable.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stakeout::eql::Query;
use stakeout::eval::Matcher;
use stakeout::local::{EventFiles, Hit, ProblemKind, ReadProblem, Search, Tally};
use stakeout::schema::Schema;

fn search(condition: &str) -> Arc<Search> {
    let query = Query::parse(&format!("any where {condition}")).unwrap();
    let matcher = Matcher::compile(&query, &Schema::ecs(), "event.category").unwrap();
    let needles = matcher.needles().clone();
    Arc::new(Search::new([&needles], move |event| if matcher.matches(event) { vec![0] } else { Vec::new() }))
}

fn lines(found: &[Result<Hit, ReadProblem>]) -> Vec<u64> {
    found.iter().filter_map(|found| Some(found.as_ref().ok()?.located.line)).collect()
}

#[test]
fn lines_keep_their_numbers_however_a_file_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let line = |number: usize| {
        format!("{{\"n\":\"{}\"}}\n", if number.is_multiple_of(7) { "seven" } else { "other" })
    };
    fs::write(&path, (1..=500).map(line).collect::<String>()).unwrap();
    for part in [1, 10, 13, 64, 1000, 1 << 20] {
        let files = EventFiles::new([path.clone()]).in_pieces(32, part);
        let mut searching = files.search(&search(r#"n == "seven""#));
        let found: Vec<_> = searching.by_ref().collect();
        assert_eq!(lines(&found), (1..=71).map(|number| number * 7).collect::<Vec<_>>(), "{part}");
        let id = &found[0].as_ref().unwrap().located.event.id;
        assert_eq!((id.as_str(), searching.bytes()), ("7", fs::metadata(&path).unwrap().len()), "{part}");
        let Tally { events, passed_over } = searching.tally();
        assert_eq!((events + passed_over, events < 75), (500, true), "{part}");
    }
}

#[test]
fn a_line_longer_than_what_is_read_at_once_is_found_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let long = format!("{{\"pad\":\"{}\",\"n\":\"needle\"}}\n", "x".repeat(9_000_000));
    let mut file = fs::File::create(&path).unwrap();
    for text in
        ["{\"n\":\"other\"}\n", &long, &long.replace("needle", "other"), "{\"n\":\"needle\"}\n", "{}\n"]
    {
        file.write_all(text.as_bytes()).unwrap();
    }
    let found: Vec<_> = EventFiles::new([path]).search(&search(r#"n == "needle""#)).collect();
    assert_eq!(lines(&found), [2, 4]);
}

#[test]
fn what_no_parser_takes_is_found_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let text = [
        r#"{"n":"needle","x":"\ud800"}"#,
        r#"{"x":{"\udc00":[1]},"n":"needle"}"#,
        r#"{"n":["needle","\ud800"]}"#,
        r#"{"n":"other","x":"\ud800"}"#,
        r#"{"n":"other","n":1e999}"#,
        r#"[{"n":"needle","x":1e999}]"#,
    ];
    fs::write(&path, text.join("\n")).unwrap();
    for (condition, expected) in [(r#"n == "needle""#, &[1, 2, 3, 6][..]), (r#"n == "1e999""#, &[5])] {
        let found: Vec<_> = EventFiles::new([path.clone()]).search(&search(condition)).collect();
        assert_eq!(lines(&found), expected, "{condition}");
    }
}

#[test]
fn long_documents_are_read_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let pad = "x".repeat(300_000);
    let line = |number: usize| format!("{{\"pad\":\"{pad}\",\"n\":\"needle\",\"number\":{number}}}\n");
    let lines: String = (0..12).map(line).collect();
    fs::write(folder.path().join("lines"), &lines).unwrap();
    fs::write(folder.path().join("more"), &lines).unwrap();
    fs::write(folder.path().join("over lines"), lines.replace(",\"n", "\n,\"n")).unwrap();
    let records = lines.lines().collect::<Vec<_>>().join(",");
    fs::write(folder.path().join("records"), format!("{{\"Records\":[{records}]}}")).unwrap();
    for part in [1_000, 500_000, 1 << 30] {
        let (read, taken) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let search = Search::of_all(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            vec![0]
        });
        let files = EventFiles::new([folder.path().to_owned()]).in_pieces(1_000, part);
        let mut searching = files.search(&Arc::new(search));
        while let Some(found) = searching.next() {
            assert!(found.is_ok() && searching.weight() > 300_000);
            // What is handed out next is not read before this one is done with.
            assert_eq!(read.load(Ordering::SeqCst), taken.fetch_add(1, Ordering::SeqCst) + 1, "{part}");
        }
        assert_eq!(taken.into_inner(), 48, "{part}");
    }
}

#[test]
fn a_last_line_that_is_cut_off_is_told_whatever_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    for (last, kind) in
        [("{\"n\":\"oth", ProblemKind::Unfinished), ("{\"n\":{\"m\":{}}", ProblemKind::Unfinished)]
    {
        fs::write(&path, format!("{{\"n\":1}}\n{{\"n\":2}}\n{last}")).unwrap();
        let found: Vec<_> = EventFiles::new([path.clone()]).search(&search(r#"n == "needle""#)).collect();
        let problem = found[0].as_ref().unwrap_err();
        assert_eq!((found.len(), problem.kind, problem.line), (1, kind, 3));
    }
}

#[test]
fn files_come_in_order_and_what_is_missing_is_told_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..300 {
        let name = folder.path().join(format!("{number:03}"));
        fs::write(&name, format!("{{\"n\":\"needle\"}}\n{{\"n\":\"{number}\"}}\n")).unwrap();
    }
    let paths = [folder.path().to_owned(), folder.path().join("missing"), folder.path().join("000")];
    let mut searching = EventFiles::new(paths).search(&search(r#"n == "needle""#));
    let found: Vec<_> = searching.by_ref().collect();
    let names: Vec<_> =
        found.iter().filter_map(|found| found.as_ref().ok()).map(|hit| hit.located.path.clone()).collect();
    assert_eq!((names.len(), names.is_sorted()), (300, true));
    assert!(found[300].is_err() && found.len() == 301);
    assert_eq!(searching.tally().events + searching.tally().passed_over, 600);
}

#[test]
fn a_search_that_is_given_up_ends_its_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    fs::write(&path, "{\"n\":\"needle\"}\n".repeat(100_000)).unwrap();
    for _ in 0..20 {
        let mut searching =
            EventFiles::new([path.clone()]).in_pieces(100, 1000).search(&search(r#"n == "needle""#));
        assert_eq!(searching.next().unwrap().unwrap().located.line, 1);
    }
}
