//! Tells valgrind of stacks, so that it takes a switch to one of ours for what it is. A client request as
//! documented in valgrind.h: a few instructions that change nothing, and that valgrind knows.

/// `VG_USERREQ__STACK_REGISTER`
const STACK_REGISTER: usize = 0x1501;

/// Says that this range is a stack, for ever. Without valgrind it does nothing.
pub(super) fn register_stack(bottom: usize, top: usize) {
    request([STACK_REGISTER, bottom, top, 0, 0, 0]);
}

#[cfg(target_arch = "x86_64")]
fn request(arguments: [usize; 6]) {
    // SAFETY: the four rotations of rdi add up to two whole turns, and the exchange is of a register with
    // itself. Under valgrind rdx gets an answer; memory is only read.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rax") arguments.as_ptr() => _,
            inout("rdx") 0_usize => _,
            options(readonly, nostack),
        );
    }
}

/// Valgrind is not told on other machines.
#[cfg(not(target_arch = "x86_64"))]
fn request(_: [usize; 6]) {}
