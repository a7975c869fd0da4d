--TEST--
Swoole\Atomic and Atomic\Long: values, limits, objects that cannot be copied
--FILE--
<?php
use Swoole\Atomic;
use Swoole\Atomic\Long;

function show(callable $f): void
{
    try {
        echo json_encode($f()), "\n";
    } catch (Throwable $e) {
        echo $e::class, ': ', $e->getMessage(), "\n";
    }
}

show(fn () => [($a = new Atomic(-1))->get(), $a->add(2), $a->sub(5), $a->add(-1), $a->cmpset(-1, 7), $a->set(1 << 33), $a->get()]);
show(fn () => [(new Atomic(PHP_INT_MAX))->get(), (new Atomic())->get(), (new Atomic(5))->add()]);
show(fn () => [($a = new Long(PHP_INT_MAX))->add(1), $a->sub(1), $a->cmpset(PHP_INT_MAX, -5), $a->get(), $a->cmpset(0, 1), $a->sub()]);
show(fn () => [($a = new Atomic(5))->wait(0.1), $a->get(), $a->wakeup(), $a->get()]);
show(fn () => [($a = new Atomic(1))->wait(-1), $a->get(), $a->wakeup(PHP_INT_MAX), $a->get(), $a->wakeup(-3), $a->get()]);
show(fn () => [($a = new Atomic(0))->wait(0.001), $a->wait(1e-12), $a->get()]);
show(fn () => new Atomic('x'));
show(fn () => (new Atomic())->set());
show(fn () => (new Atomic())->cmpset(1));
show(fn () => (new Long())->add([]));
show(fn () => clone new Atomic());
show(fn () => serialize(new Long()));
show(fn () => (new ReflectionClass(Atomic::class))->newInstanceWithoutConstructor()->add(3));
class Sub extends Atomic
{
    public function __construct(public string $name = 'n')
    {
    }
}
show(fn () => [($s = new Sub())->add(2), $s->name]);
show(fn () => [swoole_atomic::class, new swoole_atomic(3) instanceof Atomic, new swoole_atomic_long() instanceof Long]);
$many = [];
for ($i = 0; $i < 5000; $i++) {
    $many[] = new Atomic($i);
}
show(fn () => [array_sum(array_map(fn ($a) => $a->get(), $many)), array_sum(range(0, 4999))]);
?>
--EXPECT--
[4294967295,1,4294967292,4294967291,false,null,0]
[4294967295,0,6]
[-9223372036854775808,9223372036854775807,true,-5,false,-6]
[false,5,true,5]
[true,0,true,1,true,1]
[false,false,0]
TypeError: Swoole\Atomic::__construct(): Argument #1 ($value) must be of type int, string given
ArgumentCountError: Swoole\Atomic::set() expects exactly 1 argument, 0 given
ArgumentCountError: Swoole\Atomic::cmpset() expects exactly 2 arguments, 1 given
TypeError: Swoole\Atomic\Long::add(): Argument #1 ($add_value) must be of type int, array given
Error: Trying to clone an uncloneable object of class Swoole\Atomic
Exception: Serialization of 'Swoole\Atomic\Long' is not allowed
3
[2,"n"]
["swoole_atomic",true,true]
[12497500,12497500]
