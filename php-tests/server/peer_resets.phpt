--TEST--
Swoole\Server: clients that reset or vanish end no process and leave no descriptor
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

use SwooleRs\Tests\Processes;

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            for ($i = 0; $i < 20; $i++) {
                $server->send($fd, str_repeat($data, 1000)); // the client is gone during these
            }
        });
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('close', $fd));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $descriptors = function () use ($server): int {
            return array_sum(array_map(fn ($pid) => count(Processes::descriptors($pid)), array_keys($server->processes())));
        };
        $server->allowOutput('/session|connection/i');
        $server->allowLog('/session|connection/i');
        // Every reactor thread has set up what it needs once it has served somebody.
        $first = array_map(fn () => $server->connect()->send('x'), range(1, 6));
        foreach ($first as $client) {
            same('xxxx', $client->read(4));
            $client->close();
            $server->expectEvent('close');
        }
        $before = $descriptors();
        for ($i = 0; $i < 60; $i++) {
            $client = $server->connect()->send('x');
            $i % 2 ? $client->reset() : $client->close();
        }
        for ($i = 0; $i < 60; $i++) {
            $server->expectEvent('close');
        }
        until(fn (): bool => $descriptors() <= $before, 'the descriptors of all clients are closed');
        $workers = $server->workers;
        $client = $server->connect()->send('y');
        same('yyyy', $client->read(4));
        foreach ($workers as $pid) {
            check(isset($server->processes()[$pid]), 'the worker still lives');
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
