--TEST--
Swoole\Server: connect, receive and close come in this order, in one worker
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        foreach (['connect', 'receive', 'close'] as $name) {
            $server->on($name, function (Swoole\Server $server, int $fd) use ($side, $name): void {
                $side->event('call', [$name, $fd, $server->worker_id]);
                if ($name === 'receive') {
                    $server->send($fd, 'got it');
                }
            });
        }
        return $side->start($server);
    },
    function (TestServer $server): void {
        for ($i = 0; $i < 4; $i++) {
            $client = $server->connect();
            $client->send('hello');
            $client->read(6);
            $client->close();
            [$first, $fd, $worker_id] = $server->expectEvent('call');
            same('connect', $first);
            same(['receive', $fd, $worker_id], $server->expectEvent('call'));
            same(['close', $fd, $worker_id], $server->expectEvent('call'));
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
