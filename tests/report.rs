//! The report is one sound page, whatever its alerts hold. Its pages are left in `target/tmp/report` for
//! `tests/report/browser.mjs`.

#[path = "report/documents.rs"]
mod documents;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use documents::{Document, Maker, everywhere, fields, time};
use proptest::prelude::*;
use scraper::{ElementRef, Html, Selector};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stakeout::diagnostic::sanitize;
use stakeout::report::{About, FilesRead, Report, ReportFile, RuleRun, Standing, Summary};

fn about() -> About {
    About {
        title: "Backfill of 2026-11-20".into(),
        made_at: time(),
        source: "events of Elasticsearch".into(),
        holds: "It holds every match of that time.".into(),
    }
}

fn summary(alerts: u64) -> Summary {
    let counts = vec![("Matches", alerts), ("New alerts", alerts), ("Alerted before", 0), ("Refused", 0)];
    let period = "2026-10-20 00:00:00 to 2026-11-20 23:59:59".into();
    let run = RuleRun { name: "AWS EC2 Instance Console Login via Assumed Role".into(), period, counts };
    Summary { runs: vec![run], ..Summary::default() }
}

fn page_of(about: About, alerts: impl IntoIterator<Item = Document>, summary: &Summary) -> String {
    let mut report = Report::new(about).expect("room for temporary files");
    for alert in alerts {
        report.add(&alert, Standing::Created).expect("room for temporary files");
    }
    let mut page = Vec::new();
    report.write(summary, &mut page).expect("a vector takes everything");
    String::from_utf8(page).expect("UTF-8")
}

fn page(alerts: impl IntoIterator<Item = Document>) -> String {
    page_of(about(), alerts, &summary(2))
}

/// Where pages are left for the browser.
fn left(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    fs::create_dir_all(&folder).expect("a folder");
    folder.join(name)
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    let selector = Selector::parse(selector).expect("a selector");
    page.select(&selector).collect()
}

fn text(page: &Html, selector: &str) -> String {
    all(page, selector).iter().flat_map(ElementRef::text).collect()
}

/// What holds of every page, whatever is in it.
#[track_caller]
fn assert_sound(source: &str) -> Html {
    let page = Html::parse_document(source);
    assert!(page.errors.is_empty(), "a parser has nothing to mend: {:?}", page.errors);
    assert_eq!(
        (all(&page, "html[lang=en]").len(), all(&page, "h1").len(), all(&page, "main").len()),
        (1, 1, 1)
    );
    assert!(!text(&page, "title").is_empty());
    for banned in
        ["script", "img", "link", "iframe", "object", "embed", "form", "base", "meta[http-equiv=refresh]"]
    {
        assert_eq!(all(&page, banned).len(), 0, "{banned}");
    }
    let style = text(&page, "style");
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy =
        all(&page, "meta[http-equiv='Content-Security-Policy']")[0].attr("content").unwrap_or_default();
    assert_eq!(
        policy,
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
    );
    let mut ids = HashSet::new();
    for id in all(&page, "[id]").iter().filter_map(|element| element.attr("id")) {
        assert!(ids.insert(id), "`{id}` twice");
    }
    for element in all(&page, "*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "src", "{name}={value}");
            if name == "href" {
                let is_web = value.starts_with("https://") || value.starts_with("http://");
                assert!(is_web || value.strip_prefix('#').is_some_and(|id| ids.contains(id)), "{value}");
            }
        }
    }
    let levels: Vec<u8> =
        all(&page, "h1,h2,h3,h4,h5,h6").iter().map(|one| one.value().name().as_bytes()[1] - b'0').collect();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "no level is left out: {levels:?}");
    page
}

#[test]
fn nothing_found_is_said() {
    let source = page([]);
    fs::write(left("empty.html"), &source).expect("a file");
    let page = assert_sound(&source);
    assert!(text(&page, "#alerts").contains("Nothing was found."));
    assert!(text(&page, "header").contains("Complete."));
}

