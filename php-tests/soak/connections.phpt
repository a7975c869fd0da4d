--TEST--
Swoole\Server: memory and descriptors stay flat over 100,000 connections that end in every way
--FILE--
<?php
use SwooleRs\Tests\{Processes, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

function churn(TestServer $server, int $connections): void
{
    for ($i = 0; $i < $connections; $i += 20) {
        $clients = [];
        for ($k = 0; $k < 20; $k++) {
            $clients[$k] = $server->connect()->send($k % 5 === 0 ? 'close' : ($k % 5 === 1 ? 'reset' : 'echo'));
        }
        foreach ($clients as $k => $client) {
            match ($k % 5) {
                0 => same('bye', $client->readAll()),
                1 => $client->expectReset(),
                2 => $client->reset(),
                3 => same('echo', $client->finishSending()->readAll()),
                4 => same('echo', $client->read(4)),
            };
            $client->close();
        }
    }
}

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'reactor_num' => 2]);
        $server->on('connect', fn () => 0);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            match ($data) {
                'close' => $server->send($fd, 'bye') && $server->close($fd),
                'reset' => $server->close($fd, true),
                'state' => $server->send($fd, json_encode([count($server->connections), $server->stats()['send_queued_bytes']])),
                default => $server->send($fd, $data),
            };
        });
        $server->on('close', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/connection|session/');
        $settled = function () use ($server): void {
            until(fn () => [1, 0] === json_decode($server->connect()->send('state')->readSome()), 'all connections are gone', 30.0);
        };
        $descriptors = fn (): int => array_sum(array_map(fn (int $pid) => count(Processes::descriptors($pid)), array_keys($server->processes())));
        // Without the shared session table, whose pages are touched one by one until all have been.
        $private = function () use ($server): int {
            $kib = 0;
            foreach (array_keys($server->processes()) as $pid) {
                preg_match('/^RssAnon:\s+(\d+)/m', (string) file_get_contents("/proc/{$pid}/status"), $found);
                $kib += (int) $found[1];
            }
            return $kib;
        };
        $total = getenv('SWOOLE_SOAK') ? 100_000 : 2_000;
        churn($server, intdiv($total, 4));
        $settled();
        [$open, $kib] = [$descriptors(), $private()];
        churn($server, $total);
        $settled();
        until(fn () => $descriptors() <= $open, "the descriptors go back to {$open}");
        check($private() <= $kib + 1024, "private memory: {$kib} KiB before, {$private()} KiB after");
    },
);
?>
--EXPECT--
process: ok
base: ok
