--TEST--
Swoole\Coroutine\System: what waits works in coroutines only
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\check;

require __DIR__ . '/../include/bootstrap.php';

foreach (['sleep(1)', 'readFile(__FILE__)', 'writeFile("/dev/null", "")', 'gethostbyname("a")', 'getaddrinfo("a")',
    'dnsLookup("a")', 'exec("echo")', 'wait()', 'waitPid(1)', 'waitSignal(SIGUSR1)', 'waitEvent(0)', 'fread(STDIN)',
    'fwrite(STDIN, "")', 'fgets(STDIN)'] as $call) {
    foreach (['Swoole\Coroutine\System', 'Swoole\Coroutine', 'Co\System', 'Co'] as $class) {
        $output = Script::run("{$class}::{$call};\necho 'goes on';", status: 255);
        check(str_contains($output, 'API must be called in the coroutine'), "{$class}::{$call}: {$output}");
        check(!str_contains($output, 'goes on'), "{$class}::{$call} ends the script");
        if (!str_starts_with($call, 'read')) {
            break;
        }
    }
}
echo "ok\n";
?>
--EXTENSIONS--
posix
--EXPECT--
ok
