//! What the fault cases share: events with a known answer, a world for them to happen in, and what breaks it.
#![allow(dead_code, reason = "every file of cases takes the part that it needs")]

mod alerts;
mod backfills;
mod cost;
mod dice;
mod elastalert;
mod fault;
mod head_to_head;
mod http;
mod indices;
mod kills;
mod late;
mod mixed;
mod nodes;
mod owed;
mod peers;
mod proxy;
mod replicas;
mod requests;
mod truth;
mod world;
