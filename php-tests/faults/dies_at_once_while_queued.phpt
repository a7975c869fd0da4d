--TEST--
Swoole\Server: what a dead worker had not taken is served by its successor
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            if ($data === 'die') {
                $side->event('dying');
                for ($i = 0; !file_exists($side->path('now')) && $i < 10_000; $i++) {
                    usleep(1000);
                }
                posix_kill(getmypid(), SIGKILL);
            }
            $server->send($fd, "served {$data}");
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $victim = $server->connect()->send('die');
        $server->expectEvent('dying');
        $others = [];
        for ($i = 0; $i < 10; $i++) {
            $others[$i] = $server->connect()->send("request {$i}");
        }
        touch($server->path('now'));
        $victim->expectFin();
        foreach ($others as $i => $client) {
            same("served request {$i}", $client->readSome());
        }
        $server->expectLog('/signal=9.*connection 1/');
    },
    [SWOOLE_PROCESS],
);
?>
--EXPECT--
process: ok
