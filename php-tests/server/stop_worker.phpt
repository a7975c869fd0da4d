--TEST--
Swoole\Server::stop(): the calling worker or another ends in order and is replaced; its answer arrives
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $stopped = $data === 'self' ? $server->stop() : $server->stop(1 - $server->worker_id);
            $side->event('stop', [$stopped, $data === 'self' ? $server->worker_id : 1 - $server->worker_id]);
            $server->send($fd, 'still here');
        });
        $server->on('workerStop', fn (Swoole\Server $server, int $id) => $side->event('workerStop', $id));
        return $side->start($server);
    },
    function (TestServer $server): void {
        foreach (['self', 'other'] as $which) {
            $before = $server->workers;
            same('still here', $server->connect()->send($which)->read(10));
            [$stopped, $id] = $server->expectEvent('stop');
            same(true, $stopped);
            same($id, $server->expectEvent('workerStop'));
            $new = $server->expectEvent('workerStart');
            same($id, $new['worker_id']);
            check($new['pid'] !== $before[$id], 'a new process');
        }
        same([], $server->events('workerStop'));
    },
);
?>
--EXPECT--
process: ok
base: ok
