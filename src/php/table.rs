//! `Swoole\Table`: its making, its counts and its iteration. Rows are in `table_rows`.

use super::class::{self, *};
use super::convert::{Item, bytes_of, return_array, return_bytes, set_bool, set_long, set_null};
use super::ffi::*;
use super::method::{Frame, Stop, protect};
use super::method::{parse, trampolines};
use super::object::{self, Stateful};
use super::table_rows::{self, Name};
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;
use std::sync::OnceLock;
use swoole_core::log;
use swoole_core::shm::table::{self as core_table, Cursor, Kind, RowBuf, SIZES, Spec};

trampolines! {
    construct => do_construct;
    column => do_column;
    create => do_create;
    destroy => do_destroy;
    set => table_rows::do_set;
    get => table_rows::do_get;
    del => table_rows::do_del;
    exists => table_rows::do_exists;
    incr => table_rows::do_incr;
    decr => table_rows::do_decr;
    count => do_count;
    get_size => do_get_size;
    get_memory_size => do_get_memory_size;
    stats => do_stats;
    rewind => do_rewind;
    valid => do_valid;
    next => do_next;
    current => do_current;
    key => do_key;
}

static TABLE: Entry = Entry::unset();

const TYPE_INT: i64 = 1;
const TYPE_FLOAT: i64 = 2;
const TYPE_STRING: i64 = 3;

const KEY: &[ArgDef] = &[arg(c"key", STRING)];
const KEY_COLUMN_BY: &[ArgDef] = &[
    arg(c"key", STRING),
    arg(c"column", STRING),
    opt(c"incrby", INT_OR_FLOAT, c"1"),
];

/// `Swoole\Table`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Table",
    parent: None,
    interfaces: &[
        // SAFETY: the engine's classes, set before any module starts.
        || unsafe { zend_ce_iterator },
        // SAFETY: as above.
        || unsafe { zend_ce_countable },
    ],
    methods: &[
        method(
            c"__construct",
            construct,
            &[
                arg(c"table_size", INT),
                opt(c"conflict_proportion", FLOAT, c"0.2"),
            ],
            Ty::None,
        ),
        method(
            c"column",
            column,
            &[
                arg(c"name", STRING),
                arg(c"type", INT),
                opt(c"size", INT, c"0"),
            ],
            BOOL,
        ),
        method(c"create", create, &[], BOOL),
        method(c"destroy", destroy, &[], BOOL),
        method(
            c"set",
            set,
            &[arg(c"key", STRING), arg(c"value", ARRAY)],
            BOOL,
        ),
        method(
            c"get",
            get,
            &[arg(c"key", STRING), opt(c"field", NULLABLE_STRING, c"NULL")],
            ROW_OR_FIELD,
        ),
        method(c"count", count, &[], INT),
        method(c"del", del, KEY, BOOL),
        method(c"delete", del, KEY, BOOL),
        method(c"exists", exists, KEY, BOOL),
        method(c"exist", exists, KEY, BOOL),
        method(c"incr", incr, KEY_COLUMN_BY, INT_OR_FLOAT),
        method(c"decr", decr, KEY_COLUMN_BY, INT_OR_FLOAT),
        method(c"getSize", get_size, &[], INT),
        method(c"getMemorySize", get_memory_size, &[], INT),
        method(c"stats", stats, &[], ARRAY_OR_FALSE),
        method(c"rewind", rewind, &[], VOID),
        method(c"valid", valid, &[], BOOL),
        method(c"next", next, &[], VOID),
        method(c"current", current, &[], MIXED),
        method(c"key", key, &[], MIXED),
    ],
    properties: &[
        public(c"size", Default::Null),
        public(c"memorySize", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE,
    create: Some(object::create_stateful::<Table>),
    aliases: &[c"swoole_table"],
    entry: &TABLE,
};

/// At module startup, after the class.
pub fn declare_constants() {
    let constants = [
        (c"TYPE_INT", TYPE_INT),
        (c"TYPE_STRING", TYPE_STRING),
        (c"TYPE_FLOAT", TYPE_FLOAT),
    ];
    class::declare_constants(&TABLE, &constants);
}

/// The state of an object. No borrow of a cell is held while PHP code may run.
pub struct Table {
    spec: RefCell<Spec>,
    /// The names of the columns, in their order.
    pub names: RefCell<Rc<Vec<Name>>>,
    table: RefCell<Option<Rc<core_table::Table>>>,
    cursor: RefCell<Cursor>,
    /// Where rows are copied to.
    pub row: RefCell<RowBuf>,
}

impl Stateful for Table {
    fn handlers() -> &'static OnceLock<zend_object_handlers> {
        static HANDLERS: OnceLock<zend_object_handlers> = OnceLock::new();
        &HANDLERS
    }
}

