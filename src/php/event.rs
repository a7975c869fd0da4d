//! `Swoole\Event`: descriptors, deferred calls and hooks of the process's event loop.

use super::callback::{self, CallOutcome};
use super::class::*;
use super::convert::{bytes_of, set_bool, set_long, set_null};
use super::event_loop;
use super::ffi::*;
use super::method::{self, Frame, Stop};
use super::method::{parse, trampolines};
use super::owned::{Owned, OwnedCallback};
use super::{coroutine, object, timer};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};
use swoole_core::error::{self, Error, codes};
use swoole_core::reactor::event_loop::{self as core_loop, HookAt, Trigger, WatchId};
use swoole_core::reactor::unsent::Unsent;
use swoole_core::reactor::{Interest, Ready};
use swoole_core::sys::{fd as sys_fd, forks};

trampolines! {
    add => do_add;
    set => do_set;
    del => do_del;
    isset => do_isset;
    write => do_write;
    wait => do_wait;
    rshutdown => do_rshutdown;
    dispatch => do_dispatch;
    exit => do_exit;
    defer => do_defer;
    cycle => do_cycle;
}

static EVENT: Entry = Entry::unset();

const READ: i64 = 512;
const WRITE: i64 = 1024;
/// What `Event::write` keeps for a descriptor that takes no more, in bytes.
const WRITE_BUFFER_MAX_BYTES: usize = 8 << 20;

const ADD: &[ArgDef] = &[
    arg(c"fd", MIXED),
    opt(c"read_callback", NULLABLE_CALLABLE, c"NULL"),
    opt(c"write_callback", NULLABLE_CALLABLE, c"NULL"),
    opt(c"events", INT, c"512"),
];
const SET: &[ArgDef] = &[
    arg(c"fd", MIXED),
    opt(c"read_callback", NULLABLE_CALLABLE, c"NULL"),
    opt(c"write_callback", NULLABLE_CALLABLE, c"NULL"),
    opt(c"events", INT, c"0"),
];
const FD: &[ArgDef] = &[arg(c"fd", MIXED)];
const ISSET: &[ArgDef] = &[arg(c"fd", MIXED), opt(c"events", INT, c"1536")];
const WRITE_ARGS: &[ArgDef] = &[arg(c"fd", MIXED), arg(c"data", STRING)];
const DEFER: &[ArgDef] = &[arg(c"callback", CALLABLE)];
const CYCLE: &[ArgDef] = &[
    arg(c"callback", NULLABLE_CALLABLE),
    opt(c"before", BOOL, c"false"),
];

/// `Swoole\Event`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Event",
    parent: None,
    interfaces: &[],
    methods: &[
        static_method(c"add", add, ADD, INT_OR_FALSE),
        static_method(c"del", del, FD, BOOL),
        static_method(c"set", set, SET, BOOL),
        static_method(c"isset", isset, ISSET, BOOL),
        static_method(c"dispatch", dispatch, &[], BOOL),
        static_method(c"defer", defer, DEFER, BOOL),
        static_method(c"cycle", cycle, CYCLE, BOOL),
        static_method(c"write", write, WRITE_ARGS, BOOL),
        static_method(c"wait", wait, &[], VOID),
        static_method(c"rshutdown", rshutdown, &[], VOID),
        static_method(c"exit", exit, &[], VOID),
    ],
    properties: &[],
    flags: 0,
    create: Some(object::create_denied),
    aliases: &[],
    entry: &EVENT,
};

/// The same as functions.
pub static FUNCTIONS: &[MethodDef] = &[
    function(c"swoole_event_add", add, ADD, INT_OR_FALSE),
    function(c"swoole_event_del", del, FD, BOOL),
    function(c"swoole_event_set", set, SET, BOOL),
    function(c"swoole_event_wait", wait, &[], VOID),
    function(c"swoole_event_isset", isset, ISSET, BOOL),
    function(c"swoole_event_dispatch", dispatch, &[], BOOL),
    function(c"swoole_event_defer", defer, DEFER, BOOL),
    function(c"swoole_event_cycle", cycle, CYCLE, BOOL),
    function(c"swoole_event_write", write, WRITE_ARGS, BOOL),
    function(c"swoole_event_exit", exit, &[], VOID),
    function(c"swoole_event_rshutdown", rshutdown, &[], VOID),
];

