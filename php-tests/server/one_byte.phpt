--TEST--
Swoole\Server: messages of one byte, each value
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['event_object' => $side->mode === SWOOLE_BASE]);
        $server->on('receive', $side->mode === SWOOLE_BASE
            ? fn (Swoole\Server $server, Swoole\Server\Event $event) => $server->send($event->fd, $event->data)
            : fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, $data));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        for ($i = 0; $i < 512; $i++) {
            same(chr($i % 256), $client->send(chr($i % 256))->read(1), "answer {$i}");
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
