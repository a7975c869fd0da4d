//! Service names: objects of the user's (`Swoole\NameResolver`) that look them up before DNS does, and
//! `Swoole\NameResolver\Context`, which remembers what a lookup found.

use super::callback::call_method;
use super::class::*;
use super::convert::{self, bytes_of, return_bytes, set_bool, set_copy};
use super::coroutine;
use super::coroutine_system::names::{Unresolved, resolve_in_coroutine};
use super::ffi::*;
use super::method::{Frame, Stop, Thrown, protect};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::error::{self, codes};
use swoole_core::net::dns::{self, Family, Source};

trampolines! {
    construct => do_construct;
    resolver_add => do_add;
    resolver_remove => do_remove;
    resolver_lookup => do_lookup;
}

/// The registered class.
pub static CONTEXT: Entry = Entry::unset();

/// `Swoole\NameResolver\Context`.
pub static CONTEXT_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\NameResolver\\Context",
    parent: None,
    interfaces: &[],
    methods: &[method(
        c"__construct",
        construct,
        &[opt(c"family", INT, c"2"), opt(c"withPort", BOOL, c"false")],
        Ty::None,
    )],
    properties: &[],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Context>),
    aliases: &[],
    entry: &CONTEXT,
};

const RESOLVER: Ty = Ty::Class(c"Swoole\\NameResolver", 0);

pub static FUNCTIONS: &[MethodDef] = &[
    function(
        c"swoole_name_resolver_add",
        resolver_add,
        &[arg(c"ns", RESOLVER)],
        BOOL,
    ),
    function(
        c"swoole_name_resolver_remove",
        resolver_remove,
        &[arg(c"ns", RESOLVER)],
        BOOL,
    ),
    function(
        c"swoole_name_resolver_lookup",
        resolver_lookup,
        &[
            arg(c"name", STRING),
            arg(c"ctx", Ty::Class(c"Swoole\\NameResolver\\Context", 0)),
        ],
        STRING,
    ),
];

/// What one name was looked up to, for lookups that follow.
#[derive(Debug)]
pub struct Context {
    family: Cell<i64>,
    with_port: Cell<bool>,
    /// Nodes that are left to be tried: an object of `Swoole\NameResolver\Cluster`, of which this owns a
    /// reference; undef: none.
    cluster: Cell<Value>,
}

impl Context {
    /// For a lookup by native code.
    #[must_use]
    pub fn new(family: i32, with_port: bool) -> Context {
        Context {
            family: Cell::new(i64::from(family)),
            with_port: Cell::new(with_port),
            cluster: Cell::new(undef()),
        }
    }

    /// Whether a resolver gave several nodes: another lookup then gives another one.
    #[must_use]
    pub fn has_cluster(&self) -> bool {
        self.cluster.get().is_set()
    }

    /// Releasing may run a destructor of the user's, so nothing may be borrowed here.
    fn set_cluster(&self, new: Value) {
        let mut old = self.cluster.replace(new);
        // SAFETY: the reference that this owned.
        unsafe { zval_ptr_dtor(old.ptr()) };
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.set_cluster(undef());
    }
}

