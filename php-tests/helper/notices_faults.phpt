--TEST--
test_server() itself: it notices what a server must not leave or say
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

/** A stand-in for a server: no Swoole in it, so that the helper alone is tested. */
function fake(ServerSide $side, callable $body): void
{
    $side->event('starting', ['worker_num' => 1]);
    pcntl_async_signals(true);
    pcntl_signal(SIGTERM, fn () => exit(0));
    $body();
    $side->event('workerStart', ['worker_id' => 0, 'pid' => getmypid(), 'parent' => posix_getppid()]);
    for (;;) {
        sleep(100);
    }
}
$idle = function (TestServer $server): void {
};

echo "-- nothing wrong\n";
test_server(fn (ServerSide $side) => fake($side, function () {
}), $idle, [SWOOLE_BASE]);

echo "-- log\n";
test_server(fn (ServerSide $side) => fake($side, fn () => file_put_contents($side->log_file, "[x #1.0]\tERROR\tbad\n[x #1.0]\tINFO\tfine\n")),
    $idle, [SWOOLE_BASE]);

echo "-- expected log\n";
test_server(fn (ServerSide $side) => fake($side, fn () => file_put_contents($side->log_file, "[x #1.0]\tERROR\tbad\n")),
    fn (TestServer $server) => $server->expectLog('/ERROR\tbad/'), [SWOOLE_BASE]);

echo "-- output\n";
test_server(fn (ServerSide $side) => fake($side, function () {
    echo "noise\n";
}), $idle, [SWOOLE_BASE]);

echo "-- process left\n";
test_server(fn (ServerSide $side) => fake($side, function () {
    if (pcntl_fork() === 0) {
        posix_setsid();
        pcntl_signal(SIGTERM, SIG_IGN);
        for (;;) {
            sleep(100);
        }
    }
}), function (TestServer $server): void {
    same(2, count($server->processes()));
    $server->signal(SIGTERM);
    $server->expectExit(timeout_s: 0.2);
}, [SWOOLE_BASE]);

echo "-- exit status\n";
test_server(fn (ServerSide $side) => fake($side, fn () => pcntl_signal(SIGTERM, fn () => exit(3))), $idle, [SWOOLE_BASE]);

echo "-- killed\n";
test_server(fn (ServerSide $side) => fake($side, function () {
}), function (TestServer $server): void {
    $server->signal(SIGKILL);
    $server->expectExit(signal: SIGKILL);
}, [SWOOLE_BASE]);

echo "-- dead before it served\n";
test_server(function (ServerSide $side): void {
    exit(1);
}, $idle, [SWOOLE_BASE]);
?>
--EXPECTF--
-- nothing wrong
base: ok
-- log
base: FAILED: unexpected log line: [x #1.0]	ERROR	bad
%A
-- expected log
base: ok
-- output
base: FAILED: unexpected output: noise
%A
-- process left
base: FAILED: waited in vain for: the end of all processes of the server
%A
-- exit status
base: FAILED: exit status of the server: expected 0, got 3
%A
-- killed
base: ok
-- dead before it served
base: FAILED: the server ended without the event starting
%A
