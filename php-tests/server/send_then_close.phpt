--TEST--
Swoole\Server: all that was sent before close() reaches the client, of any size
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['buffer_output_size' => 80 << 20, 'socket_buffer_size' => 128 << 20]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, str_repeat('0123456789abcdef', intdiv((int) $data, 16)) . substr('0123456789abcdef', 0, (int) $data % 16));
            $server->close($fd);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $clients = [];
        foreach ([1, 1000, 16384, 65537, 1 << 20, 8 << 20, 64 << 20] as $bytes) {
            $clients[$bytes] = $server->connect()->send((string) $bytes);
        }
        foreach ($clients as $bytes => $client) {
            $received = 0;
            while (($part = $client->readSome(1 << 20)) !== '') {
                $expected = substr(str_repeat('0123456789abcdef', intdiv(strlen($part), 16) + 2), $received % 16, strlen($part));
                check($part === $expected, "the right bytes from {$received} of {$bytes} on");
                $received += strlen($part);
            }
            same($bytes, $received, 'bytes received');
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
