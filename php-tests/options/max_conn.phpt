--TEST--
Swoole\Server: clients beyond max_conn are refused and counted, the others served
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1, 'max_conn' => 5]);
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, json_encode($server->stats()['abort_count'])));
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('close'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $clients = [];
        for ($i = 0; $i < 5; $i++) {
            $clients[$i] = $server->connect();
            same(0, json_decode($clients[$i]->send('x')->readSome()));
        }
        $refused = $server->connect();
        try {
            same('', $refused->readSome());
        } catch (SwooleRs\Tests\Failure $failure) {
            check(str_contains($failure->getMessage(), 'reset'), $failure->getMessage());
        }
        same(1, json_decode($clients[0]->send('x')->readSome()));
        $clients[4]->close();
        $server->expectEvent('close');
        // The place is free a moment after onClose.
        until(function () use ($server): bool {
            try {
                return $server->connect()->send('x')->readSome() !== '';
            } catch (SwooleRs\Tests\Failure) {
                return false;
            }
        }, 'a new client is served');
        $server->allowLog('/max_conn|connections/');
    },
);
?>
--EXPECT--
process: ok
base: ok
