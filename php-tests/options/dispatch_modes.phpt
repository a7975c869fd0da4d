--TEST--
Swoole\Server: dispatch_mode 1, 2, 3 and 4: who gets what; connect and close only where they make sense
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

foreach ([[1, false], [1, true], [2, false], [3, false], [3, true], [4, false]] as [$mode, $unsafe]) {
    test_server(
        function (ServerSide $side) use ($mode, $unsafe): bool {
            $server = $side->server(['worker_num' => 3, 'dispatch_mode' => $mode, 'enable_unsafe_event' => $unsafe]);
            foreach (['connect', 'close'] as $name) {
                $server->on($name, fn (Swoole\Server $server, int $fd) => $side->event($name, $fd));
            }
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
                $side->event('receive', [$fd, $server->worker_id, $data]);
                $server->send($fd, 'x');
                if ($data === 'hold') {
                    for ($i = 0; !file_exists($side->path('go on')) && $i < 10_000; $i++) {
                        usleep(1000);
                    }
                    $side->event('held');
                }
            });
            return $side->start($server);
        },
        function (TestServer $server) use ($mode, $unsafe): void {
            $of = [];
            for ($i = 0; $i < 2; $i++) {
                $client = $server->connect();
                for ($k = 0; $k < 6; $k++) {
                    same('x', $client->send('message')->read(1));
                    [$fd, $worker_id] = $server->expectEvent('receive');
                    $of[$fd][] = $worker_id;
                }
                $clients[] = $client;
            }
            match ($mode) {
                1 => same([[0, 1, 2], [0, 1, 2]], array_map(function (array $ids): array {
                    $ids = array_unique($ids);
                    sort($ids);
                    return $ids;
                }, array_values($of)), 'round robin'),
                2, 4 => same([1, 1], array_map(fn (array $ids) => count(array_unique($ids)), array_values($of)), 'one worker for a client'),
                3 => null,
            };
            if ($mode === 3) {
                // A worker that is busy gets nothing while others are idle.
                $clients[0]->send('hold')->read(1);
                $busy = $server->expectEvent('receive')[1];
                for ($k = 0; $k < 10; $k++) {
                    $clients[1]->send('message')->read(1);
                    check($server->expectEvent('receive')[1] !== $busy, 'not to the busy one');
                }
                touch($server->path('go on'));
                $server->expectEvent('held');
            }
            foreach ($clients as $client) {
                $client->close();
            }
            if ($mode === 2 || $mode === 4 || $unsafe) {
                $server->expectEvent('close');
                $server->expectEvent('close');
                // Perhaps of other workers than those of the closes.
                $server->expectEvent('connect');
                $server->expectEvent('connect');
                same([], $server->events('connect'));
            } else {
                $server->stop();
                same([[], []], [$server->events('connect'), $server->events('close')]);
            }
        },
        [SWOOLE_PROCESS],
    );
}
?>
--EXPECT--
process: ok
process: ok
process: ok
process: ok
process: ok
process: ok
