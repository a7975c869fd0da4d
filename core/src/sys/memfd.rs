//! Anonymous files in memory, the ground of shared regions.

use super::SysError;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;
use std::os::fd::OwnedFd;

/// Creates a file of `len_bytes` zero bytes, close-on-exec. Its size is sealed: a process that maps it
/// cannot be made to fault (SIGBUS) by another one that shrinks it. Pages cost memory once touched.
///
/// `name` shows in /proc/PID/maps; at most 249 bytes, no NUL.
pub fn create(name: &str, len_bytes: u64) -> Result<OwnedFd, SysError> {
    const OP: &str = "create shared memory";
    let detail = || format!("{name}, {len_bytes} bytes");
    let len = i64::try_from(len_bytes)
        .map_err(|_| SysError::refused(OP, format!("{}: too large", detail())))?;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let fd = memfd_create(name, flags).map_err(|e| SysError::new(OP, detail(), e))?;
    ftruncate(&fd, len).map_err(|e| SysError::new(OP, detail(), e))?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&fd, FcntlArg::F_ADD_SEALS(seals)).map_err(|e| SysError::new(OP, detail(), e))?;
    Ok(fd)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use nix::errno::Errno;

    #[test]
    fn the_size_is_sealed() {
        let fd = create("test", 8192).expect("memfd");
        assert_eq!(nix::sys::stat::fstat(&fd).expect("stat").st_size, 8192);
        assert_eq!(ftruncate(&fd, 100), Err(Errno::EPERM));
        assert_eq!(ftruncate(&fd, 100_000), Err(Errno::EPERM));
        assert!(create("test", u64::MAX).is_err());
    }
}