fn any_state(frame: Frame) -> Option<Rc<Table>> {
    // SAFETY: `$this` in a method of the class.
    unsafe { object::state::<Table>(frame.this()) }
}

fn state(frame: Frame) -> Result<Rc<Table>, Stop> {
    any_state(frame).ok_or_else(Stop::not_constructed)
}

/// The object's state and its table, which must have been created.
#[inline]
pub fn ready(frame: Frame) -> Result<(Rc<Table>, Rc<core_table::Table>), Stop> {
    let state = state(frame)?;
    let table = state.table.borrow().clone();
    match table {
        Some(table) => Ok((state, table)),
        None => Err(Stop::Fatal(
            "table is not created or has been destroyed".to_owned(),
        )),
    }
}

fn do_construct(frame: Frame, _: Place<'_>) -> Result<(), Stop> {
    let (mut size, mut conflict_proportion) = (0_i64, core_table::CONFLICT_PROPORTIONS[0]);
    parse!(frame, c"l|d", size, conflict_proportion)?;
    if any_state(frame).is_some() {
        return Err(Stop::error(format!(
            "Constructor of {} can only be called once",
            frame.class_name()
        )));
    }
    // A negative size counts as too large: create() refuses it for want of memory.
    let size = u32::try_from(size).unwrap_or(SIZES[1]);
    let state = Table {
        spec: RefCell::new(Spec::new(size, conflict_proportion)),
        names: RefCell::default(),
        table: RefCell::new(None),
        cursor: RefCell::default(),
        row: RefCell::default(),
    };
    // SAFETY: as in `any_state`.
    unsafe { object::set_state(frame.this(), Rc::new(state)) };
    Ok(())
}

fn do_column(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut kind, mut size) = (0_i64, 0_i64);
    parse!(frame, c"Sl|l", name, kind, size)?;
    let state = state(frame)?;
    let refuse = |why: &str| Err(Stop::Warning(why.to_owned()));
    let kind = match kind {
        TYPE_INT => Kind::Int,
        TYPE_FLOAT => Kind::Float,
        TYPE_STRING if size < 1 => {
            return refuse("the length of string type values has to be more than zero");
        }
        TYPE_STRING => match usize::try_from(size) {
            Ok(max_bytes) if max_bytes <= core_table::MAX_STRING_BYTES => Kind::Str { max_bytes },
            _ => {
                return refuse(&format!(
                    "the length of string type values must not be more than {} bytes",
                    core_table::MAX_STRING_BYTES
                ));
            }
        },
        _ => {
            log::warning("unknown column type");
            set_bool(place, false);
            return Ok(());
        }
    };
    if state.table.borrow().is_some() {
        return refuse("unable to add column after table has been created");
    }
    if state.names.borrow().iter().any(|n| n.is(bytes_of(name))) {
        let name = String::from_utf8_lossy(bytes_of(name));
        return refuse(&format!("column[{name}] exists already"));
    }
    state.spec.borrow_mut().column(kind);
    Rc::make_mut(&mut state.names.borrow_mut()).push(Name::new(name));
    set_bool(place, true);
    Ok(())
}