/// A descriptor that user code watches.
#[derive(Debug)]
struct Watched {
    fd: RawFd,
    /// What the user gave: it is what callbacks get, and keeps a stream from being closed.
    given: Owned,
    on_read: RefCell<Option<Rc<OwnedCallback>>>,
    on_write: RefCell<Option<Rc<OwnedCallback>>>,
    events: Cell<i64>,
    unsent: RefCell<Unsent>,
    id: Cell<Option<WatchId>>,
}

/// The watched descriptors of this process (see [`forks::generation`]).
#[derive(Default)]
struct Table {
    generation: u64,
    /// They belong to the loop, and go when it lets them go.
    by_fd: HashMap<RawFd, Weak<Watched>>,
}

thread_local! {
    /// Not dropped with the thread: PHP is gone by then (see [`request_shutdown`]).
    static TABLE: ManuallyDrop<RefCell<Table>> = ManuallyDrop::default();
}

fn with_table<R>(f: impl FnOnce(&mut HashMap<RawFd, Weak<Watched>>) -> R) -> R {
    TABLE.with(|table| {
        let table = &mut *table.borrow_mut();
        if table.generation != forks::generation() {
            table.by_fd = HashMap::new();
            table.generation = forks::generation();
        }
        f(&mut table.by_fd)
    })
}

/// Forgets what the loop has let go.
pub fn forget_gone() {
    with_table(|table| table.retain(|_, watched| watched.strong_count() > 0));
}

/// The watch of a descriptor, if the loop still has it.
fn find(fd: RawFd) -> Option<Rc<Watched>> {
    let watched = with_table(|table| table.get(&fd)?.upgrade())?;
    let event_loop = core_loop::existing()?;
    (watched.id.get().is_some() && event_loop.find(fd) == watched.id.get()).then_some(watched)
}

impl Watched {
    /// What the kernel is asked for: the user's events, and room for what is not sent yet.
    fn interest(&self) -> Interest {
        let events = self.events.get();
        let unsent = !self.unsent.borrow().is_empty();
        let read = (events & READ != 0).then_some(Interest::READABLE);
        let write = (events & WRITE != 0 || unsent).then_some(Interest::WRITABLE);
        match (read, write) {
            (Some(read), Some(write)) => read | write,
            (Some(one), None) | (None, Some(one)) => one,
            // Nothing is wanted: only errors are told.
            (None, None) => Interest::PRIORITY,
        }
    }

    fn update(&self) -> Result<(), Error> {
        let (Some(event_loop), Some(id)) = (core_loop::existing(), self.id.get()) else {
            return Ok(());
        };
        event_loop
            .change(id, self.interest())
            .map_err(|error| Error::os("epoll_ctl", format!("fd {}", self.fd), &error))
    }

    /// Whether the stream that the user gave, or the descriptor, has been closed.
    fn is_closed(&self) -> bool {
        let mut given = self.given.view();
        // SAFETY: a value that lives; a resource that has been closed has no kind any more.
        let stream_closed = unsafe {
            u32::from(type_of(given.ptr())) == IS_RESOURCE && (*given.value.res).type_ < 0
        };
        stream_closed || !sys_fd::is_open(self.fd)
    }

    fn on_ready(self: &Rc<Self>, ready: Ready) {
        let gone = ready.error || ready.read_closed || ready.write_closed;
        if (ready.writable || gone) && !self.unsent.borrow().is_empty() {
            self.flush();
        }
        let events = self.events.get();
        let wants_read = events & READ != 0;
        if wants_read && (ready.readable || gone) {
            self.call(&self.on_read);
        }
        // The first callback may have removed or changed the watch.
        let is_current = || find(self.fd).is_some_and(|w| Rc::ptr_eq(&w, self));
        let events = self.events.get();
        if events & WRITE != 0 && (ready.writable || (gone && !wants_read)) && is_current() {
            self.call(&self.on_write);
        }
    }

