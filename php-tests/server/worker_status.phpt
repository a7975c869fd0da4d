--TEST--
Swoole\Server::getWorkerStatus(), getWorkerPid() of other workers
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd): void {
            $other = 1 - $server->worker_id;
            $server->send($fd, json_encode([$server->getWorkerStatus(), $server->getWorkerStatus($other), $server->getWorkerStatus(7),
                $server->getWorkerPid($other), $other, $server->getWorkerStatus($server->worker_id)]));
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        // The other one is idle, as soon as its start is over.
        $answer = until(function () use ($client): ?array {
            $answer = json_decode($client->send('x')->readSome());
            return $answer[1] === SWOOLE_WORKER_IDLE ? $answer : null;
        }, 'the other worker is idle');
        same([SWOOLE_WORKER_BUSY, SWOOLE_WORKER_IDLE, false, $server->workers[$answer[4]], SWOOLE_WORKER_BUSY],
            [$answer[0], $answer[1], $answer[2], $answer[3], $answer[5]]);
    },
);
?>
--EXPECT--
process: ok
base: ok
