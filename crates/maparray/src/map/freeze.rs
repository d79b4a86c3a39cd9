//! How can memory be kept from changing while others hold its address?
//!
//! Its pages are made read-only. A thread that stores to them meanwhile gets a fault, which a signal
//! handler answers by waiting until the freeze is over; then the store is done again, and succeeds.
//! A system call that stores for its caller does not wait: it fails with `EFAULT`.
//!
//! Knows: system calls. Must not know: regions.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many ranges can be frozen at a time; one more waits.
const SLOTS: usize = 64;

/// First and last byte of what is frozen; a slot with a `last` of 0 is free. `first` is written
/// before `last`, and `last` is cleared first.
struct Slot {
    first: AtomicUsize,
    last: AtomicUsize,
}

static FROZEN: [Slot; SLOTS] = [const {
    Slot {
        first: AtomicUsize::new(0),
        last: AtomicUsize::new(0),
    }
}; SLOTS];

/// Counts the freezes; one more before the pages of each become read-only.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// Taken while slots are claimed and the handler is installed, never by the handler.
static CLAIM: Mutex<()> = Mutex::new(());

/// What was done about such faults before; null until then. It is never freed.
static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// Pages that nobody can write to.
pub(super) struct Freeze {
    slot: &'static Slot,
    first: *mut u8,
    len: usize,
    thaw: bool,
}

impl Freeze {
    /// Freezes the pages of `len` bytes from `first` on. With `writable` they can be written again
    /// when this is gone.
    ///
    /// # Safety
    /// `first` is the first byte of a page, and the pages are mapped until this is gone. They may be
    /// exchanged for others, which can be written.
    pub(super) unsafe fn new(first: *mut u8, len: usize, writable: bool) -> io::Result<Freeze> {
        let slot = claim(first.addr(), len)?;
        let freeze = Freeze {
            slot,
            first,
            len,
            thaw: writable,
        };
        // SAFETY: the pages are mapped, by this function's contract; readers are not disturbed.
        let done = unsafe { libc::mprotect(first.cast(), len, libc::PROT_READ) };
        match done {
            0 => Ok(freeze),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        if self.thaw {
            let both = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: as in `new`. It cannot fail for pages that were writable before.
            let _ = unsafe { libc::mprotect(self.first.cast(), self.len, both) };
        }
        self.slot.last.store(0, Ordering::Release);
    }
}

fn claim(first: usize, len: usize) -> io::Result<&'static Slot> {
    loop {
        let _claim = CLAIM.lock().unwrap_or_else(PoisonError::into_inner);
        install()?;
        let free = |slot: &&Slot| slot.last.load(Ordering::Acquire) == 0;
        if let Some(slot) = FROZEN.iter().find(free) {
            slot.first.store(first, Ordering::Release);
            slot.last.store(first + len - 1, Ordering::SeqCst);
            TURN.fetch_add(1, Ordering::SeqCst);
            return Ok(slot);
        }
        drop(_claim);
        std::thread::yield_now();
    }
}

fn is_frozen(address: usize) -> bool {
    FROZEN.iter().any(|slot| {
        let last = slot.last.load(Ordering::SeqCst);
        let page = rustix::param::page_size() - 1;
        last != 0 && address <= (last | page) && address >= slot.first.load(Ordering::Acquire)
    })
}

/// Puts the handler on top of what is there. Who has put another one over it is asked first from then on
/// about what is not our business, and may in turn ask us.
fn install() -> io::Result<()> {
    let mut now = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks for the present action, and changes none.
    if unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), now.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, and thus filled it in.
    let now = unsafe { now.assume_init() };
    let ours = on_fault as *const () as usize;
    if now.sa_sigaction == ours {
        return Ok(());
    }
    // SAFETY: what `BEFORE` points to is never freed or changed.
    let before = unsafe { BEFORE.load(Ordering::Acquire).as_ref() };
    let known = before.is_some_and(|before| {
        before.sa_sigaction == now.sa_sigaction && before.sa_flags == now.sa_flags
    });
    if !known {
        BEFORE.store(Box::into_raw(Box::new(now)), Ordering::Release);
    }
    // SAFETY: all zeros is an action: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = ours;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: `on_fault` has the signature that `SA_SIGINFO` asks for, does nothing that a handler
    // may not do, and passes on what is not its business.
    match unsafe { libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits if the fault is a store to frozen memory, and returns to do the store again.
///
/// Of what it calls, `sched_yield` and `madvise` are plain system calls; nothing allocates or locks.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel gives a valid `info` to a handler with `SA_SIGINFO`; its address is set for
    // faults, which `si_code` tells from signals that were sent.
    let info_given = unsafe { &*info };
    let code = info_given.si_code;
    // SAFETY: as above; of a signal that was sent it is some number, which is not used.
    let address = unsafe { info_given.si_addr() }.addr();
    // SAFETY: asks where this thread's number of the last error is.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: it is there as long as the thread. Whoever is interrupted here may be about to read it.
    let kept = unsafe { errno.read() };
    let page = rustix::param::page_size();
    let first = ptr::without_provenance_mut::<libc::c_void>(address - address % page);
    while code == SEGV_ACCERR && is_store(context) {
        let turn = TURN.load(Ordering::SeqCst);
        if is_frozen(address) {
            // SAFETY: takes nothing and touches no memory.
            unsafe { libc::sched_yield() };
            continue;
        }
        // The freeze may have been over before we looked: then the page can be written by now.
        // SAFETY: this advice changes no byte. It makes a page ready to be written, and is an error
        // where that is not allowed.
        if unsafe { libc::madvise(first, page, MADV_POPULATE_WRITE) } == 0 {
            // SAFETY: as above.
            unsafe { errno.write(kept) };
            return;
        }
        // No freeze began since we looked, so it was not one that forbade it.
        if TURN.load(Ordering::SeqCst) == turn {
            break;
        }
    }
    // SAFETY: as above.
    unsafe { errno.write(kept) };
    pass_on(signal, info, context);
}