    fn call(&self, which: &RefCell<Option<Rc<OwnedCallback>>>) {
        let callback = which.borrow().clone();
        if let Some(callback) = callback {
            event_loop::call(callback.callback(), &[self.given.view()]);
        }
    }

    /// Sends what `Event::write` left.
    fn flush(&self) {
        let mut unsent = self.unsent.borrow_mut();
        unsent.flush(self.fd);
        if unsent.is_empty() {
            drop(unsent);
            // It stays watched for what the user wants; a failure shows with the next event.
            let _ = self.update();
        }
    }
}

/// A callback argument that may be null or left out.
fn callback_arg(frame: Frame, index: usize) -> Result<Option<Rc<OwnedCallback>>, Stop> {
    match frame.arg(index) {
        // SAFETY: a live argument.
        Some(value) if u32::from(unsafe { type_of(value) }) != IS_NULL => {
            Ok(Some(Rc::new(OwnedCallback::new(value)?)))
        }
        _ => Ok(None),
    }
}

fn missing(which: &str, fd: RawFd) -> Stop {
    Stop::Warning(format!(
        "Swoole\\Event: unable to find {which} callback of fd [{fd}]"
    ))
}

/// Reads fd, the two callbacks and the events.
fn read_watch_args(frame: Frame, default: i64) -> Result<(*mut zval, i64), Stop> {
    let mut given: *mut zval = std::ptr::null_mut();
    let (mut on_read, mut on_write) = (std::ptr::null_mut::<zval>(), std::ptr::null_mut::<zval>());
    let mut events = default;
    parse!(frame, c"z|z!z!l", given, on_read, on_write, events)?;
    Ok((given, events))
}

fn do_add(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (given, events) = read_watch_args(frame, READ)?;
    let event_loop = event_loop::ready()?;
    let fd = event_loop::descriptor(given)?;
    if fd == 0 && events & WRITE != 0 {
        return Err(Stop::Warning(format!("invalid socket fd [{fd}]")));
    }
    if let Some(known) = find(fd) {
        if known.update().is_ok() {
            return Err(Stop::Warning("already exist".to_owned()));
        }
        // It was closed without del(), and its number has come again.
        forget(&known);
    }
    if events & (READ | WRITE) == 0 {
        return Err(Stop::Warning("invalid events".to_owned()));
    }
    let (on_read, on_write) = (callback_arg(frame, 1)?, callback_arg(frame, 2)?);
    if events & READ != 0 && on_read.is_none() {
        return Err(missing("readable", fd));
    }
    if events & WRITE != 0 && on_write.is_none() {
        return Err(missing("writable", fd));
    }
    let watched = Rc::new(Watched {
        fd,
        given: Owned::new(given),
        on_read: RefCell::new(on_read),
        on_write: RefCell::new(on_write),
        events: Cell::new(events),
        unsent: RefCell::default(),
        id: Cell::new(None),
    });
    let for_loop = Rc::clone(&watched);
    let id = event_loop.watch(
        fd,
        watched.interest(),
        Trigger::Level,
        Rc::new(move |ready| for_loop.on_ready(ready)),
    );
    let id = id.map_err(|error| cannot_watch(fd, &error))?;
    if let Err(error) = sys_fd::set_nonblocking_raw(fd, true) {
        event_loop.unwatch(id);
        return Err(cannot_watch(
            fd,
            &std::io::Error::from_raw_os_error(error.errno),
        ));
    }
    watched.id.set(Some(id));
    with_table(|table| table.insert(fd, Rc::downgrade(&watched)));
    event_loop.set_hook(HookAt::Idle, Some(Rc::new(drop_closed)));
    set_long(place, i64::from(fd));
    Ok(())
}

