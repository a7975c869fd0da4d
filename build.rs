//! Stops a build that cannot succeed with one line that says what to do.
//!
//! The checks are in `scripts/check-env`, which the Makefile and the PECL build call as well. They run
//! here for a plain `cargo build`, before the bindings to PHP are made: that step fails with pages.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=scripts/check-env");
    for variable in ["PHP_CONFIG", "LIBCLANG_PATH", "PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    match Command::new("sh").arg("scripts/check-env").output() {
        Ok(output) if output.status.success() => describe_php(),
        Ok(output) => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let line = complaint
                .lines()
                .next()
                .unwrap_or("scripts/check-env failed without a word");
            println!("cargo::error={}", line.trim_start_matches("swoole-rs: "));
        }
        Err(error) => println!("cargo::error=sh, for scripts/check-env, cannot be run: {error}"),
    }
}

/// `cfg(stack_limit)`: this PHP checks the machine stack for overflow (8.3 and later, where the platform
/// lets it). `cfg(stream_knows_buffered)`: a stream's read knows whether something was read before (8.4).
fn describe_php() {
    println!("cargo::rustc-check-cfg=cfg(stack_limit)");
    println!("cargo::rustc-check-cfg=cfg(stream_knows_buffered)");
    let config = std::env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".to_owned());
    let Ok(output) = Command::new(config).arg("--include-dir").output() else {
        return;
    };
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let header = std::fs::read_to_string(format!("{folder}/main/php_config.h"));
    if header.is_ok_and(|text| text.contains("#define ZEND_CHECK_STACK_LIMIT 1")) {
        println!("cargo::rustc-cfg=stack_limit");
    }
    let header = std::fs::read_to_string(format!("{folder}/main/php_streams.h"));
    if header.is_ok_and(|text| text.contains("has_buffered_data:1")) {
        println!("cargo::rustc-cfg=stream_knows_buffered");
    }
}
