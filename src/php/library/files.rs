//! The classes of the library and the files that they stand in, one class a file.

use std::ffi::CStr;

/// A file of the library.
#[derive(Debug)]
pub struct File {
    /// The class that it declares.
    pub class: &'static str,
    /// The file's name in traces and messages.
    pub path: &'static CStr,
    pub source: &'static str,
}

macro_rules! files {
    ($($class:literal: $path:literal,)*) => {
        &[$(File {
            class: $class,
            path: match CStr::from_bytes_with_nul(concat!("@swoole/library/", $path, "\0").as_bytes()) {
                Ok(path) => path,
                Err(_) => panic!("a path without NUL"),
            },
            source: include_str!($path),
        },)*]
    };
}

pub static FILES: &[File] = files! {
    "Swoole\\ArrayObject": "ArrayObject.php",
    "Swoole\\ConnectionPool": "ConnectionPool.php",
    "Swoole\\Constant": "Constant.php",
    "Swoole\\Coroutine\\Barrier": "Coroutine/Barrier.php",
    "Swoole\\Coroutine\\Http\\ClientProxy": "Coroutine/Http/ClientProxy.php",
    "Swoole\\Coroutine\\Server": "Coroutine/Server.php",
    "Swoole\\Coroutine\\Server\\Connection": "Coroutine/Server/Connection.php",
    "Swoole\\Coroutine\\WaitGroup": "Coroutine/WaitGroup.php",
    "Swoole\\Database\\DetectsLostConnections": "Database/DetectsLostConnections.php",
    "Swoole\\Database\\MysqliConfig": "Database/MysqliConfig.php",
    "Swoole\\Database\\MysqliException": "Database/MysqliException.php",
    "Swoole\\Database\\MysqliPool": "Database/MysqliPool.php",
    "Swoole\\Database\\MysqliProxy": "Database/MysqliProxy.php",
    "Swoole\\Database\\MysqliStatementProxy": "Database/MysqliStatementProxy.php",
    "Swoole\\Database\\ObjectProxy": "Database/ObjectProxy.php",
    "Swoole\\Database\\PDOConfig": "Database/PDOConfig.php",
    "Swoole\\Database\\PDOPool": "Database/PDOPool.php",
    "Swoole\\Database\\PDOProxy": "Database/PDOProxy.php",
    "Swoole\\Database\\PDOStatementProxy": "Database/PDOStatementProxy.php",
    "Swoole\\Database\\RedisConfig": "Database/RedisConfig.php",
    "Swoole\\Database\\RedisPool": "Database/RedisPool.php",
    "Swoole\\Exception\\ArrayKeyNotExists": "Exception/ArrayKeyNotExists.php",
    "Swoole\\Http\\Status": "Http/Status.php",
    "Swoole\\MultibyteStringObject": "MultibyteStringObject.php",
    "Swoole\\NameResolver": "NameResolver.php",
    "Swoole\\NameResolver\\Cluster": "NameResolver/Cluster.php",
    "Swoole\\NameResolver\\Exception": "NameResolver/Exception.php",
    "Swoole\\ObjectProxy": "ObjectProxy.php",
    "Swoole\\Process\\Manager": "Process/Manager.php",
    "Swoole\\Server\\Helper": "Server/Helper.php",
    "Swoole\\StringObject": "StringObject.php",
    "SwooleLibrary": "SwooleLibrary.php",
    "SwooleRs\\Library\\Concurrency": "Concurrency.php",
    "SwooleRs\\Library\\Functions": "Functions.php",
    "SwooleRs\\Library\\Sockets": "Sockets.php",
};

/// Other names of those classes.
pub static ALIASES: &[(&str, &str)] = &[
    ("Co\\Server", "Swoole\\Coroutine\\Server"),
    (
        "Co\\Server\\Connection",
        "Swoole\\Coroutine\\Server\\Connection",
    ),
    ("Co\\WaitGroup", "Swoole\\Coroutine\\WaitGroup"),
    (
        "Swoole\\Process\\ProcessManager",
        "Swoole\\Process\\Manager",
    ),
];
