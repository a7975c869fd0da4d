//! Forks and signals, in a process with a single thread: a plain `main` runs the tests one by one. Its
//! first argument, if any, selects those whose names contain it.
#![allow(clippy::expect_used)]

#[path = "sys_process_support/threads.rs"]
mod threads;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use swoole_core::net::{Accepted, ListenOptions, Listener, SockType, Stream, WriteOutcome};
use swoole_core::shm::atomic;
use swoole_core::sys::credentials;
use swoole_core::sys::eventfd::EventFd;
use swoole_core::sys::pid_file::{PidFile, read_pid};
use swoole_core::sys::process::{self, ExitStatus, Forked};
use swoole_core::sys::shell;
use swoole_core::sys::signal::{self, SignalInbox, SignalSet};
use swoole_core::sys::socket::{Interest, poll_one};
use swoole_core::sys::{Pid, Signal};

/// A test that hangs ends the whole run after so long.
const LIMIT_S: u32 = 120;

type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    ("ends_are_told_apart", ends_are_told_apart),
    (
        "only_own_children_are_waited_for",
        only_own_children_are_waited_for,
    ),
    (
        "a_joined_thread_does_not_stop_a_fork",
        a_joined_thread_does_not_stop_a_fork,
    ),
    // Before others that have such threads: a process says it once.
    (
        "foreign_threads_are_warned_of_once",
        threads::foreign_threads_are_warned_of_once,
    ),
    (
        "threads_of_a_pool_do_not_stop_a_fork",
        threads::threads_of_a_pool_do_not_stop_a_fork,
    ),
    (
        "a_daemon_takes_over_what_its_caller_made",
        threads::a_daemon_takes_over_what_its_caller_made,
    ),
    ("a_command_is_run_and_reaped", a_command_is_run_and_reaped),
    ("signals_arrive_as_a_set", signals_arrive_as_a_set),
    ("one_inbox_per_process", one_inbox_per_process),
    ("a_fork_separates_signals", a_fork_separates_signals),
    (
        "a_signal_right_after_the_fork_is_kept",
        a_signal_right_after_the_fork_is_kept,
    ),
    (
        "a_child_may_have_an_inbox_of_its_own",
        a_child_may_have_an_inbox_of_its_own,
    ),
    (
        "signals_interrupt_what_is_never_restarted",
        signals_interrupt_what_is_never_restarted,
    ),
    (
        "a_storm_of_signals_loses_no_kind",
        a_storm_of_signals_loses_no_kind,
    ),
    ("threads_share_the_inbox", threads_share_the_inbox),
    ("blocked_signals_wait", blocked_signals_wait),
    (
        "a_dead_peer_raises_no_sigpipe",
        a_dead_peer_raises_no_sigpipe,
    ),
    (
        "running_out_of_descriptors_is_told",
        running_out_of_descriptors_is_told,
    ),
    (
        "the_death_of_the_parent_is_signalled",
        the_death_of_the_parent_is_signalled,
    ),
    (
        "a_daemon_has_no_terminal_and_keeps_descriptors",
        a_daemon_has_no_terminal_and_keeps_descriptors,
    ),
    (
        "identity_is_given_up_for_good",
        identity_is_given_up_for_good,
    ),
    (
        "a_process_with_threads_forks_for_user_code",
        threads::a_process_with_threads_forks_for_user_code,
    ),
    (
        "a_child_forgets_its_parents_handlers",
        a_child_forgets_its_parents_handlers,
    ),
    (
        "a_forked_copy_leaves_the_pid_file",
        a_forked_copy_leaves_the_pid_file,
    ),
    (
        "a_pid_file_in_a_folder_of_others_is_written_in_place",
        a_pid_file_in_a_folder_of_others_is_written_in_place,
    ),
    (
        "an_eventfd_is_shared_with_a_child",
        an_eventfd_is_shared_with_a_child,
    ),
    ("a_zombie_holds_nothing", a_zombie_holds_nothing),
    (
        "a_repeated_request_to_end_is_forgiven_for_a_while",
        a_repeated_request_to_end_is_forgiven_for_a_while,
    ),
];

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(&wanted)) {
        nix::unistd::alarm::set(LIMIT_S);
        // The inbox keeps one descriptor for the life of the process.
        drop(SignalInbox::install(&[]).expect("inbox"));
        let fds = process::open_fd_count();
        test();
        assert_eq!(process::open_fd_count(), fds, "{name} leaves descriptors");
        assert_eq!(process::wait_any(), Ok(None), "{name} leaves children");
        println!("test {name} ... ok");
    }
}

