//! Stops a build that cannot succeed with one line that says what to do.
//!
//! The checks are in `scripts/check-env`, which the Makefile and the PECL build call as well. They run
//! here for a plain `cargo build`, before the bindings to PHP are made: that step fails with pages.

use std::error::Error;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=scripts/check-env");
    for variable in ["PHP_CONFIG", "LIBCLANG_PATH", "PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    match Command::new("sh").arg("scripts/check-env").output() {
        Ok(output) if output.status.success() => {
            describe_php();
            if let Err(error) = bind_basic_globals() {
                println!("cargo::error=PHP's headers cannot be read: {error}");
            }
        }
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
    let Ok(folder) = php_config("--include-dir") else {
        return;
    };
    let header = std::fs::read_to_string(format!("{folder}/main/php_config.h"));
    if header.is_ok_and(|text| text.contains("#define ZEND_CHECK_STACK_LIMIT 1")) {
        println!("cargo::rustc-cfg=stack_limit");
    }
    let header = std::fs::read_to_string(format!("{folder}/main/php_streams.h"));
    if header.is_ok_and(|text| text.contains("has_buffered_data:1")) {
        println!("cargo::rustc-cfg=stream_knows_buffered");
    }
}

/// What php-config says.
fn php_config(option: &str) -> std::io::Result<String> {
    let config = std::env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".to_owned());
    let output = Command::new(config).arg(option).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Writes `basic_globals.rs`: where the members of `php_basic_globals` are, which is not the same in each PHP.
fn bind_basic_globals() -> Result<(), Box<dyn Error>> {
    let includes = php_config("--includes")?;
    let bindings = bindgen::builder()
        .header_contents(
            "basic_globals.h",
            "#include <php.h>\n#include <ext/standard/basic_functions.h>\n",
        )
        .clang_args(includes.split_whitespace())
        .allowlist_type("_php_basic_globals")
        .formatter(bindgen::Formatter::None)
        .generate()?;
    let folder = std::env::var("OUT_DIR")?;
    bindings.write_to_file(Path::new(&folder).join("basic_globals.rs"))?;
    Ok(())
}
