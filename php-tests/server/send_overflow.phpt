--TEST--
Swoole\Server::send(): false when a client does not read; queued bytes are told; others are served
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1, 'socket_buffer_size' => 1 << 20, 'kernel_socket_send_buffer_size' => 65536, 'send_yield' => false]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            if ($data === 'ping') {
                $server->send($fd, 'pong');
                return;
            }
            set_error_handler(fn (): bool => true);
            $accepted = 0;
            while ($server->send($fd, str_repeat('x', 50_000))) {
                $accepted++;
                if ($accepted > 10_000) {
                    break; // 500 MB: no limit at all
                }
            }
            $side->event('full', [$accepted, $server->getLastError(), $server->getClientInfo($fd)['send_queued_bytes'], $server->stats()['send_queued_bytes']]);
            restore_error_handler();
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $slow = $server->connect();
        socket_set_option($slow->open(), SOL_SOCKET, SO_RCVBUF, 65536);
        $slow->send('more');
        [$accepted, $error, $queued, $all] = $server->expectEvent('full');
        check($accepted < 10_000, 'there is a limit');
        same(SWOOLE_ERROR_OUTPUT_BUFFER_OVERFLOW, $error);
        check($queued > 500_000 && $queued <= 2 << 20, "queued bytes: {$queued}");
        check($all >= $queued, 'queued bytes in all');
        same('pong', $server->connect()->send('ping')->read(4));
        same(str_repeat('x', 50_000 * $accepted) === $slow->read(50_000 * $accepted), true, 'all that was accepted arrives');
        same('pong', $slow->send('ping')->read(4));
        $server->allowLog('/overflow|buffer/');
        $server->allowOutput('/overflow|buffer/');
    },
);
?>
--EXPECT--
process: ok
base: ok
