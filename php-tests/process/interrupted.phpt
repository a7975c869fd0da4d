--TEST--
Signals that are handled as events do not make user code's system calls fail
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

// The script waits in flock(2), in open(2) of a pipe and in read(2) from it while signals come.
$script = new Script(<<<'CODE'
    $caught = 0;
    Swoole\Process::signal(SIGUSR1, function () use (&$caught) { $caught++; });
    Swoole\Timer::after(1, function () use (&$caught) {
        posix_mkfifo('pipe', 0600);
        print("waits for the lock\n");
        var_dump(file_put_contents('locked', "written\n", FILE_APPEND | LOCK_EX));
        print("waits for the pipe\n");
        $pipe = fopen('pipe', 'r');
        print("waits for a line\n");
        var_dump(fgets($pipe));
        Swoole\Timer::after(1, function () use (&$caught) {
            var_dump($caught > 0);
            Swoole\Process::signal(SIGUSR1, null);
        });
    });
    Swoole\Event::wait();
    CODE);
$held = fopen($script->path('locked'), 'a');
flock($held, LOCK_EX);
/** The script sleeps in a system call, and is sent signals there. */
$disturb = function () use ($script): void {
    for ($i = 0; $i < 5; $i++) {
        SwooleRs\Tests\until(fn () => preg_match('/^State:\s*S/m', (string) file_get_contents("/proc/{$script->pid()}/status")), 'a sleep');
        $script->signal(SIGUSR1);
        usleep(2000);
    }
};
$script->expectOutput('/waits for the lock/');
$disturb();
flock($held, LOCK_UN);
$script->expectOutput('/waits for the pipe/');
$disturb();
$pipe = fopen($script->path('pipe'), 'w');
$script->expectOutput('/waits for a line/');
$disturb();
fwrite($pipe, "line\n");
$script->expectExit();
same("waits for the lock\nint(8)\nwaits for the pipe\nwaits for a line\nstring(5) \"line\n\"\nbool(true)\n", $script->output());
same("written\n", file_get_contents($script->path('locked')));
$script->discard();
echo "ok\n";
?>
--EXPECT--
ok
