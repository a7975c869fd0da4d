--TEST--
swoole_set_process_name() in each process
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('managerStart', fn () => $side->event('named', swoole_set_process_name('a test: manager')));
        $server->on('workerStart', fn (Swoole\Server $server, int $id) => swoole_set_process_name("a test: worker {$id}"));
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $title = fn (int $pid): string => rtrim(str_replace("\0", ' ', file_get_contents("/proc/{$pid}/cmdline")));
        $server->expectEvent('named');
        same('a test: manager', $title($server->manager_pid));
        foreach ([0, 1] as $id) {
            same("a test: worker {$id}", $title($server->workers[$id]));
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
