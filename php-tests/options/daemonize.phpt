--TEST--
Swoole\Server: daemonize with pid_file and log_file: the output goes to the log, the pid file goes at the end
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

foreach (['SWOOLE_BASE', 'SWOOLE_PROCESS'] as $mode) {
    $port = Ports::take();
    $script = new Script(<<<PHP
        \$server = new Swoole\\Server('127.0.0.1', {$port}, {$mode});
        \$server->set(['worker_num' => 2, 'daemonize' => true, 'pid_file' => __DIR__ . '/pid', 'log_file' => __DIR__ . '/log']);
        \$server->on('receive', function (\$server, \$fd, \$reactor_id, \$data) {
            echo "printed {\$data}\\n";
            \$server->send(\$fd, getcwd() . ' ' . posix_getsid(0) . ' ' . \$server->master_pid);
        });
        \$server->start();
        PHP);
    try {
        // The first process ends at once; the server goes on.
        until(fn (): bool => !SwooleRs\Tests\Processes::isAlive($script->pid()), 'the end of the first process');
        $client = $script->connect($port);
        $client->send('it');
        [$folder, $session, $master_pid] = explode(' ', $client->readSome());
        $pid = (int) file_get_contents($script->path('pid'));
        same((string) $pid, trim(file_get_contents($script->path('pid'))));
        same($pid, (int) $master_pid);
        check($pid !== $script->pid() && isset($script->processes()[$pid]), 'the pid file names the master');
        check((int) $session !== posix_getsid(0), 'a session of its own');
        same('/', $folder, 'the working folder of a daemon');
        until(fn () => str_contains(file_get_contents($script->path('log')), "printed it\n"), 'the output is in the log');
        posix_kill($pid, SIGTERM);
        until(fn (): bool => $script->processes() === [], 'the end of the server');
        check(!file_exists($script->path('pid')), 'the pid file is removed');
        same('', $script->output());
    } finally {
        $script->discard();
    }
}
echo "ok\n";
?>
--EXPECT--
ok