/// When the loop of a script has become idle: descriptors that were closed without del() never have news
/// again, and would keep it alive for ever.
fn drop_closed() {
    let mut all: Vec<Rc<Watched>> =
        with_table(|table| table.values().filter_map(Weak::upgrade).collect());
    all.sort_by_key(|watched| watched.fd);
    for watched in all {
        if !watched.is_closed()
            || find(watched.fd).is_none_or(|found| !Rc::ptr_eq(&found, &watched))
        {
            continue;
        }
        forget(&watched);
        let text = format!(
            "fd [{}] was closed without Swoole\\Event::del(): it is watched no more",
            watched.fd
        );
        // A handler of errors may throw, which nobody can catch here.
        let told = method::docref(E_WARNING, &text)
            .and_then(|()| method::protect(callback::take_exception));
        callback::coroutine_ended(told.unwrap_or(CallOutcome::Bailout));
    }
}

fn cannot_watch(fd: RawFd, error: &std::io::Error) -> Stop {
    let errno = error.raw_os_error().unwrap_or(0);
    error::set_last(errno);
    let why = match errno {
        libc::EPERM => {
            "a regular file is always ready and cannot be waited for: read it directly, \
                        or with Swoole\\Coroutine\\System::readFile()"
                .to_owned()
        }
        libc::EEXIST => "it is waited for already, by a coroutine or a client".to_owned(),
        _ => error.to_string(),
    };
    Stop::Warning(format!("swoole_event_add failed: fd [{fd}]: {why}"))
}

fn not_found(fd: RawFd) -> Stop {
    Stop::Warning(format!("socket[{fd}] is not found in the reactor"))
}

fn need_loop(method: &str) -> Result<(), Stop> {
    match core_loop::existing() {
        Some(_) => Ok(()),
        None => Err(Stop::Warning(format!(
            "reactor is not ready, cannot call swoole_event_{method}"
        ))),
    }
}

fn do_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (given, events) = read_watch_args(frame, 0)?;
    need_loop("set")?;
    let fd = event_loop::descriptor(given)?;
    let watched = find(fd).ok_or_else(|| not_found(fd))?;
    let (on_read, on_write) = (callback_arg(frame, 1)?, callback_arg(frame, 2)?);
    let former = (
        on_read.and_then(|new| watched.on_read.replace(Some(new))),
        on_write.and_then(|new| watched.on_write.replace(Some(new))),
    );
    drop(former);
    if events & READ != 0 && watched.on_read.borrow().is_none() {
        return Err(missing("readable", fd));
    }
    if events & WRITE != 0 && watched.on_write.borrow().is_none() {
        return Err(missing("writable", fd));
    }
    if events & (READ | WRITE) != 0 {
        watched.events.set(events & (READ | WRITE));
    }
    watched.update()?;
    set_bool(place, true);
    Ok(())
}

fn forget(watched: &Watched) {
    with_table(|table| table.remove(&watched.fd));
    if let (Some(event_loop), Some(id)) = (core_loop::existing(), watched.id.take()) {
        event_loop.unwatch(id);
    }
}

fn do_del(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut given: *mut zval = std::ptr::null_mut();
    parse!(frame, c"z", given)?;
    need_loop("del")?;
    let fd = event_loop::descriptor(given)?;
    let Some(watched) = find(fd) else {
        set_bool(place, false);
        return Ok(());
    };
    forget(&watched);
    set_bool(place, true);
    Ok(())
}

fn do_isset(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut given: *mut zval = std::ptr::null_mut();
    let mut events = READ | WRITE;
    parse!(frame, c"z|l", given, events)?;
    if core_loop::existing().is_none() {
        set_bool(place, false);
        return Ok(());
    }
    let fd = event_loop::descriptor(given)?;
    let is_set = find(fd).is_some_and(|watched| watched.events.get() & events != 0);
    set_bool(place, is_set);
    Ok(())
}

