//! Documents set aside in a file without a name, so that memory does not grow with them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use serde_json::{Map, Value};

/// Where a document lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    offset: u64,
    length: usize,
}

/// A file that goes away with the process.
#[derive(Debug)]
pub struct Spill {
    file: BufWriter<File>,
    end: u64,
}

impl Spill {
    /// An empty one, in the system's folder for temporary files.
    pub fn new() -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile()?), end: 0 })
    }

    /// Sets a document aside.
    pub fn put(&mut self, document: &Map<String, Value>) -> io::Result<Place> {
        let bytes = serde_json::to_vec(document)?;
        self.file.write_all(&bytes)?;
        let place = Place { offset: self.end, length: bytes.len() };
        self.end += bytes.len() as u64;
        Ok(place)
    }

    /// Gets a document back; others may be set aside after that.
    pub fn get(&mut self, place: Place) -> io::Result<Map<String, Value>> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(place.offset))?;
        let mut bytes = vec![0; place.length];
        file.read_exact(&mut bytes)?;
        file.seek(SeekFrom::Start(self.end))?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::Spill;
    use serde_json::json;

    #[test]
    fn gives_back_what_was_put_in_any_order() {
        let mut spill = Spill::new().unwrap();
        let documents: Vec<_> = (0..100)
            .map(|number| json!({"n": number, "text": "é".repeat(number)}).as_object().unwrap().clone())
            .collect();
        let mut places = Vec::new();
        for (number, document) in documents.iter().enumerate() {
            places.push(spill.put(document).unwrap());
            assert_eq!(spill.get(places[number / 2]).unwrap(), documents[number / 2]);
        }
        for (document, place) in documents.iter().zip(places).rev() {
            assert_eq!(spill.get(place).unwrap(), *document);
        }
    }
}
