--TEST--
Swoole\Timer: kinds of callables, arguments that live on, by-reference use, destructors that call back
--FILE--
<?php
use Swoole\{Event, Timer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

class Kinds
{
    public static array $calls = [];
    public static function s(...$args): void { self::$calls[] = ['static', $args]; }
    public function m(...$args): void { self::$calls[] = ['method', $args]; }
    private function p(...$args): void { self::$calls[] = ['private', $args]; }
    public function __invoke(...$args): void { self::$calls[] = ['invoke', $args]; }
    public function __call(string $name, array $args): void { self::$calls[] = ["__call {$name}", $args]; }
    public static function __callStatic(string $name, array $args): void { self::$calls[] = ["__callStatic {$name}", $args]; }
    public function addPrivate(): void { Timer::after(1, [$this, 'p'], 'own'); }
}
function plain(...$args): void { Kinds::$calls[] = ['function', $args]; }

Timer::after(1, 'plain', 1, 'two');
Timer::after(1, 'Kinds::s', [3]);
Timer::after(1, ['Kinds', 's'], null);
Timer::after(1, [new Kinds(), 'm']);
Timer::after(1, new Kinds(), 4.5);
Timer::after(1, [new Kinds(), 'magic'], 6);
Timer::after(1, ['Kinds', 'magic'], 7);
Timer::after(1, plain(...), 8);
(new Kinds())->addPrivate();
Event::wait();
same([['function', [1, 'two']], ['static', [[3]]], ['static', [null]], ['method', []], ['invoke', [4.5]],
    ['__call magic', [6]], ['__callStatic magic', [7]], ['function', [8]], ['private', ['own']]], Kinds::$calls);

// By-reference parameters get a copy, with the engine's warning; a closure's references are shared.
$value = 1;
Timer::after(1, function (int &$copy) use (&$value): void {
    $copy++;
    $value += 10;
}, $value);
Event::wait();
same(11, $value);

// Arguments live as long as the timer and no longer.
class Noisy
{
    public function __construct(private Closure $at_the_end) {}
    public function __destruct() { ($this->at_the_end)(); }
}
$gone = 0;
$count = function () use (&$gone): void { $gone++; };
$id = Timer::tick(1, function (int $id, Noisy $argument) use (&$gone): void {
    same(0, $gone);
    Timer::clear($id);
    same(0, $gone, 'lives while the callback runs');
}, new Noisy($count));
Event::wait();
same(1, $gone);

// Destructors of what a timer held add, list and clear timers.
$ids = [];
$meddle = function () use (&$ids, &$ran): void {
    $ids[] = Timer::after(1, function () use (&$ran): void { $ran++; });
    iterator_to_array(Timer::list());
    Timer::clear($ids[0]);
};
$ran = 0;
for ($i = 0; $i < 3; $i++) {
    Timer::after(60_000, fn () => null, new Noisy($meddle));
}
check(Timer::clearAll(), 'cleared');
same(3, count($ids));
same(2, Timer::stats()['num']);
Event::wait();
same(2, $ran);
Timer::after(1, fn () => null, new Noisy(fn () => Timer::clearAll()));
Timer::after(60_000, fn () => null, new Noisy(fn () => Timer::clearAll()));
Event::wait();

// Timers of a loop that has ended are gone, whatever they were.
$gone = 0;
Timer::after(60_000, fn () => null, new Noisy($count));
Event::defer(fn () => Event::exit());
Event::wait();
same([1, 0, false], [$gone, Timer::list()->count(), Timer::exists(1)]);
echo "done\n";
?>
--EXPECTF--
Warning: {closure%S}(): Argument #1 ($copy) must be passed by reference, value given in %s on line %d
done
