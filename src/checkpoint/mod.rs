//! What a rule remembers: how far it has read, and which windows it still owes.

mod cursor;
mod many;
mod store;
mod window;

pub use cursor::{Cursor, Owed};
pub use many::Advance;
pub use store::{CheckpointError, Store, Tracked};
pub use window::Window;
