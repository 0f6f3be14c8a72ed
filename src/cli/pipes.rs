//! `head` and `tail` over a scan: only as many events are held as the first pipe lets through.

use chrono::{DateTime, Utc};

use crate::diagnostic::Node;
use crate::eql::syntax::Pipe;
use crate::eval::date;
use crate::local::Located;

/// Orders matches by time as Elasticsearch does, and keeps those that the pipes ask for.
pub struct Pipes<T> {
    field: String,
    steps: Vec<Pipe>,
    /// The matches kept so far, oldest first; those without a time are last.
    kept: Vec<(Option<DateTime<Utc>>, T)>,
}

impl<T> Pipes<T> {
    /// Pipes that order by `field`; none where there is no pipe, so that matches can be printed as they come.
    pub fn new(pipes: &[Node<Pipe>], field: &str) -> Option<Self> {
        let pipes: Vec<Pipe> = pipes.iter().map(|pipe| pipe.node).collect();
        (!pipes.is_empty()).then(|| Self { field: field.to_owned(), steps: pipes, kept: Vec::new() })
    }

    /// Takes what is to be shown of one more match.
    pub fn take(&mut self, located: &Located, shown: T) {
        let time =
            located.event.text(&self.field).and_then(|text| date::parse(&text)).map(|found| found.start);
        let key = |time: &Option<DateTime<Utc>>| (time.is_none(), *time);
        let place = self.kept.partition_point(|(other, _)| key(other) <= key(&time));
        self.kept.insert(place, (time, shown));
        if let Some(first) = self.steps.first() {
            cut(&mut self.kept, *first);
        }
    }

    /// What the pipes let through, oldest first.
    pub fn through(mut self) -> Vec<T> {
        for pipe in &self.steps {
            cut(&mut self.kept, *pipe);
        }
        self.kept.into_iter().map(|(_, shown)| shown).collect()
    }
}

fn cut<T>(kept: &mut Vec<T>, pipe: Pipe) {
    match pipe {
        Pipe::Head(number) => kept.truncate(usize::try_from(number).unwrap_or(usize::MAX)),
        Pipe::Tail(number) => {
            let surplus = kept.len().saturating_sub(usize::try_from(number).unwrap_or(usize::MAX));
            kept.drain(..surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pipes;
    use crate::diagnostic::{Node, Span};
    use crate::eql::syntax::Pipe;
    use crate::event::Event;
    use crate::local::Located;
    use serde_json::json;
    use std::path::Path;

    fn through(pipes: &[Pipe], days: &[u32]) -> Vec<String> {
        let pipes: Vec<Node<Pipe>> = pipes.iter().map(|pipe| Node::new(Span::default(), *pipe)).collect();
        let mut pipes = Pipes::new(&pipes, "@timestamp").unwrap();
        for day in days {
            let event = Event::of(json!({"@timestamp": format!("2026-11-{day:02}")}));
            pipes.take(
                &Located { event, path: Path::new("a").into(), line: 1, repaired: false },
                day.to_string(),
            );
        }
        pipes.through()
    }

    #[test]
    fn the_first_and_the_last_by_time() {
        let days = [12, 10, 14, 11, 13];
        assert_eq!(through(&[Pipe::Head(2)], &days), ["10", "11"]);
        assert_eq!(through(&[Pipe::Tail(2)], &days), ["13", "14"]);
        assert_eq!(through(&[Pipe::Tail(3), Pipe::Head(1)], &days), ["12"]);
        assert_eq!(through(&[Pipe::Head(0)], &days), Vec::<String>::new());
        assert_eq!(through(&[Pipe::Head(9)], &days), ["10", "11", "12", "13", "14"]);
    }
}
