//! Module entry of the `swoole` PHP extension.
