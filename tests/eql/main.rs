//! EQL from its text to its answers: the messages, the table of cases, the laws, and a real node as the judge.

mod cases;
mod generate;
mod interpret;
mod laws;
mod messages;
mod node;
