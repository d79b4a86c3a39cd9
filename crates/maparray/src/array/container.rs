//! Which place can hold an array, or none, in memory or in a file?
//!
//! [`Container`]: the same place whatever is in it. Its array moves to a file and back, is replaced
//! by another, or is missing.
//!
//! Knows: errors, maps, arrays. Must not know: operations, expressions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::MemMapArray;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::format::Format;
use crate::map::{Aside, Claim, Existing, Flush, Mark, Mode};
use crate::unit::Unit;

/// A place for an array, in memory or in a file, which may be empty.
///
/// ```
/// use maparray::{AfterUse, Container, MemMapArray, Mode};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("frame.npy");
/// let mut frame = Container::new(Some(MemMapArray::from_slice(&[1.0_f32, 2.0])), Some(&path));
/// frame.enable_memmap(None, Default::default())?;
/// frame.array_mut()?.set(&[1], 5.0_f32)?;
/// assert_eq!(MemMapArray::read(&path)?.to_vec::<f32>()?, [1.0, 5.0]);
/// frame.disable_memmap(AfterUse::Remove)?;
/// assert_eq!(frame.array()?.to_vec::<f32>()?, [1.0, 5.0]);
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Container {
    array: Option<MemMapArray>,
    /// The file that its array goes to; once known, it changes by `set_filename` alone.
    filename: Option<PathBuf>,
    /// While there is no array: whether the next one goes to a file.
    mapped: bool,
    /// How that file is made.
    how: Mapping,
    /// Where a file without a name lies.
    folder: Option<PathBuf>,
    /// The file that this container made.
    made: Option<Mark>,
    /// The file that it opened for writing, which other data may replace.
    opened: Option<Mark>,
    /// The right to move the bytes of its array.
    claim: Option<Claim>,
    /// The unit of an array that comes without one, while there is no array.
    unit: Option<Unit>,
}

/// What becomes of a file that is not used any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AfterUse {
    /// It stays.
    #[default]
    Keep,
    /// It is removed, if the container made it.
    Remove,
}

/// How a container's file is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its format.
    pub format: Format,
    /// What happens to a file of that name which the container did not make.
    pub existing: Existing,
}

impl Default for Mapping {
    fn default() -> Mapping {
        Mapping {
            format: Format::Npy,
            existing: Existing::Refuse,
        }
    }
}

impl Container {
    /// A container of an array, or of none, whose file will be called `filename`.
    ///
    /// Nothing is written before [`Container::enable_memmap`]. An array that maps a file brings its
    /// name along.
    pub fn new(array: Option<MemMapArray>, filename: Option<&Path>) -> Container {
        let writable = |array: &&MemMapArray| array.mode() == Some(Mode::ReadWrite);
        let opened = array.as_ref().filter(|array| has_name(array));
        let known = opened.and_then(MemMapArray::path);
        let mut container = Container {
            filename: filename.or(known).map(PathBuf::from),
            // Only a file that is this array alone gives way to another one.
            opened: opened
                .filter(writable)
                .filter(|array| array.is_all_of_npy())
                .and_then(mark),
            array,
            ..Container::default()
        };
        // Whoever shows the bytes of another container's array may go on to do so.
        let _ = container.hold();
        container
    }

