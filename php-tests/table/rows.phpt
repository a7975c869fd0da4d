--TEST--
Swoole\Table: rows, conversion of values, limits of keys and strings, counting
--FILE--
<?php
use Swoole\Table;

function show(callable $f): void
{
    try {
        echo json_encode($f()), "\n";
    } catch (Throwable $e) {
        echo $e::class, ': ', $e->getMessage(), "\n";
    }
}
set_error_handler(function (int $level, string $message): bool {
    echo "  warning: {$message}\n";
    return true;
});
function table(): Table
{
    $table = new Table(64);
    $table->column('i', Table::TYPE_INT);
    $table->column('f', Table::TYPE_FLOAT);
    $table->column('s', Table::TYPE_STRING, 10);
    $table->create();
    return $table;
}

show(fn () => [($t = table())->set('a', ['i' => '12abc', 'f' => '1.5', 's' => 123, 'zz' => 1]), $t->get('a'), $t->get('a', 'zz'), $t->get('a', 'f'), $t->get('b'), $t->get('a', null)]);
show(fn () => [($t = table())->set('a', ['i' => 1, 'f' => 2, 's' => 'three']), $t->set('a', ['f' => 4.5]), $t->set('a', ['s' => 'x', 'i' => 9]), $t->get('a'), $t->set('a', ['i' => null, 's' => null]), $t->get('a')]);
show(fn () => [($t = table())->set('a', []), $t->get('a'), $t->set('a', []), $t->count(), $t->count(1), count($t)]);
show(fn () => [($t = table())->set('a', ['i' => true, 'f' => false, 's' => true]), $t->get('a'), $t->set('a', ['i' => 2.9, 's' => 1.25, 'f' => PHP_INT_MAX]), $t->get('a')]);
show(fn () => [($t = table())->set(7, ['i' => 1]), $t->get('7', 'i'), $t->exists(7), $t->del(7), $t->exist('7'), $t->delete('7')]);
show(fn () => [($t = table())->set("x\0y", ['i' => 3, 's' => "a\0b"]), $t->get("x\0y"), $t->get('x'), $t->set('', ['i' => 1]), $t->get('', 'i')]);
show(fn () => [($t = table())->set(str_repeat('k', 63), ['i' => 1]), $t->set(str_repeat('k', 64), ['i' => 2]), $t->get(str_repeat('k', 70), 'i'), $t->count()]);
show(fn () => [($t = table())->incr('a', 'i'), $t->incr('a', 'i', 5), $t->decr('a', 'i', 2), $t->incr('a', 'f', 1.5), $t->decr('a', 'f'), $t->incr('a', 'i', '7x'), $t->incr('a', 'i', 2.9), $t->incr('a', 's'), $t->decr('a', 's'), $t->incr('b', 'no'), $t->count()]);
show(fn () => [($t = table())->incr('a', 'i', PHP_INT_MAX), $t->incr('a', 'i'), $t->decr('b', 'i', PHP_INT_MIN)]);
show(fn () => [($t = table())->set('a', ['s' => [1], 'i' => new stdClass()]), $t->get('a')]);
show(fn () => table()->set('a', ['s' => new stdClass()]));
show(fn () => table()->set('a', ['s' => new class () {
    public function __toString(): string
    {
        throw new LogicException('no string');
    }
}]));
show(function () {
    $table = table();
    $table->set('a', ['s' => new class ($table) {
        public function __construct(private Table $table)
        {
        }

        public function __toString(): string
        {
            $this->table->set('a', ['i' => 4]);
            return 'inner';
        }
    }, 'f' => 1]);
    return $table->get('a');
});
show(function () {
    $table = table();
    $value = ['s' => 'by reference', 'i' => 1];
    $reference = &$value['s'];
    $table->set('a', $value);
    return $table->get('a', 's');
});
show(function () {
    $table = new Table(64);
    $table->column('7', Table::TYPE_INT);
    $table->column('07', Table::TYPE_INT);
    $table->create();
    $table->set('a', [7 => 1, '07' => 2]);
    return [$table->get('a'), $table->get('a', '7')];
});
show(fn () => table()->set([], []));
show(fn () => table()->set('a'));
show(fn () => table()->get());
show(fn () => table()->incr('a'));
show(fn () => table()->get('a', []));
show(fn () => [($t = table())->set('a', ['i' => 1]), $t->set('b', ['i' => 1]), $t->set('a', ['i' => 2]), $t->del('b'), $t->stats()]);
?>
--EXPECTF--
[true,{"i":12,"f":1.5,"s":"123"},false,1.5,false,{"i":12,"f":1.5,"s":"123"}]
[true,true,true,{"i":9,"f":4.5,"s":"x"},true,{"i":0,"f":4.5,"s":""}]
[true,{"i":0,"f":0,"s":""},true,1,3,1]
[true,{"i":1,"f":0,"s":"1"},true,{"i":2,"f":%f,"s":"1.25"}]
[true,1,true,true,false,false]
[true,{"i":3,"f":0,"s":"a\u0000b"},false,true,1]
  warning: Swoole\Table::set(): key[kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk] is too long
[true,true,2,1]
  warning: Swoole\Table::incr(): can't execute 'incr' on a string type column
  warning: Swoole\Table::decr(): can't execute 'decr' on a string type column
  warning: Swoole\Table::incr(): column[no] does not exist
[1,6,4,1.5,0.5,11,13,false,false,false,1]
[9223372036854775807,-9223372036854775808,-9223372036854775808]
  warning: Object of class stdClass could not be converted to int
  warning: Array to string conversion
[true,{"i":1,"f":0,"s":"Array"}]
Error: Object of class stdClass could not be converted to string
LogicException: no string
{"i":4,"f":1,"s":"inner"}
"by reference"
[{"7":1,"07":2},1]
TypeError: Swoole\Table::set(): Argument #1 ($key) must be of type string, array given
ArgumentCountError: Swoole\Table::set() expects exactly 2 arguments, 1 given
ArgumentCountError: Swoole\Table::get() expects at least 1 argument, 0 given
ArgumentCountError: Swoole\Table::incr() expects at least 2 arguments, 1 given
TypeError: Swoole\Table::get(): Argument #2 ($field) must be of type ?string, array given
[true,true,true,true,{"num":1,"conflict_count":0,"conflict_max_level":0,"insert_count":2,"update_count":1,"delete_count":1,"available_slice_num":12,"total_slice_num":12}]
