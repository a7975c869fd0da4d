//! Task workers.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Server};
use super::super::settings::MAX_WORKERS;
use super::super::tasks::TaskIpc;
use super::{U32_MAX, store};

const COUNT: Kind = Kind::Int {
    min: 0,
    max: U32_MAX,
};

pub(super) static ROWS: &[Row] = &[
    Row::built(
        "task_worker_num",
        Server,
        Kind::Int {
            min: 0,
            max: MAX_WORKERS as i64,
        },
        "0",
        store!("task", task_worker_num = u32),
        "Number of task workers, processes for work that may block, which onTask runs in. 0 is none; at most 1000 for each CPU are started.",
    ),
    Row::built(
        "task_ipc_mode",
        Server,
        Kind::Int { min: 1, max: 3 },
        "1",
        ("task", |given, value| {
            given.task_ipc = match value.int() {
                2 => TaskIpc::Queue,
                3 => TaskIpc::SharedQueue,
                _ => TaskIpc::Memory,
            };
            Ok(None)
        }),
        "How tasks reach task workers: 1 by shared memory, 2 by a System V message queue, 3 by a System V message queue in which a task is for whichever task worker is free, even if it names one.",
    ),
    Row::built(
        "task_max_request",
        Server,
        COUNT,
        "0",
        store!("task", task_max_request = u32),
        "Number of tasks after which a task worker ends and is replaced. 0 is never.",
    ),
    Row::built(
        "task_max_request_grace",
        Server,
        COUNT,
        "half of task_max_request if that is over 10, else 0",
        store!("task", task_max_request_grace = Some(u32)),
        "Each task worker adds a random number from 1 to this to task_max_request. 0 is none.",
    ),
    Row::built(
        "task_tmpdir",
        Server,
        Kind::Path,
        "/tmp",
        store!("task", task_tmpdir = path),
        "Folder for the data of tasks that are too large for a System V message (about 8 KiB), with task_ipc_mode 2 and 3. With mode 1 data of any size goes through shared memory, and this has no effect.",
    ),
    Row::built(
        "task_enable_coroutine",
        Server,
        Kind::Bool,
        "false",
        store!("task", task_enable_coroutine = bool),
        "Run each task in a coroutine of its own; onTask then gets an object. Needs task_ipc_mode 1.",
    ),
    Row::built(
        "task_object",
        Server,
        Kind::Bool,
        "event_object",
        store!("task", task_object = Some(bool)),
        "onTask gets an object with all values rather than each value as an argument.",
    )
    .aliases(&["task_use_object"]),
    Row::built(
        "message_queue_key",
        Server,
        Kind::Int {
            min: 0,
            max: i64::MAX,
        },
        "0",
        store!("task", message_queue_key = i64),
        "Key of the System V message queue of task_ipc_mode 2 and 3. A queue with a key outlives the server, with the tasks in it. 0 is a queue of this server alone, which goes with it.",
    ),
];
