--TEST--
Swoole\Event::write: messages stay apart, also those that wait to be sent
--FILE--
<?php
use Swoole\Event;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

[$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_DGRAM, 0);
stream_set_read_buffer($b, 0);
$lengths = [];
Event::add($a, fn () => null);
for ($i = 0; $i < 600; $i++) {
    $lengths[] = $length = 1 + $i * 7;
    check(Event::write($a, str_repeat('m', $length)), "message {$i}");
}
$got = [];
Event::add($b, function ($b) use (&$got, $lengths, $a): void {
    $got[] = strlen(stream_socket_recvfrom($b, 65536));
    if (count($got) === count($lengths)) {
        Event::del($a);
        Event::del($b);
    }
});
Event::wait();
check($got === $lengths, implode(' ', $got));
echo "ok\n";
?>
--EXPECT--
ok
