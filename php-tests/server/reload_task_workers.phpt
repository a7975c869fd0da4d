--TEST--
Swoole\Server: reload of task workers where there are none says so and does nothing
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, (string) getmypid()));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $before = $server->connect()->send('x')->readSome();
        $server->signal(SIGUSR2);
        $server->expectLog('/cannot reload task worker/');
        check(in_array((int) $server->connect()->send('x')->readSome(), $server->workers, true), 'the same workers');
        same([], $server->events('workerStart'));
    },
);
?>
--EXPECT--
process: ok
base: ok
