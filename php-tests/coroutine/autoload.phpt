--TEST--
Swoole\Coroutine: autoloaders that wait: others that need the class wait for it, and each gets it
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$loads = [];
spl_autoload_register(function (string $class) use (&$loads): void {
    $loads[] = $class;
    Coroutine::getCid() > 0 && Coroutine::sleep(0.002);
    match (true) {
        str_starts_with($class, 'Fine') => eval("class {$class} { const NAME = '{$class}'; }"),
        str_starts_with($class, 'Child') => eval("class {$class} extends Fine{$class} {}"),
        str_starts_with($class, 'Throws') => throw new RuntimeException("cannot load {$class}"),
        str_starts_with($class, 'Itself') => class_exists($class),
        default => null,
    };
});

run(function () use (&$loads): void {
    $names = [];
    for ($i = 0; $i < 5; $i++) {
        $cids[] = go(function () use (&$names): void {
            $names[] = FineA::NAME;
        });
    }
    $cids[] = go(function () use (&$names): void {
        $names[] = ChildA::NAME;
    });
    Coroutine::join($cids);
    same([...array_fill(0, 5, 'FineA'), 'FineChildA'], $names);
    sort($loads);
    same(['ChildA', 'FineA', 'FineChildA'], $loads);

    // One that cannot be loaded: everyone learns it, each in its own way.
    $loads = $found = [];
    $cids = [];
    for ($i = 0; $i < 3; $i++) {
        $cids[] = go(function () use (&$found): void {
            $found[] = class_exists('NoSuch');
            try {
                new NoSuch();
            } catch (Error $error) {
                $found[] = $error->getMessage();
            }
        });
    }
    Coroutine::join($cids);
    same(6, count($found));
    same(3, count(array_keys($found, 'Class "NoSuch" not found')));

    $failures = [];
    $cids = [];
    for ($i = 0; $i < 3; $i++) {
        $cids[] = go(function () use (&$failures): void {
            try {
                new ThrowsB();
            } catch (Throwable $error) {
                $failures[] = $error->getMessage();
            }
        });
    }
    Coroutine::join($cids);
    same(3, count($failures));
    check(in_array('cannot load ThrowsB', $failures, true), json_encode($failures));
    same(false, class_exists('Itself'));

    // Canceled while it loads: the next one loads.
    $cid = go(function (): void {
        try {
            new FineC();
        } catch (Coroutine\CanceledException) {
        }
    });
    $waits = go(function (): void {
        same(false, class_exists('FineC', false));
    });
    same(true, Coroutine::cancel($cid, true));
    Coroutine::sleep(0.01);
    same('FineC', FineC::NAME);
});
same('FineD', FineD::NAME);
echo "ok\n";
?>
--EXPECT--
ok
