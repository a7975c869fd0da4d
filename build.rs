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
        Ok(output) if output.status.success() => {}
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
