--TEST--
Swoole\Event: the order of a turn, defer, cycle, dispatch, exit, and wait() where it does nothing
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$log = [];
$say = function (string $what) use (&$log): Closure {
    return function () use ($what, &$log): void {
        $log[] = $what;
    };
};
$taken = function () use (&$log): string {
    $taken = implode(' ', $log);
    $log = [];
    return $taken;
};

swoole_async_set(['enable_coroutine' => false]); // in a coroutine wait() is an error: see the end

// Descriptors, timers, deferred calls, the end of the turn.
[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
fwrite($b, 'x');
Event::dispatch(); // timers run from the second turn on
Event::defer(fn () => null);
Event::dispatch();
Event::cycle($say('before'), true);
Event::cycle(function () use (&$log): void {
    $log[] = 'end';
    Event::cycle(null);
    Event::cycle(null, true);
});
Event::defer($say('defer'));
Event::defer(function () use ($say): void {
    $say('defer-2')();
    Event::defer($say('defer-in-next-turn'));
});
Timer::after(1, $say('timer'));
Event::add($a, function ($a) use ($say): void {
    $say('read')();
    Event::del($a);
});
usleep(3_000);
Event::wait();
same('before read timer defer defer-2 end defer-in-next-turn', $taken());

// Hooks do not keep the loop.
Event::cycle($say('never'));
Event::wait();
same('', $taken());

// Nested wait() returns at once; exit() lets the turn come to its end and clears the timers.
Timer::after(1, function () use ($say): void {
    $say('timer')();
    Event::wait();
    same(true, Timer::after(60_000, $say('never')) > 0);
    Event::exit();
    Event::defer($say('deferred'));
});
Timer::tick(60_000, $say('never'));
Event::wait();
same('timer deferred', $taken());
same(0, Timer::list()->count());

// One turn at a time.
same(false, Event::dispatch(), 'no loop');
Event::defer($say('1'));
Timer::after(5, $say('2'));
same(true, Event::dispatch());
same('1', $taken());
same(true, Event::dispatch());
same('2', $taken());
same(true, Event::dispatch(), 'nothing to wait for: returns');
Timer::after(1, function () use ($say): void {
    $say('outer')();
    set_error_handler($say('warned'));
    Timer::after(1, function () use ($say): void {
        $say('inner')();
        Event::dispatch();
    });
    Event::wait();
    restore_error_handler();
});
usleep(2_000);
Event::dispatch();
same('outer inner warned', $taken());

// An exception in the hook, a deferred call, a destructor.
foreach (['Event::defer(%s);', 'Event::defer(fn () => 1); Event::cycle(%s);', 'Event::cycle(%s, true);'] as $how) {
    $code = 'use Swoole\Event; ' . sprintf($how, 'function () { throw new Exception("boom"); }') . ' Event::defer(fn () => Event::defer(fn () => print("never"))); Event::wait(); echo "never";';
    $output = SwooleRs\Tests\Script::run("ini_set('html_errors', '0'); {$code}", status: 255);
    check(str_contains($output, 'Fatal error: Uncaught Exception: boom') && !str_contains($output, 'never'), "{$how} {$output}");
}
// The exception of a destructor comes out of wait(), or out of the next callback.
foreach (['true', 'false'] as $coroutines) {
    $output = SwooleRs\Tests\Script::run('use Swoole\{Event, Timer};
        class Bad { function __destruct() { throw new Exception("in a destructor"); } }
        swoole_async_set(["enable_coroutine" => ' . $coroutines . ']);
        Timer::after(1, fn () => 1, new Bad);
        try { Event::wait(); } catch (Exception $e) { echo $e->getMessage(); }');
    check(str_contains($output, 'in a destructor'), $output);
}
$output = SwooleRs\Tests\Script::run('use Swoole\{Event, Timer}; Timer::after(1, function () { Event::wait(); echo "never"; }); Event::wait(); echo "never";', status: 255);
check(str_contains($output, 'Fatal error: Swoole\Event::wait(): Unable to call Event::wait() in coroutine') && !str_contains($output, 'never'), $output);
echo "done\n";
?>
--EXPECT--
done
