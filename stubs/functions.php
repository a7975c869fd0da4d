<?php

declare(strict_types=1);

/** The API level, for example "6.2.2"; SWOOLE_EXTRA_VERSION names this project and its version. */
function swoole_version(): string {}

/** How many CPUs are online. */
function swoole_cpu_num(): int {}

/** Why the last call failed: an errno below 500, else a SWOOLE_ERROR_* value; 0: none failed. */
function swoole_last_error(): int {}

/** The errno of the last system call of this process. */
function swoole_errno(): int {}

/**
 * The text of an error.
 *
 * @param int $errno an errno or a SWOOLE_ERROR_* value
 * @param int $error_type SWOOLE_STRERROR_GAI for codes of getaddrinfo(3)
 */
function swoole_strerror(int $errno, int $error_type = 0): string {}

/**
 * Sets what ps shows for this process.
 *
 * @return bool false: the name is too long, or cannot be set here
 */
function swoole_set_process_name(string $process_name): bool {}

/** Makes swoole_last_error() 0. */
function swoole_clear_error(): void {}

/** See Swoole\Event::add(). */
function swoole_event_add(mixed $fd, ?callable $read_callback = null, ?callable $write_callback = null, int $events = 512): int|false {}

/** See Swoole\Event::del(). */
function swoole_event_del(mixed $fd): bool {}

/** See Swoole\Event::set(). */
function swoole_event_set(mixed $fd, ?callable $read_callback = null, ?callable $write_callback = null, int $events = 0): bool {}

/** See Swoole\Event::wait(). */
function swoole_event_wait(): void {}

/** See Swoole\Event::isset(). */
function swoole_event_isset(mixed $fd, int $events = 1536): bool {}

/** See Swoole\Event::dispatch(). */
function swoole_event_dispatch(): bool {}

/** See Swoole\Event::defer(). */
function swoole_event_defer(callable $callback): bool {}

/** See Swoole\Event::cycle(). */
function swoole_event_cycle(?callable $callback, bool $before = false): bool {}

/** See Swoole\Event::write(). */
function swoole_event_write(mixed $fd, string $data): bool {}

/** See Swoole\Event::exit(). */
function swoole_event_exit(): void {}

/** See Swoole\Event::rshutdown(). */
function swoole_event_rshutdown(): void {}

/** See Swoole\Timer::after(). */
function swoole_timer_after(int $ms, callable $callback, mixed ...$params): int|false {}

/** See Swoole\Timer::tick(). */
function swoole_timer_tick(int $ms, callable $callback, mixed ...$params): int|false {}

/** See Swoole\Timer::exists(). */
function swoole_timer_exists(int $timer_id): bool {}

/** See Swoole\Timer::info(). */
function swoole_timer_info(int $timer_id): ?array {}

/** See Swoole\Timer::stats(). */
function swoole_timer_stats(): array {}

/** See Swoole\Timer::list(). */
function swoole_timer_list(): Swoole\Timer\Iterator {}

/** See Swoole\Timer::clear(). */
function swoole_timer_clear(int $timer_id): bool {}

/** See Swoole\Timer::clearAll(). */
function swoole_timer_clear_all(): bool {}
