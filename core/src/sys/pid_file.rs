//! The file that tells other programs the master's pid.

use super::SysError;
use nix::unistd::getpid;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A pid file that holds the pid of the process that wrote it: digits, no newline.
///
/// Dropping it does nothing, since forked processes hold copies: the writer calls [`PidFile::remove`].
#[derive(Clone, Debug)]
pub struct PidFile {
    path: PathBuf,
    pid: i32,
}

impl PidFile {
    /// Writes the pid of this process. A reader sees the old content or the whole new one: the file is
    /// written beside and renamed. Where the folder is not writable but the file is, it is written in
    /// place.
    pub fn write(path: &Path) -> Result<PidFile, SysError> {
        const OP: &str = "write the pid file";
        let pid = getpid().as_raw();
        let fail = |e: &std::io::Error| SysError::from_io(OP, path.display().to_string(), e);
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{pid}.tmp"));
        let temporary = PathBuf::from(temporary);
        let renamed = write_new(&temporary, pid).and_then(|()| {
            std::fs::rename(&temporary, path).inspect_err(|_| {
                let _ = std::fs::remove_file(&temporary);
            })
        });
        match renamed {
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                // Where there is no such file either, the folder is what stands in the way.
                write_in_place(path, pid).map_err(|_| fail(&e))?;
            }
            result => result.map_err(|e| fail(&e))?,
        }
        Ok(PidFile {
            path: path.to_owned(),
            pid,
        })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file if it still holds the pid written and this is the process that wrote it; true
    /// if it did. A server started meanwhile keeps its file.
    pub fn remove(&self) -> bool {
        getpid().as_raw() == self.pid
            && read_pid(&self.path) == Some(self.pid)
            && std::fs::remove_file(&self.path).is_ok()
    }
}

/// The pid in a pid file, if there is a plausible one.
#[must_use]
pub fn read_pid(path: &Path) -> Option<i32> {
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok().filter(|pid| *pid > 0)
}

fn write_new(path: &Path, pid: i32) -> std::io::Result<()> {
    // A leftover of a process with the same pid that died in between.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?;
    let written = file.write_all(pid.to_string().as_bytes());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

fn write_in_place(path: &Path, pid: i32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(pid.to_string().as_bytes())
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn is_written_whole_and_removed_only_while_ours() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("server.pid");
        std::fs::write(&path, "999999999 old and longer").expect("old");
        let file = PidFile::write(&path).expect("write");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, std::process::id().to_string());
        assert_eq!(std::fs::read_dir(dir.path()).expect("dir").count(), 1);
        assert!(file.remove());
        assert!(!path.exists());

        let file = PidFile::write(&path).expect("write");
        std::fs::write(&path, "1").expect("another server");
        assert!(!file.remove());
        assert!(path.exists());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = PidFile::write(Path::new("/nowhere/at/all.pid")).expect_err("no folder");
        assert!(error.to_string().contains("/nowhere/at/all.pid"), "{error}");
        assert_eq!(read_pid(Path::new("/nowhere/at/all.pid")), None);
    }
}
