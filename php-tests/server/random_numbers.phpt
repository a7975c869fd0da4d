--TEST--
Swoole\Server: workers do not draw the same random numbers
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        mt_rand(); // the generator is seeded before the fork
        $server = $side->server(['worker_num' => 4]);
        $server->on('workerStart', fn () => $side->event('random', [mt_rand(), rand(), random_int(0, PHP_INT_MAX)]));
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $seen = [];
        for ($i = 0; $i < 4; $i++) {
            $seen[] = $server->expectEvent('random');
        }
        foreach ([0, 1, 2] as $column) {
            same(4, count(array_unique(array_column($seen, $column))), "column {$column}");
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
