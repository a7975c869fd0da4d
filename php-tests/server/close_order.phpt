--TEST--
Swoole\Server: connect, receives and close of a connection come in order, each once, with many clients
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'reactor_num' => 2]);
        $server->on('connect', function (Swoole\Server $server, int $fd): void {
            $server->log[$fd] = 'c';
        });
        $server->log = [];
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->log[$fd] .= $data;
        });
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('log', [$fd, $server->log[$fd] ?? 'none']));
        return $side->start($server);
    },
    function (TestServer $server): void {
        for ($i = 0; $i < 100; $i++) {
            $client = $server->connect();
            for ($k = 0; $k < 5; $k++) {
                $client->send((string) $k);
            }
            $client->close(); // at once
        }
        $seen = [];
        for ($i = 0; $i < 100; $i++) {
            [$fd, $log] = $server->expectEvent('log');
            same('c01234', $log);
            $seen[$fd] = true;
        }
        same(100, count($seen));
        same([], $server->events('log'));
    },
);
?>
--EXPECT--
process: ok
base: ok