/// `si_code` of a fault in a page that is there and does not allow it.
const SEGV_ACCERR: libc::c_int = 2;
/// Since Linux 5.14.
const MADV_POPULATE_WRITE: libc::c_int = 23;

/// Whether a fault came from a store, as far as the processor says it.
fn is_store(context: *mut libc::c_void) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        let context = context.cast::<libc::ucontext_t>();
        // SAFETY: the kernel gives a valid context to a handler with `SA_SIGINFO`.
        let error = unsafe { (*context).uc_mcontext.gregs[libc::REG_ERR as usize] };
        // Bit 1: a store; bit 4: the fetch of an instruction.
        error & 0b1_0010 == 0b10
    }
    #[cfg(target_arch = "aarch64")]
    {
        let context = context.cast::<libc::ucontext_t>();
        // SAFETY: as above.
        let mcontext = unsafe { &(*context).uc_mcontext };
        mcontext.fault_address != mcontext.pc
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = context;
        true
    }
}

/// The address of the last fault that was passed on; whether what was passed on was then sent again;
/// and how many faults at the same address came one after the other.
static PASSED: AtomicUsize = AtomicUsize::new(0);
static IN_A_ROW: AtomicUsize = AtomicUsize::new(0);
/// More than a handler takes that mends what it is told of.
const TOO_MANY: usize = 10_000;

/// Whether the one who was there before has had his turn: he sends the signal again when he is done, as
/// those do that only report, or returns without having changed anything.
fn is_over(info: &libc::siginfo_t) -> bool {
    // SAFETY: asks for a number.
    let own = unsafe { libc::getpid() };
    if info.si_code <= 0 {
        // SAFETY: a signal that was sent says by whom.
        return PASSED.load(Ordering::SeqCst) != 0 && unsafe { info.si_pid() } == own;
    }
    // SAFETY: a fault says where.
    let address = unsafe { info.si_addr() }.addr().max(1);
    if PASSED.swap(address, Ordering::SeqCst) != address {
        IN_A_ROW.store(0, Ordering::SeqCst);
    }
    IN_A_ROW.fetch_add(1, Ordering::SeqCst) > TOO_MANY
}

/// Does what was done about such a fault before.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: what `BEFORE` points to is never freed or changed.
    let before = unsafe { BEFORE.load(Ordering::Acquire).as_ref() };
    // SAFETY: the kernel gives a valid `info` to a handler with `SA_SIGINFO`.
    let info_given = unsafe { &*info };
    match before.filter(|_| !is_over(info_given)) {
        Some(before) if !matches!(before.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) => {
            if before.sa_flags & libc::SA_SIGINFO != 0 {
                type Full = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
                // SAFETY: an action with this flag is a function of this type.
                let handler = unsafe { std::mem::transmute::<usize, Full>(before.sa_sigaction) };
                handler(signal, info, context);
            } else {
                // SAFETY: an action without it is a function of the signal's number.
                let handler = unsafe {
                    std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(before.sa_sigaction)
                };
                handler(signal);
            }
        }
        _ => {
            // SAFETY: all zeros is an action: no flags, an empty mask.
            let mut default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
            default.sa_sigaction = libc::SIG_DFL;
            // SAFETY: when we return, the fault comes again and ends the process where it happened.
            unsafe { libc::sigaction(signal, &default, ptr::null_mut()) };
            if info_given.si_code <= 0 {
                // SAFETY: sends a signal, which waits until we have returned.
                unsafe { libc::raise(signal) };
            }
        }
    }
}
