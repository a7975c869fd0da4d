--TEST--
Swoole\Table: sizes, columns, create, destroy, bad order of calls
--FILE--
<?php
use Swoole\Table;

require __DIR__ . '/../include/bootstrap.php';

/** What a script that ends with a fatal error says. */
function said(string $code): string
{
    return trim(preg_replace('/ in .*/', '', SwooleRs\Tests\Script::run($code, [], 255)));
}
function show(callable $f): void
{
    try {
        echo json_encode($f()), "\n";
    } catch (Throwable $e) {
        echo $e::class, '(', $e->getCode(), '): ', $e->getMessage(), "\n";
    }
}
set_error_handler(function (int $level, string $message): bool {
    echo "  warning: {$message}\n";
    return true;
});
class Unmade extends Table
{
    public function __construct()
    {
    }
}

show(fn () => [Table::TYPE_INT, Table::TYPE_FLOAT, Table::TYPE_STRING, new swoole_table(1) instanceof Table]);
foreach ([0, 1, 64, 65, 1024, -5, PHP_INT_MAX] as $size) {
    show(fn () => (new Table($size))->getSize());
}
show(fn () => [($t = new Table(100, -3.0))->size, $t->memorySize, $t->getMemorySize(), $t->count(), $t->stats()]);
show(fn () => [($t = new Table(100, NAN))->create(), $t->size, $t->memorySize === $t->getMemorySize(), $t->memorySize > 128 * 64, $t->stats()['total_slice_num']]);
show(fn () => [($t = new Table(64))->column('a', Table::TYPE_STRING), $t->column('a', Table::TYPE_STRING, -1), $t->column('a', Table::TYPE_STRING, PHP_INT_MAX),
    $t->column('a', Table::TYPE_STRING, 5), $t->column('a', Table::TYPE_INT), $t->column('', Table::TYPE_INT, 3), $t->create(), $t->column('b', Table::TYPE_INT), $t->create()]);
show(fn () => (new Table(10))->__construct(10));
show(fn () => clone new Table(10));
show(fn () => serialize(new Table(10)));
show(fn () => new Table());
show(fn () => new Table('many'));
show(function () {
    $table = new Table(10);
    unset($table->size);
});
show(fn () => [($t = new Unmade())->count(), $t->getSize(), $t->getMemorySize(), $t->stats()]);
$calls = ['column' => ['a', 1], 'create' => [], 'destroy' => [], 'set' => ['a', []], 'get' => ['a'], 'del' => ['a'], 'exists' => ['a'],
    'incr' => ['a', 'b'], 'decr' => ['a', 'b'], 'rewind' => [], 'valid' => [], 'next' => [], 'current' => [], 'key' => []];
foreach ($calls as $method => $arguments) {
    show(fn () => (new Unmade())->{$method}(...$arguments));
}
show(function () {
    $table = new Table(10);
    $table->create();
    return [$table->destroy(), $table->count(), $table->getSize(), $table->getMemorySize(), $table->stats(), $table->size];
});
show(function () {
    $table = new Table(10);
    $table->create();
    $table->destroy();
    $table->get('a');
});
for ($i = 0; $i < 70000; $i++) { // more than a process may have mappings
    $table = new Table(1);
    if ($i % 2) {
        $table->create();
    }
}
restore_error_handler();
foreach (['get("a")', 'set("a", [])', 'rewind()', 'destroy()'] as $call) {
    echo said("\$t = new Swoole\\Table(8); \$t->{$call}; echo 'not reached';"), "\n";
}
echo said('$t = new Swoole\\Table(-1); $t->column("a", 3, 1 << 30); $t->create(); echo "not reached";'), "\n";
?>
--EXPECTF--
[1,2,3,true]
64
64
64
128
1024
2147483648
2147483648
[null,null,0,0,false]
[true,128,true,true,25]
  warning: Swoole\Table::column(): the length of string type values has to be more than zero
  warning: Swoole\Table::column(): the length of string type values has to be more than zero
  warning: Swoole\Table::column(): the length of string type values must not be more than 1073741824 bytes
  warning: Swoole\Table::column(): column[a] exists already
  warning: Swoole\Table::column(): unable to add column after table has been created
  warning: Swoole\Table::create(): the table has been created
[false,false,false,true,false,true,true,false,false]
Error(0): Constructor of Swoole\Table can only be called once
Error(0): Trying to clone an uncloneable object of class Swoole\Table
Exception(0): Serialization of 'Swoole\Table' is not allowed
ArgumentCountError(0): Swoole\Table::__construct() expects at least 1 argument, 0 given
TypeError(0): Swoole\Table::__construct(): Argument #1 ($table_size) must be of type int, string given
Error(0): Property size of class Swoole\Table cannot be unset
[0,0,0,false]
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
[true,0,0,0,false,64]
Swoole\Error(509): must call constructor first
Fatal error: Swoole\Table::get(): table is not created or has been destroyed
Fatal error: Swoole\Table::set(): table is not created or has been destroyed
Fatal error: Swoole\Table::rewind(): table is not created or has been destroyed
Fatal error: Swoole\Table::destroy(): table is not created or has been destroyed
Fatal error: Swoole\Table::create(): unable to allocate memory
