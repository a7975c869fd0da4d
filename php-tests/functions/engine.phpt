--TEST--
swoole_get_objects, swoole_get_object_by_handle, swoole_get_vm_status, swoole_implicit_fn and the tracer
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\same;

var_dump(swoole_get_objects());
$before = swoole_get_vm_status();
$one = new stdClass();
$gone = new stdClass();
$two = new ArrayObject();
unset($gone);
$objects = swoole_get_objects();
var_dump(count($objects), $objects[0] === $one, $objects[1] === $two);
unset($objects);
var_dump(swoole_get_object_by_handle(spl_object_id($two)) === $two);
foreach ([0, 2, 99, -1, PHP_INT_MIN, PHP_INT_MAX] as $none) {
    var_dump(swoole_get_object_by_handle($none));
}
$file = fopen(__FILE__, 'r');
$after = swoole_get_vm_status();
var_dump($after['object_num'] - $before['object_num'], $after['resource_num'] > $before['resource_num']);

class Dying
{
    public static mixed $seen;

    public function __destruct()
    {
        self::$seen = swoole_get_objects();
    }
}
new Dying();
var_dump(count(Dying::$seen), get_class(swoole_get_object_by_handle(2)));

var_dump(swoole_implicit_fn('refcount', 5), swoole_implicit_fn('RefCount', $one) > 1, swoole_implicit_fn('refcount'));
try {
    swoole_implicit_fn('no such');
} catch (Swoole\Exception $e) {
    var_dump($e->getCode() === SWOOLE_ERROR_INVALID_PARAMS, $e->getMessage());
}
try {
    swoole_test_kernel_coroutine();
} catch (Swoole\Exception $e) {
    var_dump($e->getCode() === SWOOLE_ERROR_OPERATION_NOT_SUPPORT);
}
set_error_handler(static function (int $level, string $message): bool {
    echo strtok($message, ':'), "\n";
    return true;
});
var_dump(swoole_internal_call_user_shutdown_begin(), swoole_tracer_prof_begin(), swoole_tracer_prof_end('/tmp/x'), swoole_tracer_leak_detect());
restore_error_handler();

require __DIR__ . '/../include/bootstrap.php';
$end = 'register_shutdown_function(fn () => print("end\n")); try { swoole_implicit_fn(%s); } finally { echo "not reached\n"; }';
same("end\n", Script::run(sprintf($end, "'bailout'"), status: 95));
same("end\n", Script::run(sprintf($end, "'bailout', 7"), status: 7));
same(1, preg_match('/Fatal error: .*test.*end$/s', trim(Script::run(sprintf($end, "'fatal_error'"), status: 255))));
?>
--EXPECT--
bool(false)
int(2)
bool(true)
bool(true)
bool(true)
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
int(2)
bool(true)
int(3)
string(5) "Dying"
int(1)
bool(true)
int(0)
bool(true)
string(20) "unknown fn 'no such'"
bool(true)
swoole_internal_call_user_shutdown_begin()
swoole_tracer_prof_begin()
swoole_tracer_prof_end()
swoole_tracer_leak_detect()
bool(false)
bool(false)
bool(false)
NULL
