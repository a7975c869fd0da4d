//! What runs over the end of a stack faults on what is closed below it ([`super::stack`]). The kernel would
//! kill the process without a word; here it goes on in the reserve, if there is one, to the next point at which
//! it can be ended in order, or else says which stack was too small and ends.
//!
//! Code may be anywhere when that happens, inside the allocator for one, so nothing can be undone here: the
//! handler opens the reserve and returns, or writes its line and ends the process. Faults of any other kind go
//! on to whoever handled them before, or kill as they would have.

use super::SysError;
use nix::errno::Errno;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// The exit status of a process that ends here: PHP's after a fatal error.
pub const EXIT_STATUS: c_int = 255;
/// Of the stack that the handler runs on: a vector processor's registers alone may take 11 KiB.
const HANDLER_STACK_BYTES: usize = 64 * 1024;

/// A line of text, built without the allocator. What does not fit is left out.
#[derive(Debug)]
pub struct Line {
    bytes: [u8; 2048],
    len: usize,
}

impl Line {
    /// Without text.
    #[must_use]
    pub const fn empty() -> Self {
        Line {
            bytes: [0; 2048],
            len: 0,
        }
    }

    /// Adds text.
    pub fn push(&mut self, text: &[u8]) {
        for byte in text {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = *byte;
                self.len += 1;
            }
        }
    }

    /// Adds a number in decimal digits.
    pub fn push_number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
    }

    /// The text so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing that we know of.
    Foreign,
    /// Memory that is to be opened ([`super::stack::open`]): the code goes on there.
    Reserve { start: usize, bytes: usize },
    /// The end of a stack: the line says so, and the process ends.
    End,
}

/// Tells what the address of a fault is to the stack that runs, and what to say if it is the end.
///
/// Called in a signal handler, in the thread that called [`watch`]: it must not allocate, lock or wait. A
/// reserve that it names has been closed for that.
pub type Explain = fn(address: usize, line: &mut Line) -> Fault;

struct Watch {
    explain: Explain,
    /// Where the handler's stack begins.
    stack: usize,
    former: libc::sigaction,
}

// `libc::sigaction` holds an address of code and plain words.
static WATCH: OnceLock<Watch> = OnceLock::new();

/// Has `explain` asked about each fault in memory of this thread, from now on; a forked child inherits it.
/// Once for a process: later calls change nothing.
///
/// # Errors
/// The kernel refuses: the process goes on without, and dies silently where it would have.
pub fn watch(explain: Explain) -> Result<(), SysError> {
    if WATCH.get().is_some() {
        return Ok(());
    }
    let stack = handler_stack()?;
    // SAFETY: plain C structs of integers and an optional pointer: all bytes zero is valid.
    let (mut action, mut former): (libc::sigaction, libc::sigaction) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: reads the action that is set, into a struct of ours.
    let done = unsafe { libc::sigaction(libc::SIGSEGV, std::ptr::null(), &raw mut former) };
    Errno::result(done).map_err(|errno| SysError::new("read the action of SIGSEGV", "", errno))?;
    let _ = WATCH.set(Watch {
        explain,
        stack,
        former,
    });
    action.sa_sigaction = on_fault as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler does what a handler may, on a stack of its own; see there.
    let done = unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()) };
    Errno::result(done).map_err(|errno| SysError::new("handle SIGSEGV", "", errno))?;
    Ok(())
}

/// Gives this thread a stack for handlers, for ever; answers where it begins.
fn handler_stack() -> Result<usize, SysError> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let refused = |errno| SysError::new("make a stack for the handler of SIGSEGV", "", errno);
    // SAFETY: a new mapping at a place of the kernel's choice.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            HANDLER_STACK_BYTES,
            protection,
            flags,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(refused(Errno::last()));
    }
    let stack = libc::stack_t {
        ss_sp: start,
        ss_flags: 0,
        ss_size: HANDLER_STACK_BYTES,
    };
    // SAFETY: the mapping is this thread's alone and never undone. One that another module has set is
    // replaced: handlers find room on this one as well.
    let done = unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) };
    Errno::result(done).map_err(refused)?;
    Ok(start as usize)
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(watch) = WATCH.get() else { return };
    // SAFETY: the kernel passes the fault's description. A fault, and not a kill(2), has a positive code.
    let (is_fault, address) = unsafe { ((*info).si_code > 0, (*info).si_addr() as usize) };
    let mut line = Line::empty();
    let here = (&raw const line) as usize;
    // Other threads have no such stack, so they never get further.
    let is_ours = here.wrapping_sub(watch.stack) < HANDLER_STACK_BYTES;
    let fault = if is_fault && is_ours {
        (watch.explain)(address, &mut line)
    } else {
        Fault::Foreign
    };
    match fault {
        Fault::Foreign => {}
        // SAFETY: a reserve, as `explain` promises.
        Fault::Reserve { start, bytes } if unsafe { super::stack::open(start, bytes) } => return,
        Fault::Reserve { .. } | Fault::End => {
            let text = line.as_bytes();
            // SAFETY: two system calls; nothing of this process runs any more.
            unsafe {
                libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
                libc::_exit(EXIT_STATUS);
            }
        }
    }
    pass_on(&watch.former, is_fault, signal, info, context);
}

/// Does what would have been done without [`watch`].
fn pass_on(
    former: &libc::sigaction,
    is_fault: bool,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    match former.sa_sigaction {
        libc::SIG_IGN if !is_fault => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // SAFETY: both may be called in a handler. The default action is to die: from the instruction
            // that faulted, which runs again after this handler, or from the signal sent once more.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                if !is_fault {
                    libc::raise(signal);
                }
            }
        }
        handler if former.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
            // SAFETY: by the flag it is a handler of this type; it gets what the kernel passed.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: without the flag it is a handler of this type.
            let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
            handler(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_text_and_numbers() {
        let mut line = Line::empty();
        line.push(b"stack of ");
        line.push_number(0);
        line.push(b", ");
        line.push_number(u64::MAX);
        assert_eq!(line.as_bytes(), b"stack of 0, 18446744073709551615");
    }

    #[test]
    fn a_line_ends_where_it_is_full() {
        let mut line = Line::empty();
        line.push(&[b'x'; 2047]);
        line.push_number(42);
        assert_eq!(line.as_bytes().len(), 2048);
        assert_eq!(line.as_bytes().last(), Some(&b'4'));
    }
}