/// Runs `body` in a child; what it returns is the exit code, a panic is 101.
fn child(body: impl FnOnce() -> i32) -> Pid {
    match process::fork().expect("fork") {
        Forked::Parent(pid) => pid,
        Forked::Child => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            process::exit_now(code)
        }
    }
}

fn wait_for(pid: Pid) -> ExitStatus {
    process::wait_for(pid).expect("wait").expect("a child")
}

/// Waits for signals on the descriptor.
fn next_signals(inbox: &SignalInbox) -> SignalSet {
    loop {
        poll_one(inbox, Interest::Read, -1).expect("poll");
        let set = inbox.drain();
        if !set.is_empty() {
            return set;
        }
    }
}

fn is_readable(fd: impl AsFd) -> bool {
    poll_one(fd, Interest::Read, 0).expect("poll").readable
}

fn ends_are_told_apart() {
    let exited = wait_for(child(|| 7));
    assert_eq!((exited.code, exited.signal, exited.raw), (7, 0, 7 << 8));

    let (mut ours, mut theirs) = UnixStream::pair().expect("pair");
    let pid = child(|| theirs.read(&mut [0]).map_or(1, |_| 2));
    assert_eq!(process::wait_any(), Ok(None), "it still runs");
    process::kill(pid, Signal::KILL).expect("kill");
    let killed = wait_for(pid);
    assert_eq!((killed.code, killed.signal), (0, libc::SIGKILL));
    assert!(!process::is_alive(pid));
    let error = process::kill(pid, Signal::TERM).expect_err("gone");
    assert!(
        error.to_string().contains(&format!("SIGTERM to pid {pid}")),
        "{error}"
    );
    ours.write_all(b"x").expect("our end is open");
}

fn only_own_children_are_waited_for() {
    assert_eq!(process::wait_any(), Ok(None));
    assert_eq!(process::wait_for(process::getppid()), Ok(None));
    let mut pids = vec![child(|| 1), child(|| 2), child(|| 3)];
    let mut codes = 0;
    while !pids.is_empty() {
        if let Some((pid, status)) = process::wait_any().expect("wait") {
            pids.retain(|p| *p != pid);
            codes += status.code;
        }
        std::thread::yield_now();
    }
    assert_eq!(codes, 6);
}

fn a_joined_thread_does_not_stop_a_fork() {
    for _ in 0..100 {
        std::thread::spawn(|| ()).join().expect("join");
        assert_eq!(wait_for(child(|| 0)).code, 0);
    }
}

fn signals_arrive_as_a_set() {
    let wanted = [Signal::TERM, Signal::USR1, Signal::rtmin(), Signal::CHLD];
    let inbox = SignalInbox::install(&wanted).expect("inbox");
    assert!(inbox.drain().is_empty());
    for signal in [Signal::rtmin(), Signal::TERM, Signal::TERM] {
        process::kill(process::getpid(), signal).expect("kill");
    }
    assert!(is_readable(&inbox));
    let set = next_signals(&inbox);
    assert!(set.eq([Signal::TERM, Signal::rtmin()]), "{set:?}");
    assert!(!is_readable(&inbox));
    wait_for(child(|| 0));
    assert!(next_signals(&inbox).contains(Signal::CHLD));
}

