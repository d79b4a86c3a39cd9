//! How much memory may a computation have?
//!
//! Knows: what the system says about itself. Must not know: what is computed.

use std::fs;

/// Bytes that a computation keeps to if nothing else is said: 1 GiB, but never more than half of what
/// is free.
pub(crate) fn modest_memory() -> usize {
    const MODEST: u64 = 1 << 30;
    let half = free_memory().map_or(MODEST, |free| free / 2);
    usize::try_from(MODEST.min(half)).unwrap_or(usize::MAX)
}

/// Whether so many bytes in the page cache would push out much else.
pub(crate) fn fills_memory(bytes: u64) -> bool {
    bytes > (64 << 20) && free_memory().is_some_and(|free| bytes > free / 2)
}

/// Whether the system would slow down a writer of so many bytes that does not start writing them back:
/// it does from about an eighth of its memory on.
pub(crate) fn throttles(bytes: u64) -> bool {
    bytes > (512 << 20) && free_memory().is_some_and(|free| bytes > free / 16)
}

/// Bytes of memory that this process can have without pushing others out, its control group's limit
/// respected; `None` where the system does not tell.
///
/// ```
/// assert!(maparray::free_memory().is_none_or(|bytes| bytes > 0));
/// ```
pub fn free_memory() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let table = read("/proc/meminfo")?;
    let line = table
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let free = line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024;
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (kind, group) = (parts.next()?, parts.next()?);
        // Version 2 has one tree, version 1 one for memory.
        let (root, limit, used) = match kind {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            _ if kind.split(',').any(|kind| kind == "memory") => (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            ),
            _ => return None,
        };
        // Inside a container the group's own path may not be there, its root is.
        [group, ""].iter().find_map(|group| {
            let limit = number(&format!("{root}{group}/{limit}"))?;
            let used = number(&format!("{root}{group}/{used}"))?;
            // Used by the page cache, for the most part: half of the limit is there to be had.
            Some(limit.saturating_sub(used).max(limit / 2))
        })
    });
    Some(limits.fold(free, u64::min))
}
