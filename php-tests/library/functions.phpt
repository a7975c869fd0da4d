--TEST--
library: options, swoole_table, containers, Swoole\Constant, Swoole\Http\Status, Swoole\Server\Helper
--FILE--
<?php
use Swoole\Http\Status;
use Swoole\Server\Helper;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

swoole_library_set_options(['a' => 1]);
swoole_library_set_option('b', [2]);
same(['a' => 1, 'b' => [2]], swoole_library_get_options());
same([1, [2], null], [swoole_library_get_option('a'), swoole_library_get_option('b'), swoole_library_get_option('none')]);
swoole_library_set_options([]);
same([], swoole_library_get_options());
same([], SwooleLibrary::$options);

$table = swoole_table(16, 'id:i, name:s:8, price:float, n:int, t:string:4');
same(Swoole\Table::class, get_class($table));
$table->set('x', ['id' => 1, 'name' => 'n', 'price' => 1.5, 'n' => 2, 't' => 'text']);
same(['id' => 1, 'name' => 'n', 'price' => 1.5, 'n' => 2, 't' => 'text'], $table->get('x'));
foreach (['a:z', 'a:s', 'a:s:0', 'a', '', 'a:i,'] as $fields) {
    try {
        swoole_table(16, $fields);
        echo "no error for {$fields}\n";
    } catch (RuntimeException $e) {
        echo "'{$fields}': {$e->getMessage()}\n";
    }
}
check(is_bool(swoole_is_in_container()), 'a container or none');
check(swoole_container_cpu_num() >= 1 && swoole_container_cpu_num() <= swoole_cpu_num(), 'some of the CPUs');

same(['receive', 'worker_num', 'log_file'], [Swoole\Constant::EVENT_RECEIVE, Swoole\Constant::OPTION_WORKER_NUM,
    Swoole\Constant::OPTION_LOG_FILE]);
same(231, count((new ReflectionClass('Swoole\Constant'))->getConstants()));

same(['OK', 'Not Found', 'Unknown', 404, 61], [Status::getReasonPhrase(200), Status::getReasonPhrase(Status::NOT_FOUND),
    Status::getReasonPhrase(999), Status::NOT_FOUND, count(Status::getReasonPhrases())]);

Helper::checkOptions(['worker_num' => 1, 'stats_file' => 'x', 'enable_coroutine' => false]);
set_error_handler(fn (int $type, string $text) => print("{$type}: {$text}\n"));
Helper::checkOptions(['worker_num' => 1, 'worker_number' => 2]);
?>
--EXPECT--
'a:z': unknown field type[z]
'a:s': need to give string length
'a:s:0': need to give string length
'a': field [a] has no type: write name:i, name:f or name:s:BYTES
'': field [] has no type: write name:i, name:f or name:s:BYTES
'a:i,': field [] has no type: write name:i, name:f or name:s:BYTES
512: unsupported option [worker_number]
