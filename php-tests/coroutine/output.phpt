--TEST--
Swoole\Coroutine: each has output buffers of its own
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

ob_start();
echo 'of the script';
run(function (): void {
    same(0, ob_get_level());
    $cids = [];
    $got = [];
    foreach (['a', 'b', 'c'] as $name) {
        $cids[] = go(function () use ($name, &$got): void {
            ob_start();
            echo $name, 1;
            Coroutine::sleep(0.001);
            ob_start();
            echo $name, 2;
            Coroutine::sleep(0.001);
            same(2, ob_get_level());
            $inner = ob_get_clean();
            Coroutine::yield();
            echo $name, 3;
            $got[] = [$inner, ob_get_clean()];
            same(0, ob_get_level());
        });
    }
    same(0, ob_get_level());
    ob_start();
    echo 'mine';
    Coroutine::sleep(0.01);
    foreach ($cids as $cid) {
        while (!@Coroutine::resume($cid)) {
            Coroutine::sleep(0.001);
        }
    }
    same('mine', ob_get_clean());
    same([['a2', 'a1a3'], ['b2', 'b1b3'], ['c2', 'c1c3']], $got);

    // What is left in a buffer comes out when the coroutine ends, through its handler.
    go(function (): void {
        ob_start(fn (string $text) => strtoupper($text));
        echo "left in the buffer\n";
        Coroutine::sleep(0.001);
        echo "and more\n";
    });
    // A handler that switches is like any function that does: refused by neither side.
    Coroutine::sleep(0.01);

    // A buffer in a fiber in a coroutine.
    $fiber = new Fiber(function (): string {
        ob_start();
        echo 'in a fiber';
        Coroutine::sleep(0.001);
        return ob_get_clean();
    });
    $fiber->start();
    echo $fiber->getReturn(), "\n";

    // An exception, a cancel.
    $cid = go(function (): void {
        ob_start();
        echo "canceled\n";
        Coroutine::yield();
    });
    Coroutine::cancel($cid);

    // The way of nested ones.
    ob_start();
    echo "2\n";
    go(function (): void {
        echo "1\n";
        Coroutine::sleep(0.001);
        ob_start();
        echo "4\n";
    });
    echo "3\n";
});
same('of the script', ob_get_clean());
echo "ok\n";
?>
--EXPECT--
LEFT IN THE BUFFER
AND MORE
in a fiber
canceled
1
2
3
4
ok
