//! Whole files at a time, as threads of a pool read and write them, and what file systems tell about
//! themselves. Everything here may block.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::statvfs;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What was tried, as a call of C, and the errno.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub call: String,
    pub errno: i32,
}

impl Failed {
    fn new(call: String, error: &std::io::Error) -> Failed {
        Failed {
            call,
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        }
    }
}

/// How [`write`] treats a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteFlags {
    /// Behind what is there; else in its place.
    pub append: bool,
    /// With the lock of flock(2), waiting for it.
    pub lock: bool,
}

fn locked(file: File, path: &Path, how: FlockArg, name: &str) -> Result<Flock<File>, Failed> {
    Flock::lock(file, how).map_err(|(_, errno)| Failed {
        call: format!("flock({}, {name})", path.display()),
        errno: errno as i32,
    })
}

/// The content of a file.
///
/// # Errors
/// It cannot be opened, locked or read.
pub fn read(path: &Path, lock: bool) -> Result<Vec<u8>, Failed> {
    let file = File::open(path)
        .map_err(|e| Failed::new(format!("open({}, O_RDONLY)", path.display()), &e))?;
    let mut content = Vec::new();
    let read = if lock {
        locked(file, path, FlockArg::LockShared, "LOCK_SH")?.read_to_end(&mut content)
    } else {
        (&file).read_to_end(&mut content)
    };
    read.map_err(|e| Failed::new(format!("read({})", path.display()), &e))?;
    Ok(content)
}

/// Writes a file, which is made if need be (for the owner to write, for all to read). A symbolic link is not
/// followed.
///
/// # Errors
/// It cannot be opened, locked or written whole.
pub fn write(path: &Path, content: &[u8], flags: WriteFlags) -> Result<(), Failed> {
    let mut options = OpenOptions::new();
    options
        .create(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW);
    if flags.append {
        options.append(true);
    } else {
        options.write(true);
        // What another one writes under its lock is not cut short.
        options.truncate(!flags.lock);
    }
    let file = options
        .open(path)
        .map_err(|e| Failed::new(format!("open({}, O_WRONLY)", path.display()), &e))?;
    let written = if flags.lock {
        let mut file = locked(file, path, FlockArg::LockExclusive, "LOCK_EX")?;
        let cut = if flags.append {
            Ok(())
        } else {
            file.set_len(0)
        };
        cut.and_then(|()| file.write_all(content))
    } else {
        (&file).write_all(content)
    };
    written.map_err(|e| Failed::new(format!("write({})", path.display()), &e))
}

/// statvfs(3).
pub fn statvfs(path: &Path) -> Result<[(&'static str, u64); 11], Errno> {
    let stat = statvfs::statvfs(path)?;
    Ok([
        ("bsize", stat.block_size()),
        ("frsize", stat.fragment_size()),
        ("blocks", stat.blocks()),
        ("bfree", stat.blocks_free()),
        ("bavail", stat.blocks_available()),
        ("files", stat.files()),
        ("ffree", stat.files_free()),
        ("favail", stat.files_available()),
        ("fsid", stat.filesystem_id()),
        ("flag", stat.flags().bits()),
        ("namemax", stat.name_max()),
    ])
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_and_read() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a");
        let plain = WriteFlags::default();
        let append = WriteFlags {
            append: true,
            ..plain
        };
        let lock = WriteFlags {
            lock: true,
            ..plain
        };
        write(&path, b"first and long", plain).expect("write");
        write(&path, b"one", plain).expect("write");
        write(&path, b"two", append).expect("append");
        assert_eq!(read(&path, false).expect("read"), b"onetwo");
        write(&path, b"x", lock).expect("locked");
        assert_eq!(read(&path, true).expect("read"), b"x");
        let other = folder.path().join("b");
        std::os::unix::fs::symlink(&path, &other).expect("link");
        let link = write(&other, b"y", plain).expect_err("a link");
        assert_eq!(link.errno, libc::ELOOP);
        assert_eq!(read(&path, false).expect("read"), b"x");
        let folder = read(folder.path(), false).expect_err("a folder");
        assert_eq!(folder.errno, libc::EISDIR);
        let none = read(Path::new("/no/such"), false).expect_err("none");
        assert_eq!(none.call, "open(/no/such, O_RDONLY)");
        assert_eq!(none.errno, libc::ENOENT);
    }

    #[test]
    fn file_systems_tell_their_sizes() {
        let stat = statvfs(Path::new("/")).expect("stat");
        assert!(
            stat.iter()
                .any(|(name, value)| *name == "bsize" && *value > 0)
        );
        assert_eq!(statvfs(Path::new("/no/such")), Err(Errno::ENOENT));
    }
}
