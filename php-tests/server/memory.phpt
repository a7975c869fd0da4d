--TEST--
Swoole\Server: the memory of the workers stays flat over 20,000 requests (1,000,000 in make soak)
--FILE--
<?php
use SwooleRs\Tests\{Processes, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

/** So many requests over a few connections, each answered before that client's next, and checks the answers. */
function drive(TestServer $server, int $requests): void
{
    $clients = array_map(fn () => $server->connect(), range(1, 20));
    for ($i = 0; $i < $requests; $i += 20) {
        $payload = sprintf('%0100d', $i);
        foreach ($clients as $client) {
            $client->send($payload);
        }
        foreach ($clients as $client) {
            same($payload, $client->read(100), 'the answer');
        }
    }
}

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'reactor_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            if ($data === 'memory') {
                $server->send($fd, json_encode([$server->worker_id, memory_get_usage()]));
                return;
            }
            $local = ['data' => $data, 'object' => new ArrayObject([$data]), 'info' => $server->getClientInfo($fd)];
            $server->send($fd, $local['object'][0]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $total = getenv('SWOOLE_SOAK') ? 1_000_000 : 20_000;
        $memory = function () use ($server): array {
            $all = [];
            for ($i = 0; $i < 1000 && count($all) < 2; $i++) {
                [$id, $bytes] = json_decode($server->connect()->send('memory')->readSome());
                $all[$id] = $bytes;
            }
            ksort($all);
            return $all;
        };
        $resident = fn (): array => array_map(fn (int $pid) => Processes::residentKib($pid), [...$server->workers, $server->master_pid]);
        drive($server, intdiv($total, 4)); // what is allocated once
        $memory();
        [$php_before, $resident_before] = [$memory(), $resident()];
        drive($server, $total);
        $memory();
        [$php, $resident_after] = [$memory(), $resident()];
        same($php_before, $php, 'bytes of PHP memory by worker');
        foreach ($resident_after as $index => $kib) {
            check($kib <= $resident_before[$index] + 1024, "resident memory of process {$index}: {$resident_before[$index]} KiB before, {$kib} KiB after");
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
