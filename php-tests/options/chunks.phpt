--TEST--
Swoole\Server: input of any size arrives whole, in pieces of at most input_buffer
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            static $hash = null, $bytes = 0;
            $hash ??= hash_init('sha256');
            hash_update($hash, $data);
            $bytes += strlen($data);
            if (str_ends_with($data, 'END')) {
                $server->send($fd, "{$bytes} " . hash_final($hash));
            }
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $data = str_repeat(random_bytes(9973), 3000) . 'END';
        $client = $server->connect()->send($data);
        same(strlen($data) . ' ' . hash('sha256', $data), $client->read(strlen((string) strlen($data)) + 65));
    },
);
?>
--EXPECT--
process: ok
base: ok