#[test]
fn one_alert_is_open_and_leads_to_its_guide() {
    let source = page([Maker::new().sign_in(0)]);
    fs::write(left("one.html"), &source).expect("a file");
    let page = assert_sound(&source);
    assert_eq!(all(&page, "details.alert[open]").len(), 1);
    assert_eq!(text(&page, "details.alert h4"), "GetSigninToken by app-role from 198.51.100.0");
    let guide = text(&page, "#rule-1 .guide");
    assert!(guide.contains("Possible investigation steps") && !guide.contains("##"), "the guide is HTML");
    let techniques: Vec<_> =
        all(&page, "details.alert dd a").iter().filter_map(|link| link.attr("href")).collect();
    assert!(techniques.contains(&"https://attack.mitre.org/techniques/T1021/007/"), "{techniques:?}");
    assert!(text(&page, ".rankings").contains("app-role in 111122223333"));
}

#[test]
fn the_triage_is_shown_where_there_is_one() {
    let maker = Maker::new();
    let others = (10..16).map(|number| maker.sign_in(number));
    let source = page(others.chain(maker.attack()));
    fs::write(left("story.html"), &source).expect("a file");
    let page = assert_sound(&source);
    let alerts = all(&page, "details.alert");
    assert_eq!(alerts.len(), 8);
    let first: String = alerts[0].text().collect();
    for words in [
        "Theft likely +66",
        "foothold: CreateUser, AttachUserPolicy, CreateAccessKey",
        "Did it make itself a foothold?",
        "not in data",
        "aws ec2 describe-instances --region 'us-east-1' --instance-ids 'i-0a1b2c3d4e5f60001'",
        "user.id : \"AROAATTACK00000000001:i-0a1b2c3d4e5f60001\"",
        "\u{2212}2",
        "Session name",
    ] {
        assert!(first.contains(words), "{words}: {first}");
    }
    let last: String = alerts[7].text().collect();
    for title in ["Verdict", "questions"] {
        assert!(!last.contains(title), "nothing is said of a triage that was not made: {title}");
    }
    assert!(text(&page, ".numbers").contains("2Theft likely"));
}

#[test]
fn searches_and_commands_are_shown_or_the_reason_why_they_are_not_offered() {
    let maker = Maker::new();
    let alert = maker.sign_in(0);
    let page = assert_sound(&page([alert.clone()]));
    let items = |name: &str| alert[name].as_array().expect("a list").clone();
    let shown = text(&page, "details.alert .body");
    for one in items("stakeout.commands").iter().chain(&items("stakeout.pivots")) {
        for part in ["label", "command", "undo", "note", "query", "from", "to"] {
            let Some(words) = one[part].as_str() else { continue };
            let is_prose = part == "note";
            let words = if is_prose { words.replace('`', "") } else { words.to_owned() };
            assert!(shown.contains(&words), "{part}: {words}");
        }
    }
    assert!(shown.contains("disruptive") && shown.contains("To take it back:"));
    let fields = text(&page, "details.event");
    assert!(!fields.contains("rule.name") && !fields.contains("threat."), "the rule is no part of the event");

    let nobody = maker.alert(json!({"@timestamp": "2026-11-20T14:00:00Z", "rule.name": "deny-all"}));
    let page = assert_sound(&self::page([nobody]));
    let shown = text(&page, "details.alert .body");
    assert!(shown.contains("Not offered: this alert has no instance_id"), "{shown}");
    assert!(text(&page, "details.event").contains("deny-all"), "an event's own rule stays");
}

