--TEST--
Swoole\Server: log_rotation writes to a file with the date in its name
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'log_rotation' => SWOOLE_LOG_ROTATION_MONTHLY, 'log_level' => SWOOLE_LOG_INFO]);
        $server->on('receive', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->signal(SIGKILL, $server->workers[0]);
        $server->expectEvent('workerStart');
        $files = fn (): array => array_map('basename', glob($server->path('server.log*')));
        until(fn () => count($files()) > 0, 'a log file');
        foreach ($files() as $file) {
            check(preg_match('/^server\.log\.\d{6}$/', $file) === 1, "the name: {$file}");
        }
        $text = file_get_contents($server->path($files()[0]));
        check(str_contains($text, 'abnormal exit'), $text);
        $server->allowLog('/./');
    },
);
?>
--EXPECT--
process: ok
base: ok
