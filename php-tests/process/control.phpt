--TEST--
Swoole\Process: wait, kill, alarm, affinity, priority, exec and daemon
--FILE--
<?php
use Swoole\Process;
use SwooleRs\Tests\{Processes, Script};
use function SwooleRs\Tests\{same, until};

require __DIR__ . '/../include/bootstrap.php';

// wait() tells how each child ended, once.
same(false, Process::wait());
same(PCNTL_ECHILD, swoole_last_error());
same(false, Process::wait(false));
$hangs = new Process(fn () => sleep(1000));
$pid = $hangs->start();
same(false, Process::wait(false));
same(SOCKET_EAGAIN, swoole_last_error());
same(true, Process::kill($pid, 0));
same(false, @$hangs->start());
same(true, Process::kill($pid));
same(['pid' => $pid, 'code' => 0, 'signal' => SIGTERM], Process::wait());
same(false, Process::kill($pid, 0));
same(PCNTL_ESRCH, swoole_last_error());
same(true, $hangs->start() > 0); // once more, as the first has ended
Process::kill($hangs->pid, SIGKILL);
same(SIGKILL, Process::wait()['signal']);
same(false, is_dir("/proc/{$hangs->pid}"));

// A number that would be cut to -1 does not reach everybody.
same(false, @Process::kill(PHP_INT_MAX, SIGTERM));
same(false, @Process::kill(0xFFFFFFFF, SIGTERM));
same(false, @Process::kill(getmypid(), 1 << 32));

// alarm(): a signal again and again.
$ticking = new Process(function (): void {
    pcntl_async_signals(true);
    pcntl_signal(SIGALRM, function () use (&$count): void {
        $count++;
    });
    Process::alarm(1000);
    while ($count < 5) {
        sleep(1);
    }
    Process::alarm(-1);
    exit(3);
});
$ticking->start();
same(3, Process::wait()['code']);
same(false, @Process::alarm(1000, 99));
same(SOCKET_EINVAL, swoole_last_error());

// CPUs.
$cpus = Process::getAffinity();
same(true, Process::setAffinity([$cpus[0]]));
same([$cpus[0]], Process::getAffinity());
same(true, Process::setAffinity($cpus));
same(false, Process::setAffinity([]));
foreach ([[-1], [100_000], [PHP_INT_MIN], ['x' => []], [new stdClass], range(0, 5000)] as $bad) {
    same(false, @Process::setAffinity($bad));
}
same($cpus, Process::getAffinity());

// Priorities.
$process = new Process(function (Process $process): void {
    $process->setPriority(PRIO_PROCESS, 7);
    exit($process->getPriority(PRIO_PROCESS));
});
$process->start();
same(7, Process::wait()['code']);
same(true, is_int($process->getPriority(PRIO_PROCESS, getmypid())));
same(false, $process->getPriority(-1000, 1));
same(false, @$process->getPriority(PRIO_USER));
same(SWOOLE_ERROR_INVALID_PARAMS, swoole_last_error());
same(false, $process->setPriority(PRIO_PROCESS, 1, PHP_INT_MAX));
same(false, $process->setPriority(PHP_INT_MAX, PHP_INT_MIN, PHP_INT_MIN));

// exec(): another program in this process, without the parent's descriptors.
$process = new Process(function (Process $process): void {
    $process->exec('/bin/sh', ['-c', 'echo $0 $1; readlink /proc/self/fd/*; echo end', 'a', 5]);
}, true);
$process->start();
Process::wait();
$said = $process->read();
while (!str_ends_with($said, "end\n")) {
    $said .= $process->read();
}
same(true, str_starts_with($said, "a 5\n"));
same(false, str_contains($said, readlink("/proc/self/fd/{$process->pipe}")), "the parent's end is closed");
$process = new Process(function (Process $process): void {
    $process->exec('/no/such/program', []);
    exit(6);
}, false, 0);
ob_start();
$process->start();
same(6, Process::wait()['code']);

// daemon(): the caller ends, a child goes on.
$script = new Script(<<<'CODE'
    Swoole\Process::daemon(false, true, [null, fopen('daemon', 'w')]);
    echo getcwd(), ' ', posix_getsid(0) === getmypid() ? 'leads' : 'WRONG', "\n";
    flush();
    while (!file_exists($argv[1])) {
        usleep(1000);
    }
    CODE, [$file = tempnam(sys_get_temp_dir(), 'daemon')]);
unlink($file);
until(fn () => @file_get_contents($script->path('daemon')) === "/ leads\n", 'the output of the daemon');
until(fn () => count($script->processes()) === 1, 'the end of the one that called it');
touch($file);
$script->expectExit();
$script->discard();
unlink($file);
echo "ok\n";
?>
--EXPECTF--

Warning: Swoole\Process::exec(): execv(/no/such/program) failed, Error: No such file or directory[2] in %s on line %d
ok
