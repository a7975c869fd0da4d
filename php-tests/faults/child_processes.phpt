--TEST--
Swoole\Server: children that user code forks and that end are no worker errors
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd): void {
            $server->send($fd, trim(shell_exec('echo from a shell')) . ' ' . proc_close(proc_open(['false'], [], $pipes)));
        });
        $server->on('workerError', fn () => $side->event('workerError'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        same('from a shell 1', $server->connect()->send('x')->readSome());
        $server->stop();
        same([], $server->events('workerError'));
    },
);
?>
--EXPECT--
process: ok
base: ok
