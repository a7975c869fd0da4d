--TEST--
Swoole\Server: onReceive gets whole packages with open_length_check
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

foreach (['N' => 0, 'n' => 2, 'v' => 0, 'J' => 3, 'C' => 1] as $type => $offset) {
    test_server(
        function (ServerSide $side) use ($type, $offset): bool {
            $server = $side->server([
                'worker_num' => 2,
                'open_length_check' => true,
                'package_length_type' => $type,
                'package_length_offset' => $offset,
                'package_body_offset' => $offset + strlen(pack($type, 0)),
                'package_max_length' => 9 << 20,
            ]);
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
                $server->send($fd, strlen($data) . ' ' . crc32($data) . "\n");
            });
            $server->on('close', fn (Swoole\Server $server, int $fd, int $reactor_id) => $side->event('closed', ['fd' => $fd]));
            return $side->start($server);
        },
        function (TestServer $server) use ($type, $offset): void {
            $package = fn (int $bytes): string => str_repeat('h', $offset) . pack($type, $bytes) . substr(random_bytes($bytes + 1), 1);
            $answer = fn (string $package): string => strlen($package) . ' ' . crc32($package) . "\n";
            $client = $server->connect();
            // One byte at a time.
            foreach ([0, 1, 200] as $bytes) {
                $sent = $package($bytes);
                foreach (str_split($sent) as $byte) {
                    $client->send($byte);
                }
                same($answer($sent), $client->read(strlen($answer($sent))), "{$type}, {$bytes} bytes");
            }
            // Several at once.
            $all = array_map($package, range(0, 100));
            $client->send(implode('', $all));
            $answers = implode('', array_map($answer, $all));
            same($answers, $client->read(strlen($answers)));
            // Larger than what travels between processes at once.
            if ($type === 'N' || $type === 'J') {
                $sent = $package(8 << 20);
                $client->send($sent);
                same($answer($sent), $client->read(strlen($answer($sent))));
                $server->allowLog('/is too large/');
                // Longer than allowed: this connection ends, with onClose.
                $bad = $server->connect();
                $bad->send(str_repeat('h', $offset) . pack($type, 9 << 20));
                same('', $bad->readAll());
                $server->expectEvent('closed');
                $sent = $package(5);
                same($answer($sent), $client->send($sent)->read(strlen($answer($sent))));
                $server->expectLog('/is too large/');
            }
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
