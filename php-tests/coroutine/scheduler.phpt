--TEST--
Swoole\Coroutine\Scheduler and run(): what is added runs in order at start(), until all have ended
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Scheduler;
use SwooleRs\Tests\Script;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function warning(callable $try): string
{
    $text = 'none';
    set_error_handler(function (int $level, string $message) use (&$text): bool {
        $text = $message;
        return true;
    });
    same(false, $try());
    restore_error_handler();
    return $text;
}

$scheduler = new Scheduler();
same('Swoole\Coroutine\Scheduler::start(): no coroutine task', warning(fn () => $scheduler->start()));
same(null, $scheduler->getOptions());
$log = [];
same(null, $scheduler->add(function (string ...$args) use (&$log): void {
    $log[] = $args;
    Coroutine::sleep(0.005);
    $log[] = 'late';
}, 'a', 'b'));
same(null, $scheduler->parallel(3, function (int $n) use (&$log, $scheduler): void {
    $log[] = $n;
    Coroutine::sleep(0.001);
    $log[] = 'early';
}, 7));
$scheduler->parallel(0, fn () => check(false, 'not once'));
$scheduler->parallel(-1, fn () => check(false, 'not once'));
$scheduler->set(['max_coroutine' => 1000]);
same(['max_coroutine' => 1000], $scheduler->getOptions());
same([], $log);
same(true, $scheduler->start());
same([['a', 'b'], 7, 7, 7, 'early', 'early', 'early', 'late'], $log);
same('Swoole\Coroutine\Scheduler::start(): no coroutine task', warning(fn () => $scheduler->start()));

// Again, and from inside: refused.
$scheduler->add(function () use ($scheduler, &$log): void {
    $log = [];
    $log[] = warning(fn () => $scheduler->start());
    $log[] = warning(fn () => $scheduler->add(fn () => 1));
    $log[] = warning(fn () => $scheduler->parallel(2, fn () => 1));
});
same(true, $scheduler->start());
same(['Swoole\Coroutine\Scheduler::start(): scheduler is started, unable to execute Swoole\Coroutine\Scheduler->start',
    'Swoole\Coroutine\Scheduler::add(): scheduler is running, unable to execute Swoole\Coroutine\Scheduler->add',
    'Swoole\Coroutine\Scheduler::parallel(): scheduler is running, unable to execute Swoole\Coroutine\Scheduler->parallel'], $log);

// Wrong arguments.
foreach ([fn () => $scheduler->add(), fn () => $scheduler->add(1), fn () => $scheduler->parallel('x', 'strlen'),
    fn () => $scheduler->parallel(1), fn () => $scheduler->parallel(1, 'no such'), fn () => $scheduler->set(1),
    fn () => $scheduler->start(1), fn () => run(), fn () => run(1), fn () => clone $scheduler,
    fn () => serialize($scheduler)] as $i => $try) {
    try {
        $try();
        check(false, "not refused: {$i}");
    } catch (Error | Exception) {
    }
}

// The limit leaves those out that are too many.
$scheduler = new Scheduler();
$scheduler->set(['max_coroutine' => 4]);
$count = 0;
$scheduler->parallel(6, function () use (&$count): void {
    $count++;
    Coroutine::sleep(0.001);
});
$warnings = 0;
set_error_handler(function () use (&$warnings): bool {
    $warnings++;
    return true;
});
same(true, $scheduler->start());
restore_error_handler();
same([4, 2], [$count, $warnings]);
Coroutine::set(['max_coroutine' => 0]);

// What it holds goes with it, started or not.
$scheduler = new Scheduler();
$held = new ArrayObject();
$scheduler->add(function () use ($held): void {
}, $held);
$scheduler->add([$held, 'count']);
$weak = WeakReference::create($held);
unset($held);
check($weak->get() !== null, 'it is kept');
unset($scheduler);
same(null, $weak->get());

// run() gives true, one after the other, with what the callback was given; it waits for timers, too.
$log = [];
same(true, run(function (int ...$args) use (&$log): void {
    $log[] = $args;
    Swoole\Timer::after(2, function () use (&$log): void {
        $log[] = 'timer';
    });
}, 1, 2));
same([[1, 2], 'timer'], $log);
same(true, run('strlen', 'x'));
$out = Script::run('Co\run(function () { Co\run(fn () => 1); });', status: 255);
check(str_contains($out, 'Unable to call Event::wait() in coroutine'), $out);
$out = Script::run('Co\run(function () { $s = new Co\Scheduler(); $s->add(fn () => 1); $s->start(); });', status: 255);
check(str_contains($out, 'Unable to call Event::wait() in coroutine'), $out);

// exit_condition keeps the loop there, until it agrees.
$asked = 0;
Coroutine::set(['exit_condition' => function () use (&$asked): bool {
    if ($asked++ === 0) {
        Swoole\Timer::after(1, fn () => 1);
    }
    return $asked > 1;
}]);
same(true, run(fn () => 1));
check($asked > 1, "asked {$asked} times");
Coroutine::set(['exit_condition' => null]);
@Coroutine::set(['exit_condition' => 'no such function']);
same(true, run(fn () => 1));
echo "ok\n";
?>
--EXPECT--
ok
