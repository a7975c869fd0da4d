--TEST--
Swoole\Coroutine: those that still wait at the end of the script release what they hold; no code of theirs runs
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$head = <<<'PHP'
    use Swoole\Coroutine as Co;
    use function Swoole\Coroutine\{go, run, defer};
    Co::set(['enable_deadlock_check' => false]);
    class Kept {
        function __construct(private string $name) {}
        function __destruct() { echo "{$this->name} is gone\n"; }
    }
    $channel = new Co\Channel(1);
    $waits = [
        'yield' => fn () => Co::yield(),
        'sleep' => fn () => Co::sleep(60),
        'pop' => fn () => $channel->pop(),
        'join' => fn () => Co::join([go(fn () => Co::yield())]),
        'in a fiber' => fn () => (new Fiber(function () { $kept = new Kept('of the fiber'); Co::yield(); echo "REACHED"; }))->start(),
        'in a generator' => function () { foreach ((function () { $kept = new Kept('of the generator'); yield 1; Co::yield(); echo "REACHED"; })() as $n) { } },
        'in array_map' => fn () => array_map(function () { Co::yield(); echo "REACHED"; }, [1]),
    ];
    function start(string $name) {
        go(function (...$args) use ($name) {
            defer(function () { echo "REACHED"; });
            Co::getContext()['kept'] = new Kept("the context's of {$name}");
            $local = new Kept("of {$name}");
            $args[] = $local;
            try {
                ob_start();
                echo 'left in a buffer REACHED';
                $GLOBALS['waits'][$name]();
                echo "REACHED";
            } catch (Throwable $t) {
                echo "REACHED";
            } finally {
                echo "REACHED";
            }
        }, 1, new Kept("argument of {$name}"));
    }
    register_shutdown_function(function () { echo "shutdown\n"; });

    PHP;
$names = ['yield', 'sleep', 'pop', 'join', 'in a fiber', 'in a generator', 'in array_map'];

foreach ([
    'the script ends' => ['', 0],
    'exit' => ['exit(3);', 3],
    'exit in a coroutine' => ['run(function () { try { exit(3); } catch (Swoole\ExitException $e) {} });', 0],
    'an exception' => ['throw new Exception("x");', 255],
] as $end => [$code, $status]) {
    foreach ($names as $name) {
        $sleeps = $name === 'sleep' ? 'register_shutdown_function(fn () => Swoole\Event::exit()); Swoole\Timer::after(1, fn () => Swoole\Event::exit());' : '';
        $out = Script::run("{$head} start('{$name}'); {$sleeps} {$code}", status: $status);
        check(!str_contains($out, 'REACHED'), "{$end}, {$name}: {$out}");
        foreach (["argument of {$name}", "of {$name}", "the context's of {$name}"] as $kept) {
            same(1, preg_match("~^{$kept} is gone$~m", $out), "{$end}, {$kept}: {$out}");
        }
        $name === 'in a fiber' && check(str_contains($out, 'of the fiber is gone'), $out);
        $name === 'in a generator' && check(str_contains($out, 'of the generator is gone'), $out);
        check(strpos($out, 'shutdown') < strpos($out, 'is gone'), $out);
    }
}
echo "ok\n";
?>
--EXPECT--
ok