fn do_write(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut given: *mut zval = std::ptr::null_mut();
    let mut data: *mut zend_string = std::ptr::null_mut();
    parse!(frame, c"zS", given, data)?;
    let data = bytes_of(data);
    if data.is_empty() {
        return Err(Stop::Warning("data empty".to_owned()));
    }
    let fd = event_loop::descriptor(given)?;
    let watched = find(fd).ok_or_else(|| not_found(fd))?;
    let mut unsent = watched.unsent.borrow_mut();
    // All of it or nothing: what does not fit is refused before the first byte is sent.
    if unsent.len() + data.len() > WRITE_BUFFER_MAX_BYTES {
        error::set_last(if unsent.is_empty() {
            codes::PACKAGE_LENGTH_TOO_LARGE
        } else {
            codes::OUTPUT_BUFFER_OVERFLOW
        });
        return Err(Stop::Warning(format!(
            "fd [{fd}]: {} bytes wait to be sent, {} more do not fit into {WRITE_BUFFER_MAX_BYTES}: \
             write smaller pieces, and on when it is writable",
            unsent.len(),
            data.len()
        )));
    }
    unsent
        .send(fd, data)
        .map_err(|error| Error::os("write", format!("fd {fd}"), &error))?;
    let waits = !unsent.is_empty();
    drop(unsent);
    if waits {
        watched.update()?;
    }
    set_bool(place, true);
    Ok(())
}

fn do_wait(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    if coroutine::current().is_some() && core_loop::existing().is_some() {
        return Err(Stop::Fatal(
            "Unable to call Event::wait() in coroutine".to_owned(),
        ));
    }
    event_loop::wait()?;
    set_null(place);
    Ok(())
}

fn do_rshutdown(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    event_loop::at_the_end()?;
    set_null(place);
    Ok(())
}

fn do_dispatch(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let Some(event_loop) = core_loop::existing() else {
        set_bool(place, false);
        return Ok(());
    };
    if event_loop.is_running() || swoole_core::server::current().is_some() {
        return Err(Stop::Warning(
            "the event loop is running already: dispatch() is for scripts that turn it themselves"
                .to_owned(),
        ));
    }
    // exit() ends a loop that runs; one that is turned by hand goes on.
    event_loop.take_exit();
    // With nothing to wait for it would wait for ever.
    let limit = (!event_loop.has_work()).then_some(std::time::Duration::ZERO);
    event_loop
        .turn(limit, |_| {})
        .map_err(|error| Stop::Fatal(format!("reactor wait failed: {error}")))?;
    event_loop::hand_over()?;
    set_bool(place, true);
    Ok(())
}

fn do_exit(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    if let Some(event_loop) = core_loop::existing() {
        timer::clear_all();
        event_loop.exit();
    }
    set_null(place);
    Ok(())
}

/// The one callable argument, not null.
fn required_callback(frame: Frame) -> Result<Rc<OwnedCallback>, Stop> {
    let (mut fci, mut fcc) = method::callable_places();
    parse!(frame, c"f", fci, fcc)?;
    callback_arg(frame, 0)?.ok_or(Stop::Thrown)
}

fn do_defer(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let callback = required_callback(frame)?;
    let event_loop = event_loop::ready()?;
    event_loop.defer(Box::new(move || {
        event_loop::call(callback.callback(), &[]);
    }));
    set_bool(place, true);
    Ok(())
}

fn do_cycle(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut callback: *mut zval = std::ptr::null_mut();
    let mut before = false;
    parse!(frame, c"z|b", callback, before)?;
    let callback = callback_arg(frame, 0)?;
    let event_loop = event_loop::ready()?;
    let at = if before {
        HookAt::BeforeWait
    } else {
        HookAt::TurnEnd
    };
    let removes = callback.is_none();
    let hook = callback.map(|callback| {
        let call = move || {
            event_loop::call(callback.callback(), &[]);
        };
        Rc::new(call) as Rc<dyn Fn()>
    });
    let had = event_loop.set_hook(at, hook);
    set_bool(place, had || !removes);
    Ok(())
}
