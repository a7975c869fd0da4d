--TEST--
swoole_async_set: options of the process, bad values, and the log functions
--FILE--
<?php
$log = __DIR__ . '/process_options.log';
@unlink($log);

function show(callable $f): void
{
    try {
        echo json_encode($f()), "\n";
    } catch (Throwable $e) {
        echo $e::class, ': ', $e->getMessage(), "\n";
    }
}

show(fn () => swoole_async_set([]));
show(fn () => swoole_async_set(['disable_dns_cache' => true, 'dns_lookup_random' => true, 7 => 8]));
show(fn () => swoole_async_set(['socket_timeout' => 5, 'socket_read_timeout' => -1, 'aio_worker_num' => 0, 'thread_num' => PHP_INT_MAX]));
show(fn () => swoole_async_set(['log_level' => 99]));
show(fn () => swoole_async_set(['log_file' => []]));
show(fn () => swoole_async_set(['log_file' => $log, 'log_date_format' => '%Y %']));
show(fn () => swoole_async_set(['aio_max_idle_time' => NAN]));
show(fn () => swoole_async_set('x'));
var_dump(is_file($log));

show(fn () => swoole_async_set(['log_file' => $log, 'log_level' => SWOOLE_LOG_NOTICE, 'log_date_format' => 'D']));
swoole_error_log(SWOOLE_LOG_INFO, 'too low');
swoole_error_log(-1, 'lower still');
swoole_error_log(SWOOLE_LOG_NOTICE, "one\0two\xff");
swoole_error_log(PHP_INT_MAX, 'of no level: as information');
swoole_error_log_ex(SWOOLE_LOG_ERROR, 1234, 'with %s code');
var_dump(swoole_last_error());
swoole_ignore_error(1234);
swoole_ignore_error(1234);
swoole_error_log_ex(SWOOLE_LOG_ERROR, 1234, 'not any more');
swoole_error_log_ex(SWOOLE_LOG_ERROR, PHP_INT_MIN, 'code 0');
echo preg_replace('/@\d+\.0/', '@PID.0', addcslashes(file_get_contents($log), "\0\377"));
for ($code = 5000; $code < 5000 + 1100; $code++) {
    @swoole_ignore_error($code);
}
var_dump(error_get_last()['message']);
unlink($log);

$server = new Swoole\Server('127.0.0.1', 0);
$server->set(['socket_connect_timeout' => 0.5, 'aio_core_worker_num' => 2]);
?>
--EXPECT--
true
true
true
ValueError: option [log_level] is 99: it must be an integer from 0 to 6
TypeError: option [log_file] is an array of 0 items: it must be a path of up to 4095 bytes, without zero bytes
TypeError: option [log_date_format] is "%Y %": it has a % that strftime does not know; write %% for a percent sign
ValueError: option [aio_max_idle_time] is NaN: it must be a number from 0 to 31536000
TypeError: swoole_async_set(): Argument #1 ($settings) must be of type array, string given
bool(false)
true
int(1234)
[D @PID.0]	NOTICE	one\000two�
[D @PID.0]	ERROR	swoole_error_log_ex() (ERRNO 1234): with %s code
[D @PID.0]	ERROR	swoole_error_log_ex() (ERRNO 0): code 0
string(67) "swoole_ignore_error(): no more than 1024 error codes can be ignored"
