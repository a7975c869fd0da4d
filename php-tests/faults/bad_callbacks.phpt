--TEST--
Swoole\Server::on(): what is no callback is refused
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, 'x'));
        foreach (['no_such_function', ['NoSuchClass', 'x'], [new stdClass(), 'x'], 'A::b', 5, null, []] as $bad) {
            $told = '';
            set_error_handler(function (int $level, string $text) use (&$told): bool {
                $told = $text;
                return true;
            });
            try {
                $result = $server->on('receive', $bad);
            } catch (TypeError $error) {
                [$result, $told] = [false, $error->getMessage()];
            }
            restore_error_handler();
            same(false, $result, json_encode($bad));
            check(preg_match('/callable|callback/', $told) === 1, json_encode($bad) . ": {$told}");
        }
        return $side->start($server);
    },
    function (TestServer $server): void {
        same('x', $server->connect()->send('x')->read(1));
    },
);
?>
--EXPECT--
process: ok
base: ok
