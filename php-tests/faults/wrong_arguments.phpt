--TEST--
Swoole\Server: bad arguments throw TypeError or ArgumentCountError, as methods of PHP do
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('workerStart', function (Swoole\Server $server) use ($side): void {
            $calls = ['send' => [[], [1], ['x', 'y'], [1, []], [1, new stdClass()]], 'close' => [[], ['x'], [[]]], 'exists' => [[], ['x']],
                'bind' => [[1], [1, 'x']], 'protect' => [[]], 'getClientInfo' => [[], ['x']], 'getClientList' => [['x']],
                'getWorkerPid' => [['x']], 'stop' => [['x']], 'on' => [['receive'], [[], 'x']], 'set' => [[], [1]],
                'getCallback' => [[], [[]]], 'reload' => [[[]]], 'stats' => [[1]], 'shutdown' => [[1]]];
            $wrong = [];
            foreach ($calls as $method => $lists) {
                foreach ($lists as $arguments) {
                    try {
                        $server->$method(...$arguments);
                        $wrong[] = "{$method}(" . json_encode($arguments) . ') is taken';
                    } catch (TypeError $error) {
                        if (!str_contains($error->getMessage(), "Swoole\\Server::{$method}()")) {
                            $wrong[] = "{$method}: {$error->getMessage()}";
                        }
                    }
                }
            }
            $side->event('wrong', $wrong);
        });
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        same([], $server->expectEvent('wrong'));
    },
);
?>
--EXPECT--
process: ok
base: ok
