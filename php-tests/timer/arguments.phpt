--TEST--
Swoole\Timer: every method with good and bad arguments, as methods and as functions
--FILE--
<?php
use Swoole\Timer;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function caught(callable $call): string
{
    try {
        return var_export($call(), true);
    } catch (Throwable $error) {
        return get_class($error) . ': ' . $error->getMessage();
    }
}
$nothing = fn () => null;

// Before there has been a timer.
same(['initialized' => false, 'num' => 0, 'round' => 0], Timer::stats());
same([false, null, false, false], [Timer::exists(1), Timer::info(1), Timer::clear(1), Timer::clearAll()]);
check(Timer::list() instanceof Swoole\Timer\Iterator && Timer::list() instanceof ArrayIterator, 'an iterator');
same([], iterator_to_array(Timer::list()));

foreach ([0, -1, PHP_INT_MIN] as $ms) {
    same([false, false], [Timer::after($ms, $nothing), swoole_timer_tick($ms, $nothing)]);
}
echo caught(fn () => Timer::after('soon', $nothing)), "\n";
echo caught(fn () => Timer::after(1)), "\n";
echo caught(fn () => Timer::tick(1, 'no_such_function')), "\n";
echo caught(fn () => Timer::tick(1, null)), "\n";
echo caught(fn () => Timer::tick(1, [new class { private function hidden() {} }, 'hidden'])), "\n";
echo caught(fn () => Timer::after(1, $nothing, name: 1)), "\n";
echo caught(fn () => new Timer()), "\n";
echo caught(fn () => Timer::exists([])), "\n";
echo caught(fn () => Timer::clearAll(1)), "\n";

$once = Timer::after(PHP_INT_MAX, $nothing, 1, 2);
$again = swoole_timer_tick(PHP_INT_MAX, $nothing);
same([1, 2], [$once, $again]);
same([0, PHP_INT_MAX], [Timer::info($once)['interval'], Timer::info($again)['interval']]);
same(['exec_msec', 'exec_count', 'interval', 'round', 'removed'], array_keys(swoole_timer_info($once)));
same([1, 2], iterator_to_array(swoole_timer_list()));
same(['initialized' => true, 'num' => 2, 'round' => 0], swoole_timer_stats());
same([true, true, false, false], [swoole_timer_exists(1), Timer::clear(1), Timer::clear(1), Timer::exists(1)]);
same([false, false, false], [Timer::clear(-1), Timer::clear(0), swoole_timer_clear(PHP_INT_MAX)]);
same([true, true], [Timer::clearAll(), swoole_timer_clear_all()]);
same(0, Timer::stats()['num']);
Swoole\Event::wait();
?>
--EXPECTF--
Warning: Swoole\Timer::after(): Timer must be greater than or equal to 1 in %s on line %d

Warning: swoole_timer_tick(): Timer must be greater than or equal to 1 in %s on line %d

Warning: Swoole\Timer::after(): Timer must be greater than or equal to 1 in %s on line %d

Warning: swoole_timer_tick(): Timer must be greater than or equal to 1 in %s on line %d

Warning: Swoole\Timer::after(): Timer must be greater than or equal to 1 in %s on line %d

Warning: swoole_timer_tick(): Timer must be greater than or equal to 1 in %s on line %d
TypeError: Swoole\Timer::after(): Argument #1 ($ms) must be of type int, string given
ArgumentCountError: Swoole\Timer::after() expects at least 2 arguments, 1 given
TypeError: Swoole\Timer::tick(): Argument #2 ($callback) must be a valid callback, function "no_such_function" not found or invalid function name
TypeError: Swoole\Timer::tick(): Argument #2 ($callback) must be a valid callback, no array or string given
TypeError: Swoole\Timer::tick(): Argument #2 ($callback) must be a valid callback, cannot access private method class@anonymous::hidden()
%s
%s
TypeError: Swoole\Timer::exists(): Argument #1 ($timer_id) must be of type int, array given
ArgumentCountError: Swoole\Timer::clearAll() expects exactly 0 arguments, 1 given
