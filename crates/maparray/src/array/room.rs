//! What if the header of a file has no room for more rows?
//!
//! The file is written anew with one that has, beside the old one, and takes its place in one step.
//! That reads and writes all of it, so that it is done only for who asks for it.
//!
//! Knows: errors, formats, maps. Must not know: operations, expressions.

use std::borrow::Borrow;

use super::grow::Growth;
use super::{COPY_BYTES, MemMapArray};
use crate::error::{Error, Problem, Result};
use crate::format::Header;
use crate::format::rows::roomy;
use crate::map::{Allocate, Behind, Existing, Flush, Mode, NewFile, OpenFile};

impl MemMapArray {
    /// [`MemMapArray::extend`], for which the file may be written anew if its header has no room:
    /// [`MemMapArray::make_room`].
    ///
    /// # Errors
    /// As [`MemMapArray::append`] and [`MemMapArray::make_room`].
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("tight.npy");
    /// let text = "{'descr':'|u1','fortran_order':False,'shape':(9,)}\n";
    /// let file = [b"\x93NUMPY\x01\x00", &[text.len() as u8, 0][..], text.as_bytes(), &[7; 9]];
    /// std::fs::write(&path, file.concat())?;
    /// let mut log = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// let more = MemMapArray::from_slice(&[8_u8]);
    /// assert!(log.append(&more, Flush::Durable).is_err());
    /// log.extend_rewriting(&[more], Flush::Durable)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<u8>()?, [7, 7, 7, 7, 7, 7, 7, 7, 7, 8]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend_rewriting<A: Borrow<MemMapArray>>(
        &mut self,
        rows: &[A],
        how: Flush,
    ) -> Result<()> {
        let all = || rows.iter().map(Borrow::borrow);
        match self.extend(all(), how) {
            Err(error) if error.is_about_room() => {
                self.make_room()?;
                self.extend(all(), how)
            }
            done => done,
        }
    }

    /// Writes the file anew, with a header that has room for more rows, and maps that one. It takes the
    /// place of the old one in one step, whole and durable or not at all; arrays that were made before
    /// stay on the old one. Rows that another program has added come along.
    ///
    /// # Errors
    /// As [`MemMapArray::append`]; `Io` if the disk has no room for another file.
    ///
    /// ```
    /// use maparray::{Flush, MemMapArray, Mode};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.npy");
    /// MemMapArray::from_slice(&[1_u8, 2]).save(&path)?;
    /// let mut array = MemMapArray::open(&path, Mode::ReadWrite)?;
    /// let before = array.clone();
    /// array.make_room()?;
    /// array.set(&[0], 9_u8)?;
    /// assert_eq!(MemMapArray::read(&path)?.to_vec::<u8>()?, [9, 2]);
    /// assert_eq!(before.to_vec::<u8>()?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn make_room(&mut self) -> Result<()> {
        let mut done = || {
            let file = self.growing_file()?;
            if self.mode() != Some(Mode::ReadWrite) {
                return Err(Error::new(Problem::ReadOnly));
            }
            self.check_may_change()?;
            // Held until the new file has the name: no rows come meanwhile.
            let growth = Growth::begin(self, &file)?;
            let old = &growth.ground.header;
            if growth.ground.start.is_empty() {
                return Ok(());
            }
            let path = file.name().ok_or_else(|| Error::new(Problem::NameGone))?;
            let start = roomy(old.unit.as_deref(), &old.dtype, &old.shape, old.order)?;
            let header = Header {
                data_offset: start.len() as u64,
                ..old.clone()
            };
            let (bytes, from, to) = (old.byte_len()?, old.data_offset, header.data_offset);
            let len = to.saturating_add(bytes);
            let new = NewFile::create(&path, len, Existing::Replace, Allocate::Full)?;
            new.write_at(0, &start)?;
            let mut buffer = vec![0; COPY_BYTES];
            let mut copied = 0;
            while copied < bytes {
                let piece = &mut buffer[..(bytes - copied).min(COPY_BYTES as u64) as usize];
                let found = file.read_at(from + copied, piece)?;
                if found < piece.len() {
                    let (file_len, needed) = (from + copied + found as u64, from + bytes);
                    return Err(Error::new(Problem::TooShort { file_len, needed }));
                }
                new.write_at(to + copied, piece)?;
                new.behind(to + copied..to + copied + found as u64, Behind::Start)?;
                copied += found as u64;
            }
            let shared = OpenFile::from_file(new.share()?)?;
            let array = MemMapArray::map(&shared, &header, &path, Mode::ReadWrite)?;
            let array = array.of_region(|region| region.like(&self.region))?;
            new.commit(Flush::Durable)?;
            drop(growth);
            *self = array.sharing_unit(self.unit.clone());
            Ok(())
        };
        done().map_err(|error: Error| self.name(error))
    }
}
