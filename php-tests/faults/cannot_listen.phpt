--TEST--
Swoole\Server: port in use, bad host, no permission: one clear error, exit status not 0, nothing left
--FILE--
<?php
use SwooleRs\Tests\{Failure, Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

$port = Ports::take();
$holder = stream_socket_server("tcp://127.0.0.1:{$port}");
$cases = [
    'port in use' => ["'127.0.0.1', {$port}", '/127\.0\.0\.1:' . $port . '.*(in use)/'],
    'bad host' => ["'no such host', 9501", '/no such host/'],
    'not our address' => ["'192.0.2.1', 9501", '/192\.0\.2\.1:9501.*(assign|not available)/i'],
    'port too large' => ["'127.0.0.1', 65536", '/65536/'],
    'negative port' => ["'127.0.0.1', -1", '/-1/'],
    'bad mode' => ["'127.0.0.1', 0, 7", '/mode.*7|7.*mode/'],
    'bad type' => ["'127.0.0.1', 0, SWOOLE_BASE, 99", '/99/'],
];
foreach ($cases as $name => [$arguments, $expected]) {
    foreach (['SWOOLE_BASE', 'SWOOLE_PROCESS'] as $mode) {
        $with_mode = substr_count($arguments, ',') > 1 ? $arguments : "{$arguments}, {$mode}";
        $output = Script::run("\$server = new Swoole\\Server({$with_mode}); echo 'made';", status: 255);
        check(preg_match($expected, $output) === 1, "{$name}: {$output}");
        same(1, substr_count($output, 'Uncaught'), "{$name}: one error, in {$output}");
    }
}
// It can be caught, and the next one may be made.
$free = Ports::take();
same("Swoole\\Exception, then 127.0.0.1\n", Script::run(<<<PHP
    try {
        new Swoole\\Server('127.0.0.1', {$port});
    } catch (Swoole\\Exception \$error) {
        echo get_class(\$error), ', then ';
    }
    \$server = new Swoole\\Server('127.0.0.1', {$free});
    echo \$server->host, "\\n";
    PHP));

if (posix_getuid() === 0 && (int) file_get_contents('/proc/sys/net/ipv4/ip_unprivileged_port_start') > 81) {
    $output = Script::run("posix_setuid(65534); new Swoole\\Server('127.0.0.1', 81);", status: 255);
    check(preg_match('/127\.0\.0\.1:81.*[Pp]ermission/', $output) === 1, $output);
}
echo "ok\n";
?>
--EXPECT--
ok
