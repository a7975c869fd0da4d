--TEST--
Swoole\Server: onBufferFull above buffer_high_watermark, onBufferEmpty when it is sent
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['socket_buffer_size' => 16 << 20, 'buffer_output_size' => 16 << 20, 'buffer_high_watermark' => 4 << 20,
            'buffer_low_watermark' => 1 << 20, 'kernel_socket_send_buffer_size' => 65536]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, str_repeat('x', 2 << 20));
            $server->send($fd, str_repeat('x', 6 << 20));
        });
        foreach (['bufferFull', 'bufferEmpty'] as $name) {
            $server->on($name, function (...$arguments) use ($side, $name, $server): void {
                same([$server, 1], $arguments);
                $side->event($name, getmypid());
            });
        }
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('x');
        same($server->workers[0], $server->expectEvent('bufferFull'));
        same([], $server->events('bufferEmpty'));
        same(8 << 20, strlen($client->read(8 << 20)));
        same($server->workers[0], $server->expectEvent('bufferEmpty'));
    },
);
?>
--EXPECT--
process: ok
base: ok
