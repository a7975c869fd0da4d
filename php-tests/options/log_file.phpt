--TEST--
Swoole\Server: log_level, log_date_format; SIGRTMIN opens the log file again
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'log_level' => SWOOLE_LOG_WARNING, 'log_date_format' => 'day %Y']);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, 'x'));
        $server->on('workerError', fn () => $side->event('workerError'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/worker/');
        $die = function (int $id) use ($server): void {
            $server->signal(SIGKILL, $server->workers[$id]);
            $server->expectEvent('workerError');
            $server->expectEvent('workerStart');
        };
        $die(0);
        $line = $server->expectLog('/abnormal exit/');
        check(preg_match('/^\[day \d{4} \$' . $server->manager_pid . '\.0\]\tWARNING\t/', $line) === 1, "the form of the line: {$line}");
        same(1, substr_count($server->log(), "\n"), 'lines: nothing below the level');
        // As logrotate does it.
        rename($server->path('server.log'), $server->path('old.log'));
        $die(1);
        same(2, substr_count(file_get_contents($server->path('old.log')), "\n"), 'lines in the moved file');
        check(!file_exists($server->path('server.log')), 'no new file yet');
        $server->signal(SIGRTMIN);
        // The process that will write the line may be the last to hear of it.
        until(function () use ($server, $die): bool {
            $die(0);
            return str_contains($server->log(), 'abnormal exit');
        }, 'a line in the new file');
    },
);
?>
--EXPECT--
process: ok
base: ok
