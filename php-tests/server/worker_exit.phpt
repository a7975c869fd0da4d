--TEST--
Swoole\Server: workerExit while anything is left, then workerStop, once, in the old worker
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $timer = null;
        $server->on('workerStart', function () use (&$timer): void {
            // What keeps the worker's loop going until workerExit ends it.
            $timer = Swoole\Timer::after(1_000_000, fn () => null);
        });
        $server->on('workerExit', function (Swoole\Server $server, int $id) use ($side, &$timer): void {
            $side->event('end', ['exit', $id, getmypid(), $server->getWorkerStatus()]);
            Swoole\Timer::clear($timer);
        });
        $server->on('workerStop', fn (Swoole\Server $server, int $id)
            => $side->event('end', ['stop', $id, getmypid(), $server->getWorkerStatus()]));
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, 'x'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $old = $server->workers;
        $server->signal(SIGUSR1);
        $seen = [[], []];
        for ($i = 0; $i < 4; $i++) {
            [$what, $id, $pid, $status] = $server->expectEvent('end');
            same([$old[$id], SWOOLE_WORKER_EXIT], [$pid, $status]);
            $seen[$id][] = $what;
        }
        same([['exit', 'stop'], ['exit', 'stop']], $seen);
        for ($i = 0; $i < 2; $i++) {
            $server->expectEvent('workerStart');
        }
        $server->stop();
        $last = $server->events('end');
        same(['exit', 'exit', 'stop', 'stop'], (function (array $names): array {
            sort($names);
            return $names;
        })(array_column($last, 0)));
        check($last[0][0] === 'exit' && end($last)[0] === 'stop', 'the order at the end');
    },
);
?>
--EXPECT--
process: ok
base: ok
