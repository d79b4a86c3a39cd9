//! How do programs that share an array agree on a number in it?
//!
//! By operations on one integer that nobody can get between. A counter that is raised after each
//! change, and waited for, is the notification from one program to another.
//!
//! Knows: errors, dtypes, layouts, maps. Must not know: operations, expressions.

use std::time::{Duration, Instant};

use super::MemMapArray;
use crate::dtype::Element;
use crate::error::{Error, Problem, Result};
use crate::map::{Change, Region};

/// Longest time between two looks at a number that is waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// Whole numbers of a fixed size.
pub trait Integer: Element + Copy {
    #[doc(hidden)]
    fn to_word(self) -> u64;
    #[doc(hidden)]
    fn of_word(word: u64) -> Self;
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Integer for $integer {
            fn to_word(self) -> u64 {
                self as u64
            }

            fn of_word(word: u64) -> $integer {
                word as $integer
            }
        }
    )*};
}
integers!(i8, u8, i16, u16, i32, u32, i64, u64);

impl MemMapArray {
    /// Adds to an integer, wrapping around, in one step that no other program or thread that uses such
    /// operations gets between; what was there before.
    ///
    /// # Errors
    /// `OutOfBounds` if there is no such element; `Mismatch` if it is of another type; `Unsupported` if
    /// it is in foreign byte order or not aligned; `ReadOnly`, and `InUse` as for [`MemMapArray::set`].
    ///
    /// ```
    /// let mut tickets = maparray::MemMapArray::from_slice(&[0_i64; 4]);
    /// assert_eq!(tickets.fetch_add(&[2], 5_i64)?, 0);
    /// assert_eq!(tickets.fetch_add(&[2], -1_i64)?, 5);
    /// assert_eq!(tickets.get::<i64>(&[2])?, 4);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn fetch_add<T: Integer>(&mut self, index: &[i64], by: T) -> Result<T> {
        self.change(index, Change::Add(by.to_word()))
    }

    /// Puts `new` in the place of `current` if that is what is there, in one step; what was there.
    ///
    /// # Errors
    /// As [`MemMapArray::fetch_add`].
    ///
    /// ```
    /// let mut owner = maparray::MemMapArray::from_slice(&[0_u32]);
    /// assert_eq!(owner.compare_exchange(&[0], 0_u32, 7)?, 0);
    /// assert_eq!(owner.compare_exchange(&[0], 0_u32, 8)?, 7);
    /// assert_eq!(owner.get::<u32>(&[0])?, 7);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn compare_exchange<T: Integer>(&mut self, index: &[i64], current: T, new: T) -> Result<T> {
        self.change(index, Change::Exchange(current.to_word(), new.to_word()))
    }

    /// Puts a number in the place of another, in one step; what was there before. What the program has
    /// stored before is seen by whoever reads the new number with [`MemMapArray::atomic_load`].
    ///
    /// # Errors
    /// As [`MemMapArray::fetch_add`].
    ///
    /// ```
    /// let mut flag = maparray::MemMapArray::from_slice(&[1_u8]);
    /// assert_eq!(flag.swap(&[0], 9_u8)?, 1);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn swap<T: Integer>(&mut self, index: &[i64], new: T) -> Result<T> {
        self.change(index, Change::Store(new.to_word()))
    }

    /// Reads a number as a whole, whatever other programs do to it.
    ///
    /// # Errors
    /// As [`MemMapArray::fetch_add`].
    ///
    /// ```
    /// let counter = maparray::MemMapArray::from_slice(&[3_i32]);
    /// assert_eq!(counter.atomic_load::<i32>(&[0])?, 3);
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn atomic_load<T: Integer>(&self, index: &[i64]) -> Result<T> {
        let load = || {
            self.region
                .load_word(self.word_of::<T>(index)?, self.dtype.size())
        };
        load().map(T::of_word).map_err(|error| self.name(error))
    }

    /// Waits until a number is another than `seen`, but no longer than `timeout`; the number then.
    ///
    /// With a counter that every writer raises by [`MemMapArray::fetch_add`] when its work is done, this
    /// tells a reader that there is something new. It looks again after at most a millisecond.
    ///
    /// # Errors
    /// As [`MemMapArray::fetch_add`].
    ///
    /// ```
    /// use maparray::{DType, MemMapArray, Order};
    /// use std::time::Duration;
    /// let counter = MemMapArray::pages(&DType::of::<u64>(), &[1], Order::C)?;
    /// let mut writer = counter.clone();
    /// let work = std::thread::spawn(move || writer.fetch_add(&[0], 1_u64));
    /// assert_eq!(counter.wait(&[0], 0_u64, Duration::from_secs(60))?, 1);
    /// assert_eq!(counter.wait(&[0], 1_u64, Duration::ZERO)?, 1);
    /// # work.join().unwrap()?;
    /// # Ok::<(), maparray::Error>(())
    /// ```
    pub fn wait<T: Integer>(&self, index: &[i64], seen: T, timeout: Duration) -> Result<T> {
        let (begin, mut pause) = (Instant::now(), Duration::from_micros(1));
        loop {
            let found = self.atomic_load(index)?;
            let left = timeout.saturating_sub(begin.elapsed());
            if found != seen || left.is_zero() {
                return Ok(found);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSE);
        }
    }

    fn change<T: Integer>(&mut self, index: &[i64], change: Change) -> Result<T> {
        let mut changed = || {
            let (at, size) = (self.word_of::<T>(index)?, self.dtype.size());
            Region::writer(&mut self.region)?.change(at, size, change)
        };
        changed().map(T::of_word).map_err(|error| self.name(error))
    }

    /// Where in the region an integer of this type lies.
    fn word_of<T: Integer>(&self, index: &[i64]) -> Result<usize> {
        self.expect_scalar(T::SCALAR)?;
        if self.dtype.is_native() {
            return self.layout.position(index);
        }
        let dtype = self.dtype.to_string();
        Err(Error::new(Problem::ForeignOrder { dtype }))
    }
}
