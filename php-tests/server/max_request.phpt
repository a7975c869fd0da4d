--TEST--
Swoole\Server: max_request replaces a worker; no request is lost
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1, 'max_request' => 20, 'max_request_grace' => 5]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, $data . ' ' . getmypid()));
        $server->on('workerStop', fn () => $side->event('workerStop', getmypid()));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        $served = [];
        for ($i = 0; $i < 100; $i++) {
            [$number, $pid] = explode(' ', $client->send((string) $i)->readSome());
            same((string) $i, $number);
            $served[$pid] = ($served[$pid] ?? 0) + 1;
        }
        check(count($served) >= 4 && count($served) <= 6, 'processes: ' . count($served));
        array_pop($served); // it need not be at its limit yet
        foreach ($served as $pid => $count) {
            check($count >= 20 && $count <= 25, "requests of one process: {$count}");
            same($pid, $server->expectEvent('workerStop')); // one after the other
        }
    },
    [SWOOLE_PROCESS],
);
?>
--EXPECT--
process: ok
