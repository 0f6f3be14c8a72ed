//! Indices that come, go, close, turn red or cannot answer while the daemon runs.

use serde_json::{Value, json};

use super::fault::{Fault, Kind};
use super::http::Request;
use super::world::World;
use crate::support::story::{Shape, SignIn, mapping, seconds_ago};

/// Writes one more match into `index`.
fn one_in(world: &mut World, index: &str, id: &str, shape: Shape) {
    let event = SignIn::new(id, seconds_ago(0)).document(shape);
    world.happens(index, id, event);
}

/// Whether an event is alerted on.
fn is_alerted(world: &World, id: &str) -> bool {
    world.alerted().contains_key(id)
}

/// Opens or closes an index.
fn order(world: &World, path: &str) {
    let reply = world.cluster.send("POST", path, None).expect("an answer");
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
}

/// Lets the time go by, with one event a window: what is owed stays one stretch.
fn time_passes(world: &mut World, index: &str, name: &str) {
    for number in 0..5 {
        let id = format!("{name}-{number}");
        one_in(world, index, &id, Shape::Integration);
        world.windows_pass(1);
        world.is_owed();
        let (_, cursor) = world.checkpoint().expect("a checkpoint");
        assert_eq!(cursor["owed"].as_array().map(Vec::len), Some(1), "{cursor}");
    }
    world.overlap_passes();
    world.windows_pass(2);
    assert!(is_alerted(world, &format!("{name}-4")), "the others' events alert at once:\n{}", world.said());
}

#[test]
fn a_closed_index_is_owed_until_it_is_open() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.happen(4);
    world.settles();
    let (logs, filebeat) = (world.logs(), world.filebeat());
    world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
    world.proxy.held();
    one_in(&mut world, &filebeat, "away", Shape::Filebeat);
    order(&world, &format!("/{filebeat}/_close"));
    world.proxy.release();
    time_passes(&mut world, &logs, "open");
    assert!(!is_alerted(&world, "away"));
    order(&world, &format!("/{filebeat}/_open?wait_for_active_shards=1"));
    world.settles();
}

#[test]
fn a_red_index_is_owed_until_it_is_green() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let (logs, red) = (world.logs(), world.filebeat() + "-red");
    let mut body = mapping();
    body["settings"]["index.routing.allocation.include._name"] = json!("nowhere");
    world.cluster.put(&format!("/{red}?wait_for_active_shards=0"), &body);
    world.is_owed();
    let while_red = seconds_ago(0);
    time_passes(&mut world, &logs, "green");
    // As if it had held the event all the time: it does before anybody can look.
    world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
    world.proxy.held();
    world.cluster.put(&format!("/{red}/_settings"), &json!({"index.routing.allocation.include._name": null}));
    let health = world.cluster.get(&format!("/_cluster/health/{red}?wait_for_status=green&timeout=30s"));
    assert_eq!(health["timed_out"], false, "{health}");
    let event = SignIn::new("away", while_red).document(Shape::Integration);
    world.happens(&red, "away", event);
    world.proxy.release();
    world.settles();
}

#[test]
fn an_index_that_cannot_answer_is_owed_until_it_can() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    world.happen(4);
    world.settles();
    let (logs, odd) = (world.logs(), world.filebeat() + "-odd");
    world
        .cluster
        .put(&format!("/{odd}"), &json!({"mappings": {"properties": {"user.id": {"type": "text"}}}}));
    one_in(&mut world, &odd, "unseen", Shape::Filebeat);
    time_passes(&mut world, &logs, "sound");
    assert!(world.said().contains(&odd), "it names the index:\n{}", world.said());
    let found = world.cluster.get(&format!("/{odd}/_search"));
    let event = found["hits"]["hits"][0]["_source"].clone();
    // Nobody looks in between, when there is neither.
    world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
    world.proxy.held();
    world.cluster.delete(&format!("/{odd}"));
    // Its events are indexed anew, with the types they should have had.
    world.cluster.put(&format!("/{odd}-2"), &mapping());
    world.cluster.bulk(&format!("{odd}-2"), [event]);
    world.cluster.refresh(&format!("{odd}-2"));
    world.proxy.release();
    world.settles();
}

#[test]
fn an_index_and_a_mapping_made_while_it_runs() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let (typed, untyped) = (world.logs() + "-new", world.filebeat() + "-new");
    world.cluster.put(&format!("/{untyped}"), &json!({}));
    world.windows_pass(2);
    for at in [Kind::FieldTypes, Kind::Probe, Kind::OpenPit, Kind::Page] {
        world.proxy.order(at, Fault::HeldBefore, 1);
        // Pages are read only where something matches.
        world.happen(1);
        world.proxy.held();
        one_in(&mut world, &untyped, &format!("untyped-{at:?}"), Shape::Filebeat);
        one_in(
            &mut world,
            &(typed.clone() + "-" + &format!("{at:?}").to_lowercase()),
            &format!("typed-{at:?}"),
            Shape::Integration,
        );
        world.proxy.release();
        world.settles();
    }
}

#[test]
fn an_index_deleted_between_point_in_time_and_page() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    let gone = world.logs() + "-gone";
    world.cluster.put(&format!("/{gone}"), &mapping());
    world.windows_pass(1);
    world.proxy.order(Kind::Resolve, Fault::HeldBefore, 1);
    world.proxy.held();
    world.happen(6);
    world.proxy.order(Kind::Page, Fault::HeldBefore, 1);
    world.proxy.release();
    world.proxy.held();
    world.cluster.delete(&format!("/{gone}"));
    world.proxy.release();
    world.settles();
}

#[test]
fn a_point_in_time_that_has_ended() {
    let Some(world) = World::shared() else { return };
    let mut world = world.watched();
    for _ in 0..4 {
        world.proxy.order(Kind::Page, Fault::HeldBefore, 1);
        world.happen(1);
        let held = world.proxy.held();
        let body: Value = serde_json::from_slice(&held.body).expect("JSON");
        let end = Request {
            method: "DELETE".to_owned(),
            target: "/_pit".to_owned(),
            content_type: "application/json".to_owned(),
            body: json!({"id": body["pit"]["id"]}).to_string().into_bytes(),
        };
        let ended = end.send(world.cluster.url().trim_start_matches("http://")).expect("an answer");
        assert_eq!(ended.status, 200);
        world.happen(3);
        world.proxy.release();
    }
    world.settles();
}