fn one_inbox_per_process() {
    let error = SignalInbox::install(&[Signal::KILL]).expect_err("SIGKILL");
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    signal::ignore(Signal::USR1).expect("ignore");
    let inbox = SignalInbox::install(&[Signal::USR1]).expect("inbox");
    assert!(SignalInbox::install(&[Signal::USR2]).is_err());
    drop(inbox);
    // Ignored again, as before: it would end this process else.
    process::kill(process::getpid(), Signal::USR1).expect("kill");
    signal::restore_default(Signal::USR1).expect("default");
    let pid = child(|| {
        let _ = process::kill(process::getpid(), Signal::USR1);
        0
    });
    assert_eq!(wait_for(pid).signal, libc::SIGUSR1);
}

fn a_fork_separates_signals() {
    let inbox = SignalInbox::install(&[Signal::TERM, Signal::USR1]).expect("inbox");
    process::kill(process::getpid(), Signal::TERM).expect("kill");
    let (mut ours, mut theirs) = UnixStream::pair().expect("pair");
    let pid = child(|| {
        inbox.reset_after_fork().expect("reset");
        assert!(
            !is_readable(&inbox) && inbox.drain().is_empty(),
            "not the parent's"
        );
        theirs.write_all(b"r").expect("ready");
        i32::from(next_signals(&inbox).contains(Signal::USR1))
    });
    ours.read_exact(&mut [0]).expect("ready");
    assert!(inbox.drain().contains(Signal::TERM), "kept by the parent");
    process::kill(pid, Signal::USR1).expect("kill");
    assert_eq!(wait_for(pid).code, 1);
    assert!(
        !is_readable(&inbox),
        "the child has a descriptor of its own"
    );
    assert!(inbox.drain().is_empty());
}

fn a_signal_right_after_the_fork_is_kept() {
    let inbox = SignalInbox::install(&[Signal::TERM]).expect("inbox");
    for _ in 0..300 {
        let pid = child(|| {
            inbox.reset_after_fork().expect("reset");
            i32::from(next_signals(&inbox).contains(Signal::TERM))
        });
        process::kill(pid, Signal::TERM).expect("kill");
        let status = wait_for(pid);
        assert_eq!((status.code, status.signal), (1, 0));
    }
}

fn a_child_may_have_an_inbox_of_its_own() {
    let inbox = SignalInbox::install(&[Signal::USR1]).expect("inbox");
    let pid = match process::fork().expect("fork") {
        Forked::Parent(pid) => pid,
        Forked::Child => {
            drop(inbox);
            let heard = SignalInbox::install(&[Signal::USR2]).map(|own| {
                let _ = process::kill(process::getpid(), Signal::USR2);
                is_readable(&own)
            });
            process::exit_now(heard.map_or(2, i32::from))
        }
    };
    assert_eq!(wait_for(pid).code, 1);
    assert!(!is_readable(&inbox), "the parent's is another one");
}

fn signals_interrupt_what_is_never_restarted() {
    let inbox = SignalInbox::install(&[Signal::USR1]).expect("inbox");
    let (mut ours, mut theirs) = UnixStream::pair().expect("pair");
    let pid = child(|| {
        assert!(nix::unistd::sleep(3600) > 0);
        theirs.write_all(b"x").expect("tell");
        // This goes on by itself.
        match theirs.read(&mut [0]) {
            Ok(count) => i32::try_from(count).expect("few"),
            Err(_) => 2,
        }
    });
    // Until one falls into the call that it cuts short.
    ours.set_nonblocking(true).expect("nonblocking");
    while ours.read(&mut [0]).is_err() {
        process::kill(pid, Signal::USR1).expect("kill");
        std::thread::yield_now();
    }
    for _ in 0..100 {
        process::kill(pid, Signal::USR1).expect("kill");
        std::thread::yield_now();
    }
    ours.write_all(b"x").expect("write");
    assert_eq!(wait_for(pid).code, 1);
    drop(inbox);
}

