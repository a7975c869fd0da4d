--TEST--
Swoole\Server: start twice, a second server, on() and set() too late, methods before the start
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$free = Ports::take();
foreach (['SWOOLE_BASE', 'SWOOLE_PROCESS'] as $mode) {
    $output = Script::run(<<<PHP
        function attempt(string \$what, callable \$try): void
        {
            \$warning = '';
            set_error_handler(function (int \$level, string \$text) use (&\$warning): bool {
                \$warning = \$text;
                return true;
            });
            try {
                \$result = var_export(\$try(), true);
            } catch (Throwable \$error) {
                \$result = get_class(\$error) . ': ' . \$error->getMessage();
            }
            restore_error_handler();
            echo "{\$what}: {\$result}: {\$warning}\\n";
        }
        \$server = new Swoole\\Server('127.0.0.1', 0, {$mode});
        \$server->set(['worker_num' => 1, 'log_level' => SWOOLE_LOG_NONE]);
        attempt('send before', fn () => \$server->send(1, 'x'));
        attempt('stats before', fn () => \$server->stats());
        attempt('reload before', fn () => \$server->reload());
        attempt('stop before', fn () => \$server->stop());
        attempt('close before', fn () => \$server->close(1));
        attempt('second before', fn () => new Swoole\\Server('127.0.0.1', 0));
        attempt('constructor again', fn () => \$server->__construct('127.0.0.1', 0));
        attempt('clone', fn () => clone \$server);
        attempt('serialize', fn () => serialize(\$server));
        \$server->on('receive', fn () => 0);
        \$server->on('workerStart', function (\$server) {
            attempt('start in worker', fn () => \$server->start());
            attempt('on in worker', fn () => \$server->on('close', fn () => 0));
            attempt('set in worker', fn () => \$server->set(['worker_num' => 3]));
            attempt('second in worker', fn () => new Swoole\\Server('127.0.0.1', 0));
            \$server->shutdown();
        });
        \$started = \$server->start();
        echo 'start: ', var_export(\$started, true), "\\n";
        attempt('start again', fn () => \$server->start());
        attempt('on after', fn () => \$server->on('close', fn () => 0));
        attempt('set after', fn () => \$server->set(['worker_num' => 3]));
        attempt('send after', fn () => \$server->send(1, 'x'));
        // The next one may be made and started.
        \$next = new Swoole\\Server('127.0.0.1', {$free}, {$mode});
        \$next->set(['worker_num' => 1, 'log_level' => SWOOLE_LOG_NONE]);
        \$next->on('receive', fn () => 0);
        \$next->on('workerStart', fn (\$server) => \$server->shutdown());
        \$started = \$next->start();
        echo 'next: ', var_export(\$started, true), "\\n";
        PHP);
    $lines = [];
    foreach (explode("\n", trim($output)) as $line) {
        [$what, $rest] = explode(': ', $line, 2) + [1 => ''];
        $lines[$what] = $rest;
    }
    $expected = [
        'send before' => '/^false: .*server is not running/', 'stats before' => '/^false: .*server is not running/',
        'reload before' => '/^false: .*server is not running/', 'stop before' => '/^false: .*server is not running/',
        'close before' => '/^false: .*server is not running/',
        'second before' => '/Exception: .*unable to create/', 'constructor again' => '/Error: .*(called once|can only be called)/',
        'clone' => '/Error: .*clone/', 'serialize' => '/Exception: .*not allowed/',
        'start in worker' => '/^false: .*running/', 'on in worker' => '/^false: .*running.*before/',
        'set in worker' => '/^false: .*running.*before/', 'second in worker' => '/Exception: .*unable to create/',
        'start' => '/^true/', 'start again' => '/^false: .*shutdown/', 'on after' => '/^false: .*shutdown/',
        'set after' => '/^false: .*shutdown/', 'send after' => '/^false: /', 'next' => '/^true/',
    ];
    foreach ($expected as $what => $pattern) {
        check(preg_match($pattern, $lines[$what] ?? 'nothing') === 1, "{$mode}: {$what}: " . ($lines[$what] ?? "nothing, of {$output}"));
    }
}
echo "ok\n";
?>
--EXPECT--
ok
