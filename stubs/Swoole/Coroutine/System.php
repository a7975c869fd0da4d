<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** Files, names, processes, signals and descriptors: what waits holds up only the coroutine that calls it. */
class System
{
    /**
     * The address of a host, from the system's resolver; answers are kept (dns_cache_expire).
     *
     * @param int $type AF_INET or AF_INET6
     * @param float $timeout seconds; 0 and less: without limit
     * @return string|false false: it has none, the time is over, or it was canceled: see swoole_last_error()
     */
    public static function gethostbyname(string $domain_name, int $type = 2, float $timeout = -1): string|false {}

    /**
     * The address of a host, from a DNS server (those of the system, or the option dns_server); answers are
     * kept (dns_cache_refresh_time).
     *
     * @param float $timeout seconds
     * @param int $type AF_INET or AF_INET6
     * @return string|false false: it has none, no server answers, or it was canceled
     */
    public static function dnsLookup(string $domain_name, float $timeout = 60, int $type = 2): string|false {}

    /**
     * Runs a command of the shell.
     *
     * @param bool $get_error_stream what it writes to its standard error is in the output, too
     * @return array|false "code", "signal" and "output"; false: it cannot be run, or the wait was canceled
     */
    public static function exec(string $command, bool $get_error_stream = false): array|false {}

    /**
     * Leaves the running coroutine for so many seconds, 0.001 at least.
     *
     * @return bool false: it was canceled
     */
    public static function sleep(float $seconds): bool {}

    /**
     * All addresses of a host, from the system's resolver.
     *
     * @param float $timeout seconds; 0 and less: without limit
     * @return array|bool false: there are none (swoole_strerror(swoole_last_error(), SWOOLE_STRERROR_GAI) tells
     * why), the time is over, or it was canceled
     */
    public static function getaddrinfo(string $domain, int $family = 2, int $socktype = 1, int $protocol = 6, ?string $service = null, float $timeout = -1): array|bool {}

    /** What a file system says about itself, as statvfs(3) names it; false: there is no such path. */
    public static function statvfs(string $path): array|false {}

    /**
     * The content of a file.
     *
     * @param int $flag LOCK_EX: under a shared lock of flock(2)
     * @return string|false false: it cannot be read: see swoole_last_error()
     */
    public static function readFile(string $filename, int $flag = 0): string|false {}

    /**
     * Writes a file; symbolic links are not followed.
     *
     * @param int $flags FILE_APPEND: behind what is there; LOCK_EX: under the lock of flock(2)
     * @return int|false the number of bytes; false: it cannot be written: see swoole_last_error()
     */
    public static function writeFile(string $filename, string $fileContent, int $flags = 0): int|false {}

    /**
     * Waits for the end of a child process, whichever.
     *
     * @param float $timeout seconds; 0 and less: without limit
     * @return array|false "pid", "code" and "signal"; false: there is none, the time is over, or it was canceled
     */
    public static function wait(float $timeout = -1): array|false {}

    /** wait() for one child; -1: for any. */
    public static function waitPid(int $pid, float $timeout = -1): array|false {}

    /**
     * Waits for one of some signals, SIGCHLD not among them.
     *
     * @param float $timeout seconds; 0 and less: without limit
     * @return int|false the signal; false: the time is over, it was canceled, or Process::signal() is in use
     */
    public static function waitSignal(array|int $signals, float $timeout = -1): int|false {}

    /**
     * Waits until a descriptor is ready.
     *
     * @param mixed $socket a number, a stream, or an object with a descriptor
     * @param int $events SWOOLE_EVENT_READ, SWOOLE_EVENT_WRITE or both
     * @param float $timeout seconds; 0: looks without waiting; less: without limit
     * @return int|false the events; false: the time is over, it was canceled, or it cannot be waited for
     */
    public static function waitEvent(mixed $socket, int $events = SWOOLE_EVENT_READ, float $timeout = -1): int|false {}

    /**
     * Reads from a stream.
     *
     * @param int $length bytes; 0: all that is left of a file
     * @return string|false empty: the end; false: it failed, took too long, or was canceled
     */
    public static function fread($handle, int $length = 0): string|false {}

    /**
     * Writes to a stream.
     *
     * @param int $length of the data's bytes; 0: all
     * @return int|false the number of bytes
     */
    public static function fwrite($handle, string $data, int $length = 0): int|false {}

    /** Reads a line, its end included, of 8192 bytes at most; empty: the end. */
    public static function fgets($handle): string|false {}
}