fn a_storm_of_signals_loses_no_kind() {
    let kinds = [Signal::USR1, Signal::USR2, Signal::HUP, Signal::rtmin()];
    let inbox = SignalInbox::install(&kinds).expect("inbox");
    let parent = process::getpid();
    let rounds = 500;
    let (mut ours, mut theirs) = UnixStream::pair().expect("pair");
    let pid = child(|| {
        for _ in 0..rounds {
            for kind in kinds {
                process::kill(parent, kind).expect("kill");
            }
            theirs.read_exact(&mut [0]).expect("seen");
        }
        0
    });
    for _ in 0..rounds {
        let mut missing = kinds.to_vec();
        while !missing.is_empty() {
            let set = next_signals(&inbox);
            missing.retain(|kind| !set.contains(*kind));
        }
        ours.write_all(b"s").expect("seen");
    }
    assert_eq!(wait_for(pid).code, 0);
}

fn threads_share_the_inbox() {
    let inbox = SignalInbox::install(&[Signal::USR1]).expect("inbox");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                for _ in 0..1000 {
                    process::kill(process::getpid(), Signal::USR1).expect("kill");
                }
            })
        })
        .collect();
    assert!(next_signals(&inbox).contains(Signal::USR1));
    for thread in threads {
        thread.join().expect("join");
    }
    inbox.drain();
    process::kill(process::getpid(), Signal::USR1).expect("kill");
    assert!(next_signals(&inbox).contains(Signal::USR1));
}

fn blocked_signals_wait() {
    let inbox = SignalInbox::install(&[Signal::USR1]).expect("inbox");
    let guard = signal::block_all().expect("block");
    process::kill(process::getpid(), Signal::USR1).expect("kill");
    assert!(inbox.drain().is_empty());
    drop(guard);
    assert!(inbox.drain().contains(Signal::USR1));
}

fn a_dead_peer_raises_no_sigpipe() {
    let pid = child(|| {
        // The Rust runtime ignores it, PHP does not.
        signal::restore_default(Signal::PIPE).expect("default");
        let (ours, peer) = UnixStream::pair().expect("pair");
        drop(peer);
        let stream = Stream::from(ours);
        let slices = [std::io::IoSlice::new(b"a"), std::io::IoSlice::new(b"b")];
        assert_eq!(stream.write(b"x"), WriteOutcome::Gone(libc::EPIPE));
        assert_eq!(stream.writev(&slices), WriteOutcome::Gone(libc::EPIPE));
        0
    });
    let status = wait_for(pid);
    assert_eq!((status.code, status.signal), (0, 0));
}

fn running_out_of_descriptors_is_told() {
    let listener = Listener::bind(SockType::Tcp, "127.0.0.1", 0).expect("bind");
    listener
        .listen(16, &ListenOptions::default())
        .expect("listen");
    let address = ("127.0.0.1", listener.local_addr().port());
    let client = std::net::TcpStream::connect(address).expect("connect");
    poll_one(&listener, Interest::Read, -1).expect("poll");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    // Nothing at or above this number can be opened, and all below is taken or freed by nobody.
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard).expect("limit");
    let starved = listener.accept();
    let eventfd = EventFd::new();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("limit");
    assert!(
        matches!(
            starved,
            Ok(Accepted::Exhausted {
                errno: libc::EMFILE
            })
        ),
        "{starved:?}"
    );
    let error = eventfd.expect_err("no descriptor");
    assert!(error.to_string().contains("ulimit -n"), "{error}");
    assert!(
        matches!(listener.accept(), Ok(Accepted::Connection(..))),
        "it waited"
    );
    drop(client);
}

fn the_death_of_the_parent_is_signalled() {
    let (mut ours, theirs) = UnixStream::pair().expect("pair");
    let pid = child(|| {
        let (mut here, mut there) = UnixStream::pair().expect("pair");
        child(|| {
            process::set_parent_death_signal(Signal::KILL).expect("set");
            there.write_all(b"r").expect("ready");
            // Never answered: only the signal ends this process.
            (&theirs).read(&mut [0]).map_or(1, |_| 2)
        });
        here.read_exact(&mut [0]).expect("ready");
        0
    });
    assert_eq!(wait_for(pid).code, 0);
    drop(theirs);
    assert_eq!(
        ours.read(&mut [0]).expect("read"),
        0,
        "the grandchild is gone"
    );
}

