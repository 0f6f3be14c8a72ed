//! EQL from its text to its answers: the messages, the table of cases, the memory taken, and the laws. A real node judges them in `eql_node.rs`.

mod allocations;
mod cases;
mod generate;
mod interpret;
mod laws;
mod messages;
mod table;
