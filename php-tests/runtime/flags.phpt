--TEST--
Swoole\Runtime: flags as they were set, and a word about those that are not built
--FILE--
<?php
use Swoole\Runtime;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

same(0, Runtime::getHookFlags());
try {
    new Runtime();
    throw new Exception('made');
} catch (Error $error) {
    same('The object of Swoole\Runtime can not be created for security reasons', $error->getMessage());
}
same(true, Runtime::enableCoroutine());
same(SWOOLE_HOOK_ALL, Runtime::getHookFlags());
same(true, Runtime::enableCoroutine(SWOOLE_HOOK_ALL ^ SWOOLE_HOOK_SLEEP));
same(SWOOLE_HOOK_ALL ^ SWOOLE_HOOK_SLEEP, Runtime::getHookFlags());
same(true, Runtime::setHookFlags(SWOOLE_HOOK_SLEEP));
same(['hook_flags' => SWOOLE_HOOK_SLEEP], Co::getOptions());
same(true, Runtime::enableCoroutine(0));
same(0, Runtime::getHookFlags());
Co::set(['hook_flags' => SWOOLE_HOOK_SLEEP]);
same(SWOOLE_HOOK_SLEEP, Runtime::getHookFlags());
Co\run(fn () => same(SWOOLE_HOOK_SLEEP, Runtime::getHookFlags()));

Runtime::enableCoroutine(SWOOLE_HOOK_MONGODB);
Runtime::enableCoroutine(SWOOLE_HOOK_MONGODB);
?>
--EXPECTF--
Warning: Swoole\Runtime::enableCoroutine(): SWOOLE_HOOK_MONGODB is not built yet: what it stands for goes on blocking the process in %s on line %d