fn a_daemon_has_no_terminal_and_keeps_descriptors() {
    let (mut ours, mut theirs) = UnixStream::pair().expect("pair");
    let starter = child(|| {
        let before = process::open_fd_count();
        process::daemonize().expect("daemonize");
        assert_eq!(process::open_fd_count(), before);
        let link = |path: &str| {
            std::fs::read_link(path)
                .expect("link")
                .display()
                .to_string()
        };
        let session = nix::unistd::getsid(None).expect("session");
        let leads = session == process::getpid();
        let report = format!(
            "{} {} {leads} {session}",
            link("/proc/self/cwd"),
            link("/proc/self/fd/0")
        );
        theirs.write_all(report.as_bytes()).expect("report");
        0
    });
    drop(theirs);
    assert_eq!(
        wait_for(starter),
        ExitStatus {
            code: 0,
            signal: 0,
            raw: 0
        }
    );
    let mut report = String::new();
    ours.read_to_string(&mut report).expect("report");
    let session = nix::unistd::getsid(None).expect("session").to_string();
    let parts: Vec<&str> = report.split(' ').collect();
    assert_eq!(parts[..3], ["/", "/dev/null", "false"], "{report}");
    assert_ne!(parts[3], session);
}

fn identity_is_given_up_for_good() {
    if !credentials::is_root() {
        let error = credentials::switch_identity(Some("root"), None, None).expect_err("not root");
        assert!(error.to_string().contains("not permitted"), "{error}");
        return;
    }
    let dir = tempfile::tempdir().expect("dir");
    std::fs::write(dir.path().join("inside"), "").expect("file");
    let pid = child(|| {
        let user = nix::unistd::User::from_name("nobody")
            .expect("look up")
            .expect("nobody");
        credentials::switch_identity(Some("nobody"), None, Some(dir.path())).expect("switch");
        assert!(Path::new("/inside").exists() && !Path::new("/etc").exists());
        let ids = nix::unistd::getresuid().expect("ids");
        assert_eq!(
            (ids.real, ids.effective, ids.saved),
            (user.uid, user.uid, user.uid)
        );
        assert_eq!(nix::unistd::getresgid().expect("ids").saved, user.gid);
        assert_eq!(nix::unistd::getgroups().expect("groups"), [user.gid]);
        assert!(!credentials::is_root());
        // Without /proc the number of threads is not known, and forking still works.
        assert_eq!(wait_for(child(|| 5)).code, 5);
        0
    });
    assert_eq!(wait_for(pid).code, 0);
}

fn a_repeated_request_to_end_is_forgiven_for_a_while() {
    // How a child ends that hears SIGTERM once more after the end of its inbox.
    let ends_after = |forgives: bool, pause_ms: u64, by_itself: bool| {
        let (mut told, mut tells) = UnixStream::pair().expect("pair");
        let pid = child(|| {
            let mut inbox = SignalInbox::install(&[Signal::TERM]).expect("inbox");
            if forgives {
                inbox.forgive_repeats();
            }
            process::kill(process::getpid(), Signal::TERM).expect("first");
            assert!(inbox.drain().contains(Signal::TERM));
            drop(inbox);
            std::thread::sleep(std::time::Duration::from_millis(pause_ms));
            if by_itself {
                process::kill(process::getpid(), Signal::TERM).expect("second");
            }
            tells.write_all(b"x").expect("tell");
            tells.read_exact(&mut [0]).expect("go on");
            7
        });
        if !by_itself {
            told.read_exact(&mut [0]).expect("told");
            process::kill(pid, Signal::TERM).expect("second");
            // It may be gone.
            let _ = told.write_all(b"x");
        }
        wait_for(pid)
    };
    let forgiven = ends_after(true, 0, false);
    assert_eq!((forgiven.signal, forgiven.code), (0, 7));
    assert_eq!(ends_after(true, 600, false).signal, libc::SIGTERM);
    assert_eq!(ends_after(true, 0, true).signal, libc::SIGTERM);
    assert_eq!(ends_after(false, 0, false).signal, libc::SIGTERM);
}

