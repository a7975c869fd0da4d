--TEST--
Swoole\Coroutine: the preemptive scheduler lets others run while one computes
--FILE--
<?php
use Swoole\Coroutine;
use SwooleRs\Tests\Script;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$code = <<<'PHP'
    use Swoole\Coroutine as Co;
    use function Swoole\Coroutine\{go, run};
    OPTIONS
    run(function () {
        $flag = true;
        $n = 0;
        go(function () use (&$flag, &$n) {
            BEFORE
            while ($flag) {
                $n++;
            }
            echo "sees the change\n";
        });
        go(function () use (&$flag) {
            Co::sleep(0.001);
            $flag = false;
            echo "changes\n";
        });
        echo "starts\n";
    });
    PHP;
$on = "Co::set(['enable_preemptive_scheduler' => true]);";
same("starts\nchanges\nsees the change\n", Script::run(str_replace(['OPTIONS', 'BEFORE'], [$on, ''], $code)));
same("starts\nchanges\nsees the change\n", Script::run(str_replace(['OPTIONS', 'BEFORE'],
    ["ini_set('swoole.enable_preemptive_scheduler', '1');", ''], $code)));

// Two that compute take turns, in any kind of loop; one that is not to be disturbed is not.
$code = <<<'PHP'
    use Swoole\Coroutine as Co;
    use function Swoole\Coroutine\{go, run};
    Co::set(['enable_preemptive_scheduler' => true]);
    $turns = [];
    function spin(string $name, int $until): void {
        global $turns;
        for (;;) {
            if (end($turns) !== $name) {
                $turns[] = $name;
            }
            if (count($turns) >= $until) {
                return;
            }
            strlen(str_repeat('x', 10));
        }
    }
    run(function () {
        go(fn () => spin('a', 20));
        go(fn () => spin('b', 20));
    });
    echo implode($turns), "\n";
    run(function () {
        $other = false;
        go(function () use (&$other) {
            var_dump(Co::disableScheduler(), Co::disableScheduler());
            for ($end = hrtime(true) + 50_000_000; hrtime(true) < $end;);
            var_dump($other);
            var_dump(Co::enableScheduler(), Co::enableScheduler());
            while (!$other);
            echo "ends\n";
        });
        go(function () use (&$other) { $other = true; });
    });
    // Exceptions and output buffers stay with whom they belong to.
    run(function () {
        for ($c = 0; $c < 4; $c++) {
            $cids[] = go(function () use ($c) {
                ob_start();
                for ($i = 0, $end = hrtime(true) + 60_000_000; hrtime(true) < $end; $i++) {
                    try {
                        throw new Exception("{$c}");
                    } catch (Exception $e) {
                        $e->getMessage() === "{$c}" || print('WRONG');
                    }
                    $i % 1000 || print($c);
                }
                $all = ob_get_clean();
                trim($all, $c) === '' || print('WRONG');
            });
        }
        Co::join($cids);
        echo "apart\n";
    });
    PHP;
$out = Script::run($code);
check(preg_match('~^(ab){10}(a|b)?\n|^(ba){10}\n~', $out) === 1, $out);
same("bool(true)\nbool(false)\nbool(false)\nbool(true)\nbool(false)\nends\napart\n", substr($out, strpos($out, "\n") + 1));

// A child that was forked while it is at work has one of its own.
$out = Script::run(<<<'PHP'
    use Swoole\Coroutine as Co;
    Co::set(['enable_preemptive_scheduler' => true, 'enable_deadlock_check' => false]); // the child has one that sleeps for ever
    swoole_async_set(['enable_coroutine' => false]);
    function spin(string $who): void {
        $flag = false;
        go(function () use (&$flag) { Co::sleep(0.001); $flag = true; });
        while (!$flag);
        echo "{$who} preempted\n";
    }
    go(fn () => Co::sleep(0.03)); // keeps it at work
    Swoole\Timer::after(1, function () {
        $process = new Swoole\Process(fn () => Co\run(fn () => spin('child')), false, 0);
        $process->start();
        echo 'status ' . Swoole\Process::wait()['code'] . "\n";
        go(fn () => spin('parent'));
    });
    Swoole\Event::wait();
    PHP);
same("child preempted\nstatus 0\nparent preempted\n", $out);
echo "ok\n";
?>
--EXPECT--
ok
