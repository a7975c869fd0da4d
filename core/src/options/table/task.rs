//! Task workers.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Server};
use super::super::settings::MAX_WORKERS;
use super::U32_MAX;

const NEEDS: &str = "task workers";

pub(super) static ROWS: &[Row] = &[
    Row::later(
        "task_worker_num",
        Server,
        Kind::Int {
            min: 0,
            max: MAX_WORKERS as i64,
        },
        "0",
        NEEDS,
        "Number of task workers, processes for work that may block. 0 is none.",
    )
    .quiet_if_empty(),
    Row::later(
        "task_ipc_mode",
        Server,
        Kind::Int { min: 1, max: 3 },
        "1",
        NEEDS,
        "How tasks reach task workers: 1 by shared memory, 2 by a System V message queue, 3 by one that all task workers take from.",
    ),
    Row::later(
        "task_max_request",
        Server,
        Kind::Int {
            min: 0,
            max: U32_MAX,
        },
        "0",
        NEEDS,
        "Number of tasks after which a task worker ends and is replaced. 0 is never.",
    )
    .quiet_if_empty(),
    Row::later(
        "task_max_request_grace",
        Server,
        Kind::Int {
            min: 0,
            max: U32_MAX,
        },
        "half of task_max_request if that is over 10, else 0",
        NEEDS,
        "Each task worker adds a random number from 1 to this to task_max_request. 0 is none.",
    )
    .quiet_if_empty(),
    Row::later(
        "task_tmpdir",
        Server,
        Kind::Path,
        "/tmp",
        NEEDS,
        "Folder for the data of large tasks.",
    ),
    Row::later(
        "task_enable_coroutine",
        Server,
        Kind::Bool,
        "false",
        NEEDS,
        "Run each task in a coroutine of its own; onTask then gets an object.",
    ),
    Row::later(
        "task_object",
        Server,
        Kind::Bool,
        "event_object",
        NEEDS,
        "onTask gets an object with all values rather than each value as an argument.",
    )
    .aliases(&["task_use_object"]),
    Row::later(
        "message_queue_key",
        Server,
        Kind::Int {
            min: 0,
            max: i64::MAX,
        },
        "made from the path of the script",
        NEEDS,
        "Key of the System V message queue of task_ipc_mode 2 and 3.",
    ),
];
