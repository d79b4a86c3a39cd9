//! How are many bytes written that nobody reads soon?
//!
//! Past the caches: a plain store first reads the line that it is going to overwrite, which costs a
//! third of the memory's speed where a result is as long as its operands.
//!
//! Knows: addresses. Must not know: what the bytes mean.

/// Fewer bytes than this are copied as usual, and regions below the other size stay in the caches.
pub(super) const LEAST: usize = 1 << 14;
pub(super) const REGION: usize = 1 << 23;

/// Copies `len` bytes.
///
/// # Safety
/// `len` bytes are readable at `from` and writable at `to`, and the two do not overlap.
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};
        const LINE: usize = 64;
        // As far as the first whole line of the target.
        let head = to.align_offset(LINE).min(len);
        // SAFETY: `head` bytes, inside both ranges.
        unsafe { std::ptr::copy_nonoverlapping(from, to, head) };
        let lines = (len - head) / LINE;
        for line in 0..lines {
            let at = head + line * LINE;
            for part in (0..LINE).step_by(size_of::<__m128i>()) {
                let (from, to) = (from.wrapping_add(at + part), to.wrapping_add(at + part));
                // SAFETY: 16 bytes inside the readable range; SSE2 belongs to every x86-64.
                let value = unsafe { _mm_loadu_si128(from.cast()) };
                // SAFETY: 16 bytes inside the writable range, at a multiple of 16.
                unsafe { _mm_stream_si128(to.cast(), value) };
            }
        }
        // SAFETY: SSE belongs to every x86-64. Whoever learns that the bytes are there sees them.
        unsafe { _mm_sfence() };
        let done = head + lines * LINE;
        // SAFETY: the rest of both ranges.
        unsafe {
            std::ptr::copy_nonoverlapping(
                from.wrapping_add(done),
                to.wrapping_add(done),
                len - done,
            )
        };
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: as the caller promised.
    unsafe {
        std::ptr::copy_nonoverlapping(from, to, len);
    }
}