    /// A container of an array over a file that was made for it, which may be removed with it.
    ///
    /// ```
    /// use maparray::{AfterUse, Container, Create, DType, MemMapArray};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("new.npy");
    /// let new = MemMapArray::create(&path, &DType::of::<f32>(), &[3], &Create::default())?;
    /// let mut container = Container::of_new(new);
    /// container.disable_memmap(AfterUse::Remove)?;
    /// assert!(!path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_new(array: MemMapArray) -> Container {
        let made = Some(&array).filter(|array| has_name(array)).and_then(mark);
        Container {
            made,
            ..Container::new(Some(array), None)
        }
    }

    /// Takes the right to move the bytes, unless another container has it.
    fn hold(&mut self) -> Result<()> {
        let Some(array) = &self.array else {
            return Ok(());
        };
        let region = array.region();
        if !self.claim.as_ref().is_some_and(|claim| claim.is_of(region)) {
            self.claim = region.claim();
        }
        match self.claim {
            Some(_) => Ok(()),
            None => Err(Error::new(Problem::Shared {
                holders: Arc::strong_count(region),
            })),
        }
    }

    /// The same container with a name for its file, unless it has one.
    #[must_use]
    pub fn named(mut self, filename: impl Into<PathBuf>) -> Container {
        self.filename.get_or_insert_with(|| filename.into());
        self
    }

    /// Its array.
    ///
    /// # Errors
    /// `Empty` if there is none.
    pub fn array(&self) -> Result<&MemMapArray> {
        self.array
            .as_ref()
            .ok_or_else(|| Error::new(Problem::Empty))
    }

    /// Its array, to be changed.
    ///
    /// # Errors
    /// `Empty` if there is none.
    pub fn array_mut(&mut self) -> Result<&mut MemMapArray> {
        self.array
            .as_mut()
            .ok_or_else(|| Error::new(Problem::Empty))
    }

    /// The unit of its array, or of one that comes without.
    pub fn unit(&self) -> Option<&Unit> {
        match &self.array {
            Some(array) => array.unit(),
            None => self.unit.as_ref(),
        }
    }

    /// Says what its elements measure; the numbers stay as they are. A `.npy` or FITS file that is
    /// mapped for writing says it from now on, too.
    ///
    /// # Errors
    /// `Unit` (of FITS `Mismatch`) if the header of the file has no room for it, `Io` if it cannot be written; the unit is
    /// then the old one.
    ///
    /// ```
    /// use maparray::{Container, MemMapArray, Unit};
    /// let mut frame = Container::default();
    /// frame.set_unit(Unit::parse("adu")?)?;
    /// frame.reset_data(Some(MemMapArray::from_slice(&[1.0_f32, 2.0])))?;
    /// assert_eq!(frame.array()?.unit(), Some(&"adu".parse()?));
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn set_unit(&mut self, unit: impl Into<Option<Unit>>) -> Result<()> {
        let Some(array) = &mut self.array else {
            self.unit = unit.into();
            return Ok(());
        };
        let new = array.clone().with_unit(unit);
        if array.path().is_some() && array.mode() == Some(Mode::ReadWrite) {
            match new.store_unit() {
                // A file without a header, or a part of one: it says nothing of units.
                Err(error)
                    if matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Mismatch)
                        && !error.is_about_room() => {}
                stored => stored?,
            }
        }
        *array = new;
        Ok(())
    }

    /// Whether there is no array.
    pub fn is_empty(&self) -> bool {
        self.array.is_none()
    }

    /// Whether its array is in a file, or would be if there were one.
    pub fn is_mapped(&self) -> bool {
        match &self.array {
            Some(array) => array.mode().is_some(),
            None => self.mapped,
        }
    }

    /// The name of its file, be it mapped or not; none of a file without a name.
    pub fn filename(&self) -> Option<&Path> {
        let mapped = self.array.as_ref().and_then(MemMapArray::path);
        mapped.or(self.filename.as_deref())
    }

    /// Moves the array to its file, or to `filename` if it has no name yet; without any name to a
    /// file that nobody sees and that goes away with it. Does nothing if it is in a file. Without an
    /// array, the next one goes there.
    ///
    /// # Errors
    /// `Mismatch` if it has another name already, `Io` if a file of that name was not made by it
    /// and must stay, and as [`MemMapArray::enable_memmap`]; all is then as it was.
    pub fn enable_memmap(&mut self, filename: Option<&Path>, how: Mapping) -> Result<()> {
        self.check_name(filename)?;
        let name = self.filename.clone().or(filename.map(PathBuf::from));
        let there = match &self.array {
            // From a file that nobody sees it goes on to the one with a name.
            Some(array) => array.path().is_some() || name.is_none(),
            None => true,
        };
        if self.is_mapped() && there {
            return Ok(());
        }
        self.hold()?;
        if let Some(mut array) = self.array.take() {
            // A file that was only opened may hold more than this array.
            let made = self.made.is_some() && name.as_deref().and_then(Mark::at) == self.made;
            let existing = if made {
                Existing::Replace
            } else {
                how.existing
            };
            let done = self.put(&mut array, name.as_deref(), Mapping { existing, ..how });
            self.array = Some(array);
            done?;
        }
        (self.filename, self.mapped, self.how) = (name, true, how);
        self.hold()
    }

    fn put(&mut self, array: &mut MemMapArray, name: Option<&Path>, how: Mapping) -> Result<()> {
        let Some(name) = name else {
            return array.enable_temporary(self.folder.as_deref());
        };
        array.enable_memmap(name, how.format, how.existing)?;
        self.made = mark(array);
        Ok(())
    }

    /// Moves the array to a file that nobody sees, in `folder`; it goes away with the array.
    ///
    /// # Errors
    /// As [`MemMapArray::enable_temporary`].
    pub fn enable_temporary(&mut self, folder: &Path) -> Result<()> {
        if !self.is_mapped() {
            self.hold()?;
            if let Some(array) = &mut self.array {
                array.enable_temporary(Some(folder))?;
            }
            (self.mapped, self.folder) = (true, Some(folder.to_path_buf()));
        }
        self.hold()
    }

    /// Moves the array to memory. Does nothing if it is there.
    ///
    /// # Errors
    /// `Mismatch` if its file is to be removed and another made it; as
    /// [`MemMapArray::disable_memmap`]; all is then as it was.
    pub fn disable_memmap(&mut self, file: AfterUse) -> Result<()> {
        if !self.is_mapped() {
            return Ok(());
        }
        self.hold()?;
        let Some(array) = &mut self.array else {
            self.mapped = false;
            return Ok(());
        };
        let name = array.path().map(PathBuf::from);
        // What may not be removed is found before the bytes move, not afterwards.
        let aside = match (file, &name, self.made) {
            (AfterUse::Keep, ..) | (_, None, _) => None,
            (AfterUse::Remove, Some(name), None) => {
                return Err(Error::new(Problem::NotOurs).at(name));
            }
            (AfterUse::Remove, Some(name), made) => Aside::set(name, made)?,
        };
        array.disable_memmap()?;
        if let Some(aside) = aside {
            aside.remove()?;
            self.made = None;
        }
        self.hold()
    }

    /// Gives the file another name. If it is in use, it moves there, with all who map it; to another
    /// disk by a copy, if the container made it. An array in a file without a name goes to a new one.
    ///
    /// # Errors
    /// As [`MemMapArray::rename`] and [`MemMapArray::enable_memmap`]; all is then as it was.
    pub fn set_filename(&mut self, filename: &Path, existing: Existing) -> Result<()> {
        let nameless = |array: &MemMapArray| array.mode().is_some() && !has_name(array);
        if self.array.as_ref().is_some_and(nameless) {
            let how = Mapping {
                existing,
                ..self.how
            };
            self.hold()?;
            if let Some(mut array) = self.array.take() {
                let done = self.put(&mut array, Some(filename), how);
                self.array = Some(array);
                done?;
            }
            self.hold()?;
        } else if let Some(array) = self.array.as_mut().filter(|array| has_name(array)) {
            match array.rename(filename, existing) {
                Err(error) if error.is_about_disks() && self.made.is_some() => {
                    self.move_to(filename, existing)?;
                }
                renamed => renamed?,
            }
        }
        self.filename = Some(filename.to_path_buf());
        Ok(())
    }

    /// Says which file is its own, if none is known; one that is known is locked, and accepted again.
    ///
    /// # Errors
    /// `Mismatch` if another is known, which [`Container::set_filename`] changes; as that.
    ///
    /// ```
    /// use maparray::Container;
    /// let mut frame = Container::default();
    /// frame.name_file("frame.npy".as_ref())?;
    /// frame.name_file("./frame.npy".as_ref())?;
    /// assert!(frame.name_file("other.npy".as_ref()).is_err());
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn name_file(&mut self, filename: &Path) -> Result<()> {
        self.check_name(Some(filename))?;
        match self.filename() {
            Some(_) => Ok(()),
            None => self.set_filename(filename, Existing::Refuse),
        }
    }

    /// Copies the file to another disk, goes on there, and takes the old one away.
    fn move_to(&mut self, filename: &Path, existing: Existing) -> Result<()> {
        self.hold()?;
        let Some(array) = &mut self.array else {
            return Ok(());
        };
        let aside = match array.path() {
            Some(old) => Aside::set(old, self.made)?,
            None => None,
        };
        array.enable_memmap(filename, self.how.format, existing)?;
        self.made = mark(array);
        aside.map_or(Ok(()), Aside::remove)?;
        self.hold()
    }

    /// Puts another array, or none, in the place of its array. In a container that is mapped it goes
    /// to the file, which is replaced in one step; who uses the old array keeps it.
    ///
    /// An array without a unit takes over the unit of the container; without an array there is none.
    ///
    /// # Errors
    /// As [`Container::enable_memmap`]; the old array is then still there.
    pub fn reset_data(&mut self, array: Option<MemMapArray>) -> Result<()> {
        let name = self.filename().map(PathBuf::from);
        // The file of an array that is another container's is not for this one.
        let to_file = self.is_mapped() && self.hold().is_ok();
        let seen = self.array.as_ref().is_none_or(has_name);
        let Some(mut new) = array else {
            self.mapped = to_file;
            (self.array, self.unit, self.filename) = (None, None, name);
            return Ok(());
        };
        if new.unit().is_none() {
            new.set_unit(self.unit().cloned());
        }
        if to_file {
            let current = name.as_deref().and_then(Mark::at);
            let ours = current.is_some() && (current == self.made || current == self.opened);
            let existing = match (ours, self.made, self.opened) {
                (true, ..) => Existing::Replace,
                (false, None, None) => self.how.existing,
                // The name belongs to another file by now.
                _ => Existing::Refuse,
            };
            let name = name.as_deref().filter(|_| seen);
            self.put(
                &mut new,
                name,
                Mapping {
                    existing,
                    ..self.how
                },
            )?;
        }
        (self.array, self.filename) = (Some(new), name);
        let _ = self.hold();
        Ok(())
    }

    /// Writes what was changed back to the file, if there is one.
    ///
    /// # Errors
    /// As [`MemMapArray::flush`].
    pub fn flush(&self, how: Flush) -> Result<()> {
        match &self.array {
            Some(array) => array.flush(how),
            None => Ok(()),
        }
    }

    /// The array, taken out.
    pub fn into_array(self) -> Option<MemMapArray> {
        self.array
    }

    fn check_name(&self, filename: Option<&Path>) -> Result<()> {
        let (Some(found), Some(locked)) = (filename, self.filename()) else {
            return Ok(());
        };
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into());
        if absolute(found) == absolute(locked) {
            return Ok(());
        }
        let text = |path: &Path| path.display().to_string();
        Err(Error::new(Problem::FilenameLocked {
            found: text(found),
            locked: text(locked),
        }))
    }
}

fn has_name(array: &MemMapArray) -> bool {
    array.path().is_some()
}

/// Which file it maps.
fn mark(array: &MemMapArray) -> Option<Mark> {
    array.region().file()?.mark()
}
