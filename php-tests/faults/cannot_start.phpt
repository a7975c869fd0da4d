--TEST--
Swoole\Server: what keeps a server from starting: one clear error, exit status not 0, nothing left
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$head = fn (int $port, string $mode): string => "\$server = new Swoole\\Server('127.0.0.1', {$port}, {$mode});\n\$server->set(['worker_num' => 2, 'reactor_num' => 1]);\n";
$receive = "\$server->on('receive', fn () => 0);\n";
foreach (['SWOOLE_BASE', 'SWOOLE_PROCESS'] as $mode) {
    $cases = [
        'no onReceive' => ["\$server->start(); echo 'went on';", '/require onReceive callback/'],
        'no such user' => ["{$receive}\$server->set(['user' => 'no-such-user-here', 'log_file' => __DIR__ . '/log']); \$server->start(); echo 'went on';", '/no-such-user-here/'],
        'pid file' => ["{$receive}\$server->set(['pid_file' => '/no/such/folder/pid', 'log_file' => __DIR__ . '/log']); \$server->start(); echo 'went on';", '#/no/such/folder/pid#'],
    ];
    foreach ($cases as $name => [$code, $expected]) {
        $port = Ports::take();
        $script = new Script($head($port, $mode) . $code);
        try {
            try {
                $script->expectExit(255);
            } catch (Failure $failure) {
                throw new Failure("{$mode}, {$name}: {$failure->getMessage()}: {$script->output()}");
            }
            $told = $script->output() . @file_get_contents($script->path('log'));
            check(preg_match($expected, $told) === 1, "{$mode}, {$name}: told {$told}");
            check(!str_contains($told, 'went on'), "{$mode}, {$name}: the script does not go on");
            check(!Ports::isListening($port), "{$mode}, {$name}: the port is free");
        } finally {
            $script->discard();
        }
    }
}
echo "ok\n";
?>
--EXPECT--
ok
