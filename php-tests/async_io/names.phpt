--TEST--
swoole_async_dns_lookup: host names with callbacks
--FILE--
<?php
use Swoole\Event;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

$found = [];
$note = function (string $host, string $ip) use (&$found): void {
    $found[$host] = $ip;
};
same(true, swoole_async_dns_lookup('127.0.0.1', $note));
same(true, swoole_async_dns_lookup('localhost', function (string $host, string $ip) use ($note): void {
    $note($host, $ip);
    swoole_async_dns_lookup('LOCALHOST', $note); // from the cache
    same(false, @swoole_async_dns_lookup('', $note));
}));
same(true, swoole_async_dns_lookup("a\0b", $note));
same([], $found);
Event::wait();
ksort($found);
same(['127.0.0.1' => '127.0.0.1', 'LOCALHOST' => '127.0.0.1', "a\0b" => '', 'localhost' => '127.0.0.1'], $found);
same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, (function (): int {
    swoole_async_dns_lookup("a\0b", function () use (&$error): void {
        $error = swoole_last_error();
    });
    Event::wait();
    return $error;
})());
echo "ok\n";
?>
--EXPECT--
ok
