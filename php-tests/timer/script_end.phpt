--TEST--
Swoole\Timer: at a script's end, after Event::wait(), and when a callback throws, exits or dies
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function lines(string $code, int $status = 0): array
{
    $output = Script::run("use Swoole\\{Event, Timer};
        register_shutdown_function(function () { echo \"shutdown 1\\n\"; });
        class D { function __destruct() { echo \"destructor\\n\"; } } \$d = new D;
        {$code}
        register_shutdown_function(function () { echo \"shutdown 2\\n\"; });", status: $status);
    return array_values(preg_grep('/^$|^#|^Stack trace|thrown in/', explode("\n", $output), PREG_GREP_INVERT));
}
function without(array $lines, string $pattern): array
{
    check(preg_grep($pattern, $lines) !== [], "{$pattern} among " . json_encode($lines));
    return array_values(preg_grep($pattern, $lines, PREG_GREP_INVERT));
}
$deprecated = '/^Deprecated: swoole_event_rshutdown\(\): Event::wait\(\) in shutdown function is deprecated/';

// It runs at the end by itself, after the shutdown functions that were there before it.
same(['main', 'shutdown 1', 'timer', 'shutdown 2', 'destructor'],
    without(lines('Timer::after(1, function () { echo "timer\n"; }); echo "main\n";'), $deprecated));
// Once for all, and again after a loop that has ended.
same(['timer', 'after', 'shutdown 1', 'second', 'shutdown 2', 'destructor'],
    without(lines('Timer::after(1, function () { echo "timer\n"; }); Event::wait(); echo "after\n";
        Event::wait(); Timer::after(1, function () { echo "second\n"; });'), $deprecated));

foreach (['Event::wait(); echo "never\n";' => 0, '' => 1] as $wait => $at_the_end) {
    $order = fn (array $first) => $at_the_end ? ['shutdown 1', ...$first, 'shutdown 2', 'shutdown 3'] : [...$first, 'shutdown 1', 'shutdown 3'];
    $ends = fn (string $end, int $status, string $coroutines = 'false') => lines("swoole_async_set(['enable_coroutine' => {$coroutines}]); Timer::after(1, function () {
            register_shutdown_function(function () { echo \"shutdown 3\\n\"; });
            echo \"ends\\n\";
            {$end}
            echo \"never\\n\"; });
        Timer::after(1, function () { echo \"never\\n\"; });
        Timer::after(5, function () { echo \"never\\n\"; }); Event::defer(fn () => 1);
        {$wait}", $status);
    $clean = fn (array $lines) => $at_the_end ? without($lines, $deprecated) : $lines;
    same([...$order(['ends']), 'destructor'], $clean($ends('exit(7);', 7)), 'exit(7)');
    same([...$order(['ends']), 'destructor'], $clean($ends('exit;', 0)), 'exit');
    // In a coroutine exit() throws an exception that may be caught.
    same([...$order(['ends']), 'destructor'], without($clean($ends('exit(7);', 255, 'true')), '/^Fatal error: Uncaught Swoole.ExitException: swoole exit/'), 'exit(7) in a coroutine');
    same([...$order(['ends']), 'destructor'], without($clean($ends('throw new Exception("boom");', 255, 'true')), '/^Fatal error: Uncaught Exception: boom/'), 'throw in a coroutine');
    same([...$order(['ends']), 'destructor'], without($clean($ends('throw new Exception("boom");', 255)), '/^Fatal error: Uncaught Exception: boom/'), 'throw');
    same($order(['ends']), without($clean($ends('@trigger_error("dead", E_USER_ERROR);', 255)), '/^Fatal error: dead/'), 'fatal');
    // Out of memory in a shutdown function, PHP 8.2 runs no further ones.
    $memory = without($clean($ends('ini_set("memory_limit", "16M"); str_repeat("x", 1 << 28);', 255)), '/^Fatal error: Allowed memory size/');
    same($order(['ends']), $at_the_end && $memory === ['shutdown 1', 'ends'] ? [...$memory, 'shutdown 2', 'shutdown 3'] : $memory, 'memory');
}
// A caught exception is nobody's business.
same(['caught', 'next', 'shutdown 1', 'shutdown 2', 'destructor'], lines('
    Timer::after(1, function () { try { throw new Exception("x"); } catch (Exception) { echo "caught\n"; } });
    Timer::after(2, function () { echo "next\n"; }); Event::wait();'));
// What ended with a fatal error runs no timers any more.
same(['shutdown 1', 'destructor'], without(lines('Timer::after(1, function () { echo "never\n"; }); no_such_function();', 255), '/^Fatal error/'));
echo "done\n";
?>
--EXPECT--
done
