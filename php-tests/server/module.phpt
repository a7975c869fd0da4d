--TEST--
The module: name, version, constants, aliases, functions, and what php --ri shows
--FILE--
<?php
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

same(true, extension_loaded('swoole'));
same('6.2.2', SWOOLE_VERSION);
same(SWOOLE_VERSION, phpversion('swoole'));
same(60202, SWOOLE_VERSION_ID);
same([6, 2, 2], [SWOOLE_MAJOR_VERSION, SWOOLE_MINOR_VERSION, SWOOLE_RELEASE_VERSION]);
check(SWOOLE_EXTRA_VERSION !== '', 'SWOOLE_EXTRA_VERSION says which project this is');
same([1, 2], [SWOOLE_BASE, SWOOLE_PROCESS]);
same(SWOOLE_VERSION, swoole_version());
check(swoole_cpu_num() >= 1, 'swoole_cpu_num()');
same(0, swoole_last_error());
check(strlen(swoole_strerror(SWOOLE_ERROR_SESSION_CLOSED)) > 5, 'a text for SWOOLE_ERROR_SESSION_CLOSED');
check(strlen(swoole_strerror(2)) > 5, 'a text for ENOENT');
foreach (['swoole_server' => Swoole\Server::class, 'swoole_server_port' => Swoole\Server\Port::class,
    'swoole_connection_iterator' => Swoole\Connection\Iterator::class] as $alias => $class) {
    same($class, (new ReflectionClass($alias))->getName(), $alias);
}
foreach ([Swoole\Server\Event::class, Swoole\Server\StatusInfo::class, Swoole\Exception::class] as $class) {
    check(class_exists($class), $class);
}
foreach ([Swoole\Server\Port::class, Swoole\Connection\Iterator::class] as $class) {
    try {
        new $class();
        echo "{$class} can be made\n";
    } catch (Error $error) {
        check(str_contains($error->getMessage(), 'private') || str_contains($error->getMessage(), 'please use'), $error->getMessage());
    }
}
ob_start();
(new ReflectionExtension('swoole'))->info();
$info = ob_get_clean();
foreach (['swoole-rs', SWOOLE_VERSION] as $needle) {
    check(str_contains($info, $needle), "phpinfo has {$needle}: {$info}");
}
echo "ok\n";
?>
--EXPECT--
ok
