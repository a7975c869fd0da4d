--TEST--
Swoole\Server: send(), close(), exists() and getClientInfo() for connections of another worker
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'reactor_num' => 2]);
        $server->on('connect', fn (Swoole\Server $server, int $fd) => $side->event('connect', $fd));
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            [$what, $other] = explode(' ', $data);
            $answer = match ($what) {
                'send' => $server->send((int) $other, "from {$fd}"),
                'close' => $server->close((int) $other),
                'exists' => $server->exists((int) $other),
                'reset' => $server->close((int) $other, true),
                'info' => $server->getClientInfo((int) $other)['remote_port'],
            };
            $server->send($fd, json_encode([$answer, $server->worker_id]));
        });
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('close', [$fd, $server->worker_id]));
        return $side->start($server);
    },
    function (TestServer $server): void {
        // The kernel deals connections out in base mode: as many as it takes to have one of each worker.
        $of = [];
        for ($i = 0; $i < 1000 && count($of) < 2; $i++) {
            $client = $server->connect();
            $fd = $server->expectEvent('connect');
            $worker_id = json_decode($client->send("exists {$fd}")->readSome())[1];
            $of[$worker_id] ??= [$client, $fd];
            $others[] = $client;
        }
        [[$one, $fd_one], [$two, $fd_two]] = [$of[0], $of[1]];
        same([true, 0], json_decode($one->send("exists {$fd_two}")->readSome()));
        same([$two->localPort(), 0], json_decode($one->send("info {$fd_two}")->readSome()));
        same([true, 0], json_decode($one->send("send {$fd_two}")->readSome()));
        same("from {$fd_one}", $two->readSome());
        same([true, 0], json_decode($one->send("close {$fd_two}")->readSome()));
        $two->expectFin();
        same($fd_two, $server->expectEvent('close')[0]);
        until(fn (): bool => json_decode($one->send("exists {$fd_two}")->readSome())[0] === false, 'the other connection is gone');
    },
);
?>
--EXPECT--
process: ok
base: ok
