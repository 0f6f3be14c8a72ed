//! What a worker found and has not handed on yet; it holds little, and nothing while a long document is read.

use std::ops::ControlFlow;

use super::search::{Batch, Found};
use super::turn::{LONG, Ticket};

/// Finds that are handed on at once.
const BATCH: usize = 64;

/// Bytes after which it is told how far a worker came, though nothing was found.
const QUIET: u64 = 4 * 1024 * 1024;

/// Where batches go; it may want no more.
pub(super) type Send<'o> = &'o mut dyn FnMut(Batch) -> ControlFlow<()>;

/// A batch that is being filled.
pub(super) struct Outlet<'o> {
    pub batch: Batch,
    /// Bytes of the documents that the batch holds.
    held: usize,
    ticket: Ticket,
    send: Send<'o>,
    is_closed: bool,
}

impl<'o> Outlet<'o> {
    /// Hands on to `send`.
    pub fn new(ticket: Ticket, send: Send<'o>) -> Self {
        Self { batch: Batch::default(), held: 0, ticket, send, is_closed: false }
    }

    /// Whether nobody takes anything any more.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds what was found in a document of so many bytes.
    pub fn add(&mut self, found: Found, bytes: usize) {
        self.batch.found.push(found);
        self.held += bytes;
        if self.held >= LONG || self.batch.found.len() >= BATCH {
            self.flush();
        }
    }

    /// Waits until a long document may be read; false where nobody would take it.
    pub fn wait(&mut self) -> bool {
        self.flush();
        self.ticket.wait();
        // Only who hands something on learns that.
        self.is_closed = self.is_closed || (self.send)(Batch::default()).is_break();
        !self.is_closed
    }

    /// Hands on what there is, if that is worth it.
    pub fn tell(&mut self) {
        if !self.batch.found.is_empty() || self.batch.bytes >= QUIET {
            self.flush();
        }
    }

    /// Hands on all there is.
    pub fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.held = 0;
        if self.is_closed || batch.is_empty() {
            return;
        }
        let lent = batch.found.iter().filter(|found| found.is_long()).count();
        self.ticket.lend(lent);
        if (self.send)(batch).is_break() {
            self.ticket.take_back(lent);
            self.is_closed = true;
        }
    }
}
