//! Which instructions does this machine have?
//!
//! [`widest`] runs a loop that was compiled for several levels of the instruction set, at the highest
//! that the machine has. It is asked once per process. The results are the same bits at every level:
//! the compiler never contracts or reorders floating-point operations by itself.
//!
//! Knows: instruction sets. Must not know: what a loop computes.

#[cfg(target_arch = "x86_64")]
mod levels {
    use std::sync::OnceLock;

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub(super) enum Level {
        /// SSE2, which every x86-64 has.
        Baseline,
        /// x86-64-v3, but for the instructions that nothing here uses.
        Avx2,
        /// x86-64-v4.
        Avx512,
    }

    pub(super) fn level() -> Level {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512cd")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            let found = match (avx2, avx512) {
                (_, true) => Level::Avx512,
                (true, _) => Level::Avx2,
                _ => Level::Baseline,
            };
            // For tests and benchmarks: a lower level than the machine has.
            match std::env::var("MAPARRAY_LEVEL").as_deref() {
                Ok("baseline") => Level::Baseline,
                Ok("avx2") => found.min(Level::Avx2),
                _ => found,
            }
        })
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,f16c,lzcnt,popcnt")]
    pub(super) fn avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    #[target_feature(
        enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,bmi1,bmi2,f16c,lzcnt,popcnt"
    )]
    pub(super) fn avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// Runs `work` at the highest level of the machine. It should be a loop over many elements, a closure
/// marked `#[inline(always)]`, as should be everything that it calls: only what is inlined is
/// compiled anew.
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match levels::level() {
        // SAFETY: the machine has the instructions: `level` asked it.
        levels::Level::Avx512 => unsafe { levels::avx512(work) },
        // SAFETY: as above.
        levels::Level::Avx2 => unsafe { levels::avx2(work) },
        levels::Level::Baseline => work(),
    }
    #[cfg(not(target_arch = "x86_64"))]
    work()
}
