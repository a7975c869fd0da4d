--TEST--
Swoole\Coroutine\System: wait, waitPid and exec, side by side, and with Process::wait() and a handler of SIGCHLD
--FILE--
<?php
use Swoole\{Coroutine, Process};
use Swoole\Coroutine\System;
use function Swoole\Coroutine\run;
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

// Children are forked outside of coroutines.
/** A child that ends with $code once its pipe gets a line, or at once. */
function child(int $code, bool $at_once = false): Process
{
    $parent = getmypid();
    $child = new Process(function (Process $self) use ($code, $at_once, $parent): void {
        $self->setTimeout(0.5);
        while (!$at_once && !@$self->read() && posix_getppid() === $parent) {
        }
        $self->exit($code);
    });
    $child->start();
    return $child;
}

run(function (): void {
    same(false, System::wait(), 'no child');
    same(10 /* ECHILD */, swoole_last_error());
    same(false, System::waitPid(getmypid()));
    same(false, System::waitPid(PHP_INT_MAX));
    same(false, System::waitPid(PHP_INT_MIN));
});
$children = [child(1), child(2), child(3)];
run(function () use ($children): void {
    // By name and whichever, in any order.
    [$a, $b, $c] = $children;
    same(false, System::waitPid($b->pid, 0.001));
    same(SOCKET_ETIMEDOUT, swoole_last_error());
    same(false, System::wait(0.001));
    same(SOCKET_ETIMEDOUT, swoole_last_error());
    $ends = [];
    $any = Coroutine::create(function () use (&$ends): void {
        $ends['any'] = System::wait(10);
    });
    $named = Coroutine::create(function () use (&$ends, $b): void {
        $ends['b'] = System::waitPid($b->pid, 10);
    });
    $b->write('x');
    Coroutine::join([$named]);
    same(['pid' => $b->pid, 'code' => 2, 'signal' => 0], $ends['b']);
    check(!isset($ends['any']), 'b is not anybody');
    Process::kill($a->pid, SIGKILL);
    Coroutine::join([$any]);
    same(['pid' => $a->pid, 'code' => 0, 'signal' => SIGKILL], $ends['any']);
    $c->write('x');
    same(['pid' => $c->pid, 'code' => 3, 'signal' => 0], System::waitPid(-1));

});
$children = [child(4, true), child(5, true), child(6)];
run(function () use ($children): void {
    // One that has ended before anybody waits, and one that nobody waits for in a coroutine.
    [$early, $left, $slow] = $children;
    until(fn () => str_contains((string) file_get_contents("/proc/{$early->pid}/stat"), ') Z '), 'its end');
    same(4, System::waitPid($early->pid)['code']);
    same(false, System::waitPid($slow->pid, 0.01));
    same($left->pid, Process::wait(true)['pid']);

    // Canceled.
    $cid = Coroutine::getCid();
    Coroutine::create(function () use ($cid): void {
        System::sleep(0.001);
        same(true, Coroutine::cancel($cid));
    });
    same(false, System::wait());
    same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    $slow->write('x');
    same(6, System::wait()['code']);

    // Commands do not lose their ends to those who take any.
    $any = Coroutine::create(fn () => $ends['stolen'] = System::wait(10));
    same(['code' => 7, 'signal' => 0, 'output' => "out\n"], System::exec('echo out; echo err >&2; exit 7 2>/dev/null'));
    same(['code' => 0, 'signal' => 0, 'output' => "out\nerr\n"], System::exec('echo out; echo err >&2', true));
    same(['code' => 0, 'signal' => SIGKILL, 'output' => ''], System::exec('kill -9 $$'));
    same(2_000_000, strlen(System::exec('head -c 2000000 /dev/zero')['output']));
    same(127, System::exec('/no/such/program 2>&1')['code']);
    same('', System::exec('')['output']);
    same(false, @System::exec("echo a\0b"));
    Coroutine::cancel($any);

    // Several at once; one that is canceled.
    $start = microtime(true);
    $all = [];
    for ($i = 0; $i < 20; $i++) {
        $all[] = Coroutine::create(fn () => same((string) $i, System::exec("sleep 0.05; printf {$i}")['output']));
    }
    Coroutine::join($all);
    $canceled = Coroutine::create(function (): void {
        same(false, System::exec('exec sleep 60'));
        same(SWOOLE_ERROR_CO_CANCELED, swoole_last_error());
    });
    System::sleep(0.01);
    $sleeper = until(function (): ?int {
        foreach (glob('/proc/[0-9]*/stat') as $stat) {
            $stat = @file_get_contents($stat);
            if ($stat && preg_match('/^(\d+) \(sleep\) . ' . getmypid() . ' /', $stat, $found)) {
                return (int) $found[1];
            }
        }
        return null;
    }, 'the command');
    same(true, Coroutine::cancel($canceled));
    posix_kill($sleeper, SIGTERM);
    // It is reaped all the same.
    while (file_exists("/proc/{$sleeper}")) {
        System::sleep(0.001);
    }
});

// With a handler of the user's for SIGCHLD.
$told = 0;
Process::signal(SIGCHLD, function () use (&$told): void {
    $told++;
});
$children = [child(8), child(9)];
run(function () use (&$told, $children): void {
    Process::signal(SIGCHLD, function () use (&$told): void {
        $told++;
    });
    [$child, $other] = $children;
    Coroutine::create(fn () => $child->write('x'));
    same(8, System::waitPid($child->pid)['code']);
    System::sleep(0.001);
    check($told > 0, 'both are told');
    Coroutine::create(function () use ($other): void {
        Process::signal(SIGCHLD, null);
        $other->write('x');
    });
    same(9, System::waitPid($other->pid)['code'], 'after the handler is gone');
});

// A child has waits of its own.
$child = new Process(function (Process $self): void {
    run(function (): void {
        same(false, System::wait());
        same(3, System::exec('exit 3')['code']);
    });
    $self->exit(11);
});
run(fn () => System::readFile(__FILE__));
$child->start();
run(fn () => same(11, System::waitPid($child->pid)['code']));
echo "ok\n";
?>
--EXTENSIONS--
posix
sockets
--EXPECTF--
err
%sWARNING	exec('echo a%0b') failed, Error: Invalid argument[22]
ok
