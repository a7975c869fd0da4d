--TEST--
Swoole\Server: open_cpu_affinity and cpu_affinity_ignore
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'open_cpu_affinity' => true, 'cpu_affinity_ignore' => swoole_cpu_num() > 1 ? [0] : []]);
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        foreach ($server->workers as $pid) {
            preg_match('/^Cpus_allowed_list:\s*(\S+)$/m', file_get_contents("/proc/{$pid}/status"), $found);
            check(preg_match('/^\d+$/', $found[1]) === 1, "bound to one CPU: {$found[1]}");
            check(swoole_cpu_num() === 1 || $found[1] !== '0', "CPU 0 is left alone: {$found[1]}");
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