impl Stateful for Context {
    fn initial() -> Option<Rc<Self>> {
        Some(Rc::new(Context::new(libc::AF_INET, false)))
    }

    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

thread_local! {
    /// Objects that look names up, in order; a reference to each is owned here.
    static RESOLVERS: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

/// More are refused: each of them is asked for every name.
const MAX_RESOLVERS: usize = 64;

/// Gives the resolvers back.
pub fn request_shutdown() {
    for mut resolver in RESOLVERS.take() {
        // SAFETY: a reference that the list owned; destructors of objects have run by now.
        unsafe { zval_ptr_dtor(resolver.ptr()) };
    }
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let (mut family, mut with_port) = (i64::from(libc::AF_INET), false);
    parse!(frame, c"|lb", family, with_port)?;
    // SAFETY: `$this` in a method of the class.
    let context = unsafe { object::state::<Context>(frame.this()) };
    let context = context.ok_or_else(Stop::not_constructed)?;
    context.family.set(family);
    context.with_port.set(with_port);
    Ok(())
}

const RESOLVER_CLASS: &[u8] = b"Swoole\\NameResolver";

fn do_add(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut resolver: *mut zval = std::ptr::null_mut();
    parse!(frame, c"o", resolver)?;
    add(resolver)?;
    set_bool(place, true);
    Ok(())
}

/// Adds a resolver behind those there are; an object that is there already stays where it is.
pub fn add(resolver: *mut zval) -> Result<(), Stop> {
    let class = convert::look_up_class(RESOLVER_CLASS)?;
    if class.is_null() {
        return Err(Stop::Warning(
            "Class \"Swoole\\NameResolver\" not found".to_owned(),
        ));
    }
    // SAFETY: callers pass a live object.
    if !unsafe { object::is_a((*resolver).value.obj, class) } {
        return Err(Stop::Warning(
            "the given object is not an instance of Swoole\\NameResolver".to_owned(),
        ));
    }
    RESOLVERS.with_borrow_mut(|resolvers| {
        if resolvers.iter().any(|known| is_same(known, resolver)) {
            return Ok(());
        }
        if resolvers.len() >= MAX_RESOLVERS {
            return Err(Stop::Warning(format!(
                "there are {MAX_RESOLVERS} name resolvers already, and no more are possible"
            )));
        }
        let mut own = undef();
        set_copy(own.place(), resolver);
        resolvers.push(own);
        Ok(())
    })
}

fn is_same(known: &Value, other: *mut zval) -> bool {
    // SAFETY: both hold objects.
    unsafe { known.value.obj == (*other).value.obj }
}

fn do_remove(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut resolver: *mut zval = std::ptr::null_mut();
    parse!(frame, c"o", resolver)?;
    let removed = RESOLVERS.with_borrow_mut(|resolvers| {
        let at = resolvers
            .iter()
            .position(|known| is_same(known, resolver))?;
        Some(resolvers.remove(at))
    });
    set_bool(place, removed.is_some());
    if let Some(mut removed) = removed {
        // SAFETY: the reference that the list owned; the argument holds another one.
        unsafe { zval_ptr_dtor(removed.ptr()) };
    }
    Ok(())
}

fn do_lookup(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut context: *mut zval = std::ptr::null_mut();
    parse!(frame, c"So", name, context)?;
    // SAFETY: an object; its state is asked for only if it is of the class.
    let context = unsafe {
        let given = (*context).value.obj;
        if !object::is_a(given, CONTEXT.get()) {
            return Err(Stop::Throw {
                class: Thrown::TypeError,
                code: 0,
                message: "swoole_name_resolver_lookup(): Argument #2 ($ctx) must be of type \
                          Swoole\\NameResolver\\Context"
                    .to_owned(),
            });
        }
        object::state::<Context>(given).ok_or_else(Stop::not_constructed)?
    };
    let address = match lookup(bytes_of(name), &context)? {
        Some(address) => address,
        None => by_dns(bytes_of(name), &context)?,
    };
    Ok(return_bytes(place, &address)?)
}

/// Asks the resolvers. None: none of them knows the name, which is left to DNS. An empty answer: the name
/// has no address. Enters PHP: borrow nothing.
pub fn lookup(name: &[u8], context: &Context) -> Result<Option<Vec<u8>>, Stop> {
    // The nodes of an earlier lookup come first, until none is left.
    if context.has_cluster() {
        if count(context)? > 0 {
            return pop(context).map(Some);
        }
        context.set_cluster(undef());
    }
    let mut at = 0;
    while let Some(mut resolver) = RESOLVERS.with_borrow(|resolvers| resolvers.get(at).copied()) {
        at += 1;
        let mut own = undef();
        set_copy(own.place(), resolver.ptr());
        let answer = ask(own, name, context);
        // SAFETY: the reference that was taken above, so that a resolver may remove itself.
        unsafe { zval_ptr_dtor(own.ptr()) };
        match answer? {
            Answer::Address(address) => return Ok(Some(address)),
            Answer::Cluster(cluster) => {
                context.set_cluster(cluster);
                let address = pop(context)?;
                if !address.is_empty() {
                    return Ok(Some(address));
                }
                context.set_cluster(undef());
            }
            Answer::Unknown => {}
        }
    }
    Ok(None)
}

enum Answer {
    Address(Vec<u8>),
    /// The caller owns the reference.
    Cluster(Value),
    Unknown,
}

fn ask(resolver: Value, name: &[u8], context: &Context) -> Result<Answer, Stop> {
    let mut argument = undef();
    protect(|| convert::set_bytes(argument.place(), name))?;
    let answer = call_method(resolver, c"lookup", &mut [argument]);
    // SAFETY: the string made above.
    unsafe { zval_ptr_dtor(argument.ptr()) };
    let mut answer = answer?;
    // SAFETY: the value is ours; each union member is read for the type that says so.
    unsafe {
        match u32::from(type_of(answer.ptr())) {
            IS_OBJECT => Ok(Answer::Cluster(answer)),
            IS_STRING => {
                let address = str_bytes(answer.value.str_).to_vec();
                zval_ptr_dtor(answer.ptr());
                Ok(Answer::Address(address))
            }
            // The only node of a cluster.
            IS_ARRAY => {
                let address = node_address(answer.ptr(), context);
                zval_ptr_dtor(answer.ptr());
                Ok(Answer::Address(address))
            }
            _ => {
                zval_ptr_dtor(answer.ptr());
                Ok(Answer::Unknown)
            }
        }
    }
}

fn count(context: &Context) -> Result<i64, Stop> {
    let mut left = call_method(context.cluster.get(), c"count", &mut [])?;
    // SAFETY: the value is ours; the member is read for the type that says so.
    unsafe {
        let count = if u32::from(type_of(left.ptr())) == IS_LONG {
            left.value.lval
        } else {
            0
        };
        zval_ptr_dtor(left.ptr());
        Ok(count)
    }
}

/// The next node as `host` or `host:port`; empty if there is none.
fn pop(context: &Context) -> Result<Vec<u8>, Stop> {
    let mut node = call_method(context.cluster.get(), c"pop", &mut [])?;
    let address = node_address(node.ptr(), context);
    // SAFETY: the value is ours.
    unsafe { zval_ptr_dtor(node.ptr()) };
    Ok(address)
}

/// A node, an array with "host" and "port", as `host` or `host:port`; empty if it is none.
fn node_address(node: *mut zval, context: &Context) -> Vec<u8> {
    let (mut host, mut port) = (None, None);
    // SAFETY: callers pass a live value; each union member is read for the type that says so.
    unsafe {
        if u32::from(type_of(node)) == IS_ARRAY {
            convert::for_each((*node).value.arr, |key, value| {
                let value = deref(value);
                match (key, u32::from(type_of(value))) {
                    (convert::Key::Name(b"host"), IS_STRING) => {
                        host = Some(str_bytes((*value).value.str_).to_vec());
                    }
                    (convert::Key::Name(b"port"), IS_LONG) => port = Some((*value).value.lval),
                    _ => {}
                }
            });
        }
    }
    match (host, port) {
        (Some(host), _) if !context.with_port.get() => host,
        (Some(mut host), Some(port)) => {
            host.extend_from_slice(format!(":{port}").as_bytes());
            host
        }
        _ => Vec::new(),
    }
}

/// The address that the system's resolver knows; outside of a coroutine it blocks. Empty: none, and the last
/// error says why.
fn by_dns(name: &[u8], context: &Context) -> Result<Vec<u8>, Stop> {
    let family = Family::from_number(context.family.get());
    let (Ok(name), Some(family)) = (std::str::from_utf8(name), family) else {
        error::set_last(codes::DNSLOOKUP_UNSUPPORTED);
        return Ok(Vec::new());
    };
    let found = if coroutine::current().is_some() {
        resolve_in_coroutine(name.as_bytes(), family, None)?.map_err(Unresolved::code)
    } else {
        match dns::cached(name, family, Source::System) {
            Some(found) => Ok(found),
            None => dns::lookup(name, family).map_err(|_| codes::DNSLOOKUP_RESOLVE_FAILED),
        }
    };
    Ok(match found {
        Ok(found) => dns::pick(&found).map_or(Vec::new(), |ip| ip.to_string().into_bytes()),
        Err(code) => {
            error::set_last(code);
            Vec::new()
        }
    })
}
