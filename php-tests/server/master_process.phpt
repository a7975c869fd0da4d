--TEST--
Swoole\Server: what the master may not do says so
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 1]);
        $server->on('start', function (Swoole\Server $server) use ($side): void {
            set_error_handler(function (int $level, string $text) use (&$warning): bool {
                $warning = $text;
                return true;
            });
            $sent = $server->send(1, 'x');
            $side->event('send', [$sent, $server->getLastError(), (string) $warning]);
            restore_error_handler();
        });
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        [$sent, $error, $warning] = $server->expectEvent('send');
        same(false, $sent);
        same(SWOOLE_ERROR_SERVER_SEND_IN_MASTER, $error);
        check(str_contains($warning . $server->log(), 'master'), "a warning that names the master: {$warning}");
        $server->allowLog('/master/');
        $server->allowOutput('/master/');
    },
    [SWOOLE_PROCESS],
);
?>
--EXPECT--
process: ok