fn a_child_forgets_its_parents_handlers() {
    let inbox = SignalInbox::install(&[Signal::TERM, Signal::USR1]).expect("inbox");
    signal::ignore(Signal::USR2).expect("ignore");
    let (mut told, mut tells) = UnixStream::pair().expect("pair");
    let pid = child(|| {
        signal::forget_in_child();
        let own = SignalInbox::install(&[Signal::USR1]).expect("an inbox of its own");
        process::kill(process::getpid(), Signal::USR2).expect("ignored");
        process::kill(process::getpid(), Signal::USR1).expect("caught");
        assert_eq!(own.drain().collect::<Vec<_>>(), [Signal::USR1]);
        tells.write_all(b"x").expect("tell");
        std::thread::sleep(std::time::Duration::from_secs(60));
        1
    });
    told.read_exact(&mut [0]).expect("told");
    process::kill(pid, Signal::TERM).expect("kill");
    assert_eq!(wait_for(pid).signal, libc::SIGTERM);
    assert!(inbox.drain().is_empty(), "the child rang the parent");
    signal::restore_default(Signal::USR2).expect("restore");
}

fn a_forked_copy_leaves_the_pid_file() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("a.pid");
    let file = PidFile::write(&path).expect("write");
    assert_eq!(wait_for(child(|| i32::from(file.remove()))).code, 0);
    assert_eq!(read_pid(&path), Some(process::getpid().as_raw()));
    assert!(file.remove());
}

fn a_pid_file_in_a_folder_of_others_is_written_in_place() {
    use std::os::unix::fs::PermissionsExt;
    if !credentials::is_root() {
        return; // needs a second user
    }
    let dir = tempfile::tempdir().expect("dir");
    let mode = |path: &Path, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).expect("mode");
    };
    let path = dir.path().join("a.pid");
    std::fs::write(&path, "12345678 old").expect("old");
    mode(dir.path(), 0o755);
    mode(&path, 0o666);
    let pid = child(|| {
        credentials::switch_identity(Some("nobody"), None, None).expect("switch");
        let error = PidFile::write(&dir.path().join("b.pid")).expect_err("folder");
        assert_eq!(error.errno, libc::EACCES, "{error}");
        PidFile::write(&path).expect("write");
        0
    });
    assert_eq!(wait_for(pid).code, 0);
    assert_eq!(read_pid(&path), Some(pid.as_raw()));
}

fn an_eventfd_is_shared_with_a_child() {
    let bell = EventFd::new().expect("eventfd");
    let pid = child(|| {
        bell.ring();
        0
    });
    poll_one(&bell, Interest::Read, -1).expect("poll");
    assert!(bell.clear());
    assert!(bell.as_raw_fd() > 2);
    assert_eq!(wait_for(pid).code, 0);
}

fn a_command_is_run_and_reaped() {
    let run = |command: &str, errors| {
        let running = shell::run(command.as_ref(), errors).expect("run");
        let mut output = String::new();
        std::fs::File::from(running.output)
            .read_to_string(&mut output)
            .expect("read");
        let status = wait_for(running.pid);
        (output, status.code, status.signal)
    };
    assert_eq!(run("echo a; exit 3", false), ("a\n".to_owned(), 3, 0));
    assert_eq!(run("echo a; echo b >&2", true), ("a\nb\n".to_owned(), 0, 0));
    assert_eq!(run("kill -9 $$", false), (String::new(), 0, 9));
    let error = shell::run("a\0b".as_ref(), false).expect_err("a NUL");
    assert_eq!(error.errno, libc::EINVAL);
}

fn a_zombie_holds_nothing() {
    let pid = child(|| 0);
    let path = format!("/proc/{}/stat", pid.as_raw());
    while !std::fs::read_to_string(&path)
        .expect("stat")
        .contains(") Z ")
    {
        std::thread::yield_now();
    }
    let holder = u64::try_from(pid.as_raw()).expect("an id");
    assert!(!atomic::is_alive(holder));
    wait_for(pid);
    assert!(!atomic::is_alive(holder));
}