fn do_create(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let state = state(frame)?;
    if state.table.borrow().is_some() {
        return Err(Stop::Warning("the table has been created".to_owned()));
    }
    let made = state.spec.borrow().create();
    let Some(made) = made else {
        return Err(Stop::Fatal("unable to allocate memory".to_owned()));
    };
    let bytes = made.memory_bytes();
    *state.table.borrow_mut() = Some(Rc::new(made));
    let size = i64::from(state.spec.borrow().size());
    update(frame, c"size", size)?;
    update(
        frame,
        c"memorySize",
        i64::try_from(bytes).unwrap_or(i64::MAX),
    )?;
    set_bool(place, true);
    Ok(())
}

fn update(frame: Frame, name: &'static CStr, value: i64) -> Result<(), Stop> {
    let mut place = undef();
    set_long(place.place(), value);
    protect(|| {
        // SAFETY: a live object; the name is static; the engine copies the value.
        unsafe {
            let len = name.to_bytes().len();
            zend_update_property(TABLE.get(), frame.this(), name.as_ptr(), len, place.ptr());
        }
    })?;
    Ok(())
}

fn do_destroy(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    ready(frame)?;
    // SAFETY: as in `any_state`. Unmaps this process's view; others keep theirs.
    drop(unsafe { object::take_state::<Table>(frame.this()) });
    set_bool(place, true);
    Ok(())
}

fn do_count(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut mode = 0_i64;
    if frame.num_args() != 0 {
        parse!(frame, c"|l", mode)?;
    }
    let rows = any_state(frame).map_or(0, |state| {
        let table = state.table.borrow();
        let rows = table.as_ref().map_or(0, |table| table.count());
        if mode == 0 {
            rows
        } else {
            rows * state.names.borrow().len() as u64
        }
    });
    set_long(place, rows.cast_signed());
    Ok(())
}

fn do_get_size(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let size = any_state(frame).map_or(0, |state| state.spec.borrow().size());
    set_long(place, i64::from(size));
    Ok(())
}

fn do_get_memory_size(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let bytes = any_state(frame).map_or(0, |state| {
        let table = state.table.borrow();
        table.as_ref().map_or(0, |table| table.memory_bytes())
    });
    set_long(place, i64::try_from(bytes).unwrap_or(i64::MAX));
    Ok(())
}

fn do_stats(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let table = any_state(frame).and_then(|state| state.table.borrow().clone());
    let Some(stats) = table.map(|table| table.stats()) else {
        set_bool(place, false);
        return Ok(());
    };
    let items = [
        ("num", stats.rows),
        ("conflict_count", stats.conflicts),
        ("conflict_max_level", stats.longest_chain),
        ("insert_count", stats.inserts),
        ("update_count", stats.updates),
        ("delete_count", stats.deletes),
        ("available_slice_num", stats.spare_rows_left),
        ("total_slice_num", stats.spare_rows),
    ];
    let items = items.map(|(name, count)| (name, Item::Long(count.cast_signed())));
    return_array(place, &items)?;
    Ok(())
}

fn do_rewind(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let (state, table) = ready(frame)?;
    state.cursor.borrow_mut().rewind(&table);
    set_null(place);
    Ok(())
}

fn do_next(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let (state, table) = ready(frame)?;
    state.cursor.borrow_mut().advance(&table);
    set_null(place);
    Ok(())
}

fn do_valid(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let (state, _) = ready(frame)?;
    set_bool(place, state.cursor.borrow().key().is_some());
    Ok(())
}

fn do_key(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let (state, _) = ready(frame)?;
    let cursor = state.cursor.borrow();
    match cursor.key() {
        Some(key) => return_bytes(place, key)?,
        None => set_null(place),
    }
    Ok(())
}

fn do_current(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    parse!(frame, c"")?;
    let (state, table) = ready(frame)?;
    let cursor = state.cursor.borrow();
    if cursor.key().is_none() {
        set_null(place);
        return Ok(());
    }
    table_rows::return_row(place, &state.names.borrow(), &table, cursor.row())
}
