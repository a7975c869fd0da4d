--TEST--
Swoole\Coroutine: when nothing can wake those that wait any more, a report says where they are
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$code = <<<'PHP'
    use function Swoole\Coroutine\{go, run};
    use Swoole\Coroutine as Co;
    function waits_in_a_function() { Co::yield(); }
    OPTIONS
    run(function () {
        go(fn () => waits_in_a_function());
        go(fn () => (new Co\Channel(1))->pop());
        go(fn () => Co::join([2]));
    });
    echo "goes on\n";
    run(function () { echo "and again ", Co::getCid(), "\n"; Co::sleep(0.001); });
    PHP;

$out = Script::run(str_replace('OPTIONS', '', $code));
$expected = <<<'TEXT'

     =================================================================
      [FATAL ERROR]: all coroutines (count: 3) are asleep - deadlock!
     =================================================================

      [Coroutine-4]
     -----------------------------------------------------------------
    #0 FILE(9): Swoole\Coroutine::join()
    #1 [internal function]: CLOSURE

      [Coroutine-3]
     -----------------------------------------------------------------
    #0 FILE(8): Swoole\Coroutine\Channel->pop()
    #1 [internal function]: CLOSURE

      [Coroutine-2]
     -----------------------------------------------------------------
    #0 FILE(4): Swoole\Coroutine::yield()
    #1 FILE(7): waits_in_a_function()
    #2 [internal function]: CLOSURE

     =================================================================
    goes on
    and again 5

    TEXT;
$shown = preg_replace(['~/\S*script\.php~', '~\{closure\S*\}\(\)~'], ['FILE', 'CLOSURE'], $out);
same($expected, substr($shown, 0, strlen($expected)));
same(1, substr_count(substr($shown, 0, strlen($expected)), 'deadlock'));

$out = Script::run(str_replace('OPTIONS', 'Co::set(["enable_deadlock_check" => false]);', $code));
same("goes on\nand again 5\n", $out);
$out = Script::run(str_replace('OPTIONS', 'Co::set(["deadlock_check_disable_trace" => true]);', $code));
check(str_contains($out, 'deadlock') && !str_contains($out, 'Coroutine-'), $out);
$out = Script::run(str_replace('OPTIONS', 'Co::set(["deadlock_check_limit" => 1, "deadlock_check_depth" => 1]);', $code));
same([2, 0], [preg_match_all('~\[Coroutine-4\]\n.*\n#0~', $out), substr_count($out, 'Coroutine-2') + substr_count($out, '#1')]);

// Nothing of that after what ends the process, nor while something can still happen.
$out = Script::run('go(fn () => Co::yield()); exit(0);');
check(str_contains($out, 'deadlock'), $out);
$out = Script::run('$cid = go(fn () => Co::yield()); Swoole\Timer::after(5, fn () => Co::resume($cid));');
check(!str_contains($out, 'deadlock'), $out);
$out = Script::run('go(fn () => Co::yield()); go(function () { Co::sleep(0.001); throw new Exception("x"); });', status: 255);
check(!str_contains($out, 'deadlock'), $out);
echo "ok\n";
?>
--EXPECT--
ok