#[test]
fn five_thousand_alerts_take_little_memory_and_share_one_guide() {
    let maker = Maker::new();
    let path = left("many.html");
    let used = allocation_counter::measure(|| {
        let file = ReportFile::create(&path).expect("a place");
        let mut report = Report::new(about()).expect("room for temporary files");
        for number in 0..5_000 {
            report.add(&maker.sign_in(number), Standing::Created).expect("room for temporary files");
        }
        assert_eq!(report.len(), 5_000);
        file.write(report, &summary(5_000)).expect("a page");
    });
    // The documents weigh 500 MB.
    assert!(used.bytes_max < 8_000_000, "{} bytes at once", used.bytes_max);
    let source = fs::read_to_string(&path).expect("the page");
    assert!(source.len() < 25_000_000, "{}", source.len());
    assert_eq!(source.matches("<details class=\"alert\"").count(), 5_000);
    assert_eq!(source.matches("Possible investigation steps").count(), 1);
    // Parsing all of it takes a debug build a minute; what stands before the alerts tells enough.
    let (overview, _) = source.split_once("<section id=\"alerts\"").expect("the alerts");
    let page = Html::parse_document(overview);
    let counts: Vec<u64> = all(&page, ".timeline tbody td")
        .iter()
        .map(|cell| cell.text().collect::<String>().replace(',', "").parse().expect("a number"))
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 5_000);
    assert_eq!(text(&page, ".numbers"), "5,000Alerts5,000High4Principals23Instances31Source addresses");
}

#[test]
fn a_long_page_shows_what_alerts_share_once_and_says_so() {
    let maker = Maker::new();
    // Two that come last: one like the first, and one with a command that none before has.
    let last = |id: &str, commands: Option<Value>| {
        let mut alert = maker.sign_in(0);
        alert.insert("kibana.alert.uuid".into(), id.into());
        alert.insert("kibana.alert.severity".into(), "low".into());
        alert.extend(commands.map(|commands| ("stakeout.commands".to_owned(), commands)));
        alert
    };
    let alone = json!([{"label": "l", "command": "aws alone"}]);
    let many = (0..200).map(|number| maker.sign_in(number));
    let source = page(many.clone().chain([last("a", None), last("b", Some(alone))]));
    let page = assert_sound(&source);
    let alerts = all(&page, "details.alert");
    let has = |at: usize, selector: &str| {
        alerts[at].select(&Selector::parse(selector).expect("a selector")).count()
    };
    for (at, fields, commands, searches) in [(199, 1, 1, 1), (200, 0, 0, 0), (201, 0, 1, 0)] {
        let sections = (has(at, "section[id$=commands]"), has(at, "section[id$=searches]"));
        assert_eq!((has(at, "details.event"), sections), (fields, (commands, searches)), "{at}");
    }
    let said: String = alerts[200].text().collect();
    assert!(said.contains("Response commands: the same as of alert "), "{said}");
    assert!(said.contains("Where to look on: the same as of alert "), "{said}");
    assert_eq!(text(&page, "#alert-202-commands code"), "aws alone");
    assert!(text(&page, "#alerts > .hint").contains("The first 200 alerts are shown with everything."));
    assert!(!self::page(many).contains("shown with everything"), "as it is said of the others");
}

#[test]
fn an_alert_that_was_completed_takes_its_own_place() {
    let mut alert = Maker::new().sign_in(0);
    let first = alert.clone();
    alert.insert("stakeout.verdict".into(), json!({"grade": "fits_habit", "score": -27}));
    let page = assert_sound(&page([first, alert]));
    assert_eq!(all(&page, "details.alert").len(), 1);
    assert!(text(&page, "details.alert .grade").contains("Fits a habit \u{2212}27"));
}

#[test]
fn the_worst_come_first_and_then_the_oldest() {
    let alert = |severity: &str, grade: Option<&str>, minute: u8| {
        let mut alert =
            fields(json!({"kibana.alert.severity": severity, "event.action": format!("{severity}-{minute}"),
            "kibana.alert.original_time": format!("2026-11-20T14:{minute:02}:00Z")}));
        alert.extend(grade.map(|grade| ("stakeout.verdict.grade".to_owned(), Value::from(grade))));
        alert
    };
    let page = assert_sound(&page([
        alert("low", None, 1),
        alert("high", None, 9),
        alert("high", None, 2),
        alert("high", Some("theft_likely"), 20),
        alert("critical", Some("fits_habit"), 30),
    ]));
    let order: Vec<String> = all(&page, "details.alert h4").iter().map(|one| one.text().collect()).collect();
    assert_eq!(order, ["critical-30", "high-20", "high-2", "high-9", "low-1"]);
    let groups: Vec<String> = all(&page, "#alerts h3").iter().map(|one| one.text().collect()).collect();
    assert_eq!(groups, ["Critical 1 alert", "High 3 alerts", "Low 1 alert"]);
}

