--TEST--
Swoole\Coroutine: create, yield, resume: what runs when, numbers, arguments, all kinds of callables
--FILE--
<?php
use Swoole\Coroutine;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

final class Kinds
{
    public static function fixed(string ...$args): void
    {
        global $called;
        $called[] = [__FUNCTION__, $args];
    }

    public function bound(string ...$args): void
    {
        global $called;
        $called[] = [__FUNCTION__, $args];
    }

    public function __call(string $name, array $args): void
    {
        global $called;
        $called[] = [$name, $args];
        Coroutine::yield();
        $called[] = [$name, 'again'];
    }

    public static function __callStatic(string $name, array $args): void
    {
        global $called;
        $called[] = [$name, $args];
    }

    public function __invoke(string ...$args): void
    {
        global $called;
        $called[] = [__FUNCTION__, $args];
    }

    private function hidden(string ...$args): void
    {
        global $called;
        $called[] = [__FUNCTION__, $args];
    }

    public function fromInside(): void
    {
        Coroutine::create([$this, 'hidden'], 'i');
        Coroutine::create($this->hidden(...), 'j');
    }
}

function plain(string ...$args): void
{
    global $called;
    $called[] = [__FUNCTION__, $args];
}

same(-1, Coroutine::getCid());
same(-1, Coroutine::getuid());
same(false, Coroutine::getPcid());
same([], iterator_to_array(Coroutine::list()));

run(function (): void {
    // A coroutine runs at once until it yields; create() returns its number.
    $log = [];
    $me = Coroutine::getCid();
    $cid = Coroutine::create(function (string ...$args) use (&$log, $me): void {
        $log[] = $args;
        $log[] = [Coroutine::getCid(), Coroutine::getPcid(), $me];
        $log[] = Coroutine::yield();
        $log[] = Coroutine::suspend();
        $log[] = 'end';
    }, 'a', 'b');
    same($me + 1, $cid);
    same([['a', 'b'], [$cid, $me, $me]], $log);
    same(true, Coroutine::exists($cid));
    same($me, Coroutine::getPcid($cid));
    same(true, Coroutine::resume($cid));
    same(true, $log[2]);
    same(true, Coroutine::resume((string) $cid)); // as PHP converts it
    same([true, 'end'], array_slice($log, 3));
    same(false, Coroutine::exists($cid));
    same(false, Coroutine::getPcid($cid));
    same(false, @Coroutine::resume($cid));

    // Numbers are not used again, and of one that ended nothing is left.
    $next = go(fn () => Coroutine::yield());
    same($cid + 1, $next);
    same([$next, $me], iterator_to_array(Coroutine::listCoroutines()));
    Coroutine::resume($next);

    // Each kind of callable, with arguments, named ones too.
    global $called;
    $called = [];
    $kinds = new Kinds();
    Coroutine::create('plain', 'a');
    Coroutine::create('Kinds::fixed', 'b');
    Coroutine::create(['Kinds', 'fixed'], 'c');
    Coroutine::create([$kinds, 'bound'], 'd');
    Coroutine::create($kinds, 'e');
    Coroutine::create(plain(...), 'f');
    Coroutine::create(['Kinds', 'magic'], 'g');
    $waits = Coroutine::create([$kinds, 'magic'], 'h');
    $kinds->fromInside();
    Coroutine::create('var_export', 1);
    same([['plain', ['a']], ['fixed', ['b']], ['fixed', ['c']], ['bound', ['d']], ['__invoke', ['e']],
        ['plain', ['f']], ['magic', ['g']], ['magic', ['h']], ['hidden', ['i']], ['hidden', ['j']]], $called);
    unset($kinds);
    Coroutine::resume($waits);
    same(['magic', 'again'], end($called));

    // By reference: the caller's variable is not reached, as with call_user_func().
    $n = 1;
    $cid = Coroutine::create(function (int $n): void {
        $n++;
        Coroutine::yield();
    }, $n);
    same(1, $n);
    Coroutine::resume($cid);

    // Coroutines inside coroutines: each stands on the one that resumed it.
    $order = [];
    $inner = null;
    $outer = go(function () use (&$order, &$inner): void {
        $order[] = 'outer 1';
        $inner = go(function () use (&$order): void {
            $order[] = 'inner 1';
            Coroutine::yield();
            $order[] = 'inner 2';
        });
        $order[] = 'outer 2';
        Coroutine::yield();
        $order[] = 'outer 3';
    });
    same($outer, Coroutine::getPcid($inner));
    Coroutine::resume($outer);
    same(false, Coroutine::exists($outer));
    same($outer, Coroutine::getPcid($inner)); // though it has ended
    Coroutine::resume($inner);
    same(['outer 1', 'inner 1', 'outer 2', 'outer 3', 'inner 2'], $order);

    // Many at a time, resumed in any order.
    $cids = $done = [];
    for ($i = 0; $i < 3000; $i++) {
        $cids[] = go(function () use (&$done): void {
            $mine = Coroutine::getCid();
            Coroutine::yield();
            $done[] = $mine;
        });
    }
    same(3001, Coroutine::stats()['coroutine_num']);
    mt_srand(7);
    shuffle($cids);
    array_map(Coroutine::resume(...), $cids);
    same($cids, $done);
    same(1, Coroutine::stats()['coroutine_num']);
    same(true, Coroutine::stats()['coroutine_peak_num'] >= 3001);
});

// Outside of run() the loop runs at the end of the script; until then the coroutine waits.
$cid = go(function (): void {
    echo "\nfirst\n";
    Coroutine::sleep(0.001);
    echo "last\n";
});
same(-1, Coroutine::getPcid($cid));
echo "main\n";
Swoole\Event::wait();
same(false, Coroutine::exists($cid));
echo "ok\n";
?>
--EXPECT--
1
first
main
last
ok
