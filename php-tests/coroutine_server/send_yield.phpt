--TEST--
Swoole\Server::send() in a coroutine waits where too much waits for the client (send_yield), and serves others meanwhile
--FILE--
<?php
use Swoole\Coroutine;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

const CHUNKS = 200;
const CHUNK_BYTES = 100_000;

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1, 'socket_buffer_size' => 1 << 20, 'kernel_socket_send_buffer_size' => 65536, 'send_timeout' => 20]);
        $sender = 0;
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side, &$sender): void {
            if ($data === 'ping') {
                $server->send($fd, 'pong');
            } elseif ($data === 'cancel') {
                $server->send($fd, Coroutine::cancel($sender) ? 'done' : 'none');
            } else {
                $sender = Coroutine::getCid();
                $side->event('begins');
                $sent = 0;
                while ($sent < CHUNKS && $server->send($fd, str_repeat(chr(65 + $sent % 26), CHUNK_BYTES))) {
                    $sent++;
                }
                $side->event('ends', [$sent, $server->getClientInfo($fd)['send_queued_bytes'] ?? 0]);
            }
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $slow = $server->connect();
        socket_set_option($slow->open(), SOL_SOCKET, SO_RCVBUF, 65536);
        $slow->send('much');
        $server->expectEvent('begins');
        same('pong', $server->connect()->send('ping')->read(4));
        same([], $server->events('ends'));
        for ($i = 0; $i < CHUNKS; $i++) {
            same(str_repeat(chr(65 + $i % 26), CHUNK_BYTES), $slow->read(CHUNK_BYTES));
        }
        same(CHUNKS, $server->expectEvent('ends')[0]);

        // A coroutine that is canceled gets false.
        $slow->send('much');
        $server->expectEvent('begins');
        $other = $server->connect();
        same('pong', $other->send('ping')->read(4));
        same('done', $other->send('cancel')->read(4));
        check($server->expectEvent('ends')[0] < CHUNKS, 'not all is sent');

        // One whose client goes away does not wait for it.
        $slow->send('much');
        $server->expectEvent('begins');
        $slow->close();
        check($server->expectEvent('ends')[0] < CHUNKS, 'not all is sent');
        $server->allowLog('/overflow|buffer/');
    },
);
?>
--EXPECT--
process: ok
base: ok