#[test]
fn what_was_not_read_is_said_at_the_top() {
    let problems = vec!["rule `<b>x</b>`: window owed".to_owned()];
    let page = assert_sound(&page_of(about(), [], &Summary { problems, ..Summary::default() }));
    assert!(text(&page, "header .state.bad").contains("rule `<b>x</b>`: window owed"));
    assert!(!text(&page, "header").contains("Complete."));
}

#[test]
fn what_was_read_of_files_is_told_and_nothing_is_no_clean_result() {
    let of = |read| {
        let summary = Summary { read, ..Summary::default() };
        let page = assert_sound(&page_of(about(), [], &summary));
        (text(&page, ".numbers"), text(&page, "header .state"))
    };
    let (numbers, state) = of(Some(FilesRead { files: 1, events: 2_000 }));
    assert_eq!(numbers, "0Alerts2,000Events read1File read");
    assert!(state.contains("Complete."), "{state}");
    let (numbers, state) = of(Some(FilesRead::default()));
    assert_eq!(numbers, "0Alerts0Events read0Files read");
    assert!(state.contains("Nothing was read.") && !state.contains("Complete"), "{state}");
    assert_eq!(of(None).0, "0Alerts");
}

#[test]
fn hostile_values_stay_values() {
    let maker = Maker::new();
    let values = [
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "</style><svg onload=alert(1)>",
        "\u{202e}gnp.exe\u{2066}\u{200b}\u{1b}[31m\r\n\0",
        "]]>--><!--&lt;&#x3c;script",
        "שלום عالم",
    ];
    let piled = format!("a{}", "\u{301}".repeat(300));
    let long = "A".repeat(100_000);
    let alerts: Vec<Document> = values
        .iter()
        .copied()
        .chain([piled.as_str(), long.as_str()])
        .map(|value| everywhere(&maker, value))
        .collect();
    let source = page(alerts);
    fs::write(left("hostile.html"), &source).expect("a file");
    let page = assert_sound(&source);
    assert!(text(&page, "main").contains(r"\u{202e}gnp.exe\u{2066}\u{200b}\u{1b}[31m\u{d}\u{a}\u{0}"));
    assert!(!source.contains(&"\u{301}".repeat(5)), "no letter is painted over others");
    assert!(source.len() < 600_000, "long values are cut: {}", source.len());
    // Commands are never cut, and what is cut says so.
    assert!(source.contains(&long) && source.contains("(100000 characters in all)"));
}

/// The page without its texts: what elements there are, and which attributes they have.
fn skeleton(page: &Html) -> Vec<String> {
    let names = |element: &ElementRef<'_>| {
        let attributes: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
        format!("{} {}", element.value().name(), attributes.join(" "))
    };
    all(page, "*").iter().map(names).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_value_changes_the_page_around_it(
        hostile in prop_oneof![any::<String>(), "[<>\"'&/=a-z!-]{0,40}", "(javascript|data):[ -~]{0,20}"]
    ) {
        let maker = Maker::new();
        // In a sentence of a rule's author, what stands between backticks is code.
        let value = format!("x{}", hostile.replace('`', "'"));
        let about = |title: &str| About { title: title.to_owned(), source: title.to_owned(), ..about() };
        let found = page_of(about(&value), [everywhere(&maker, &value)], &summary(1));
        let plain = page_of(about("x"), [everywhere(&maker, "x")], &summary(1));
        let found = assert_sound(&found);
        prop_assert_eq!(skeleton(&found), skeleton(&Html::parse_document(&plain)));
        let shown = sanitize(&value);
        prop_assert!(text(&found, "main").contains(&shown) && text(&found, "h1") == shown);
        let texts = text(&found, "body");
        prop_assert!(!texts.chars().any(|character| character.is_control() && character != '\n'));
    }
}
