--TEST--
Swoole\Server::$setting: what was set, merged, and what the server made of it
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$port = Ports::take();
same("null\n3 2 here 5\nworker_num=3 max_connection=yes custom=here\n", Script::run(<<<PHP
    \$server = new Swoole\\Server('127.0.0.1', {$port}, SWOOLE_PROCESS);
    echo json_encode(\$server->setting), "\\n";
    @\$server->set(['worker_num' => 2, 'reactor_num' => 2, 'log_level' => 5, 'my_own' => 'here']);
    \$server->set(['worker_num' => 3]);
    echo "{\$server->setting['worker_num']} {\$server->setting['reactor_num']} {\$server->setting['my_own']} {\$server->setting['log_level']}\\n";
    \$server->on('receive', fn () => 0);
    \$server->on('workerStart', function (\$server, \$id) {
        if (\$id === 0) {
            file_put_contents(__DIR__ . '/seen', "worker_num={\$server->setting['worker_num']} max_connection="
                . (\$server->setting['max_connection'] > 0 ? 'yes' : 'no') . " custom={\$server->setting['my_own']}\\n");
            \$server->shutdown();
        }
    });
    \$server->start();
    readfile(__DIR__ . '/seen');
    PHP));
echo "ok\n";
?>
--EXPECT--
ok
