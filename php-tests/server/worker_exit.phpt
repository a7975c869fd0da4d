--TEST--
Swoole\Server: workerStop then, if anything is left, workerExit, once or more, in the old worker
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        foreach (['workerStop', 'workerExit'] as $name) {
            $server->on($name, fn (Swoole\Server $server, int $id) => $side->event($name, [$id, getmypid()]));
        }
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, 'x'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $old = $server->workers;
        $server->signal(SIGUSR1);
        $seen = [];
        for ($i = 0; $i < 2; $i++) {
            [$id, $pid] = $server->expectEvent('workerStop');
            same($old[$id], $pid);
        }
        for ($i = 0; $i < 2; $i++) {
            $server->expectEvent('workerStart');
        }
        $server->stop();
        foreach ($server->events('workerExit') as [$id, $pid]) {
            check(is_int($id) && is_int($pid), 'arguments');
        }
        same(2, count($server->events('workerStop')));
    },
);
?>
--EXPECT--
process: ok
base: ok
