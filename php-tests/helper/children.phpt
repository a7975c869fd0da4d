--TEST--
The test helper for clients: a child ends with its part of the test, even one that fails
--EXTENSIONS--
pcntl
--FILE--
<?php
use function SwooleRs\Tests\{check, child, pair, parts};

require __DIR__ . '/../client/peer.inc';

$pids = [];
parts([
    'a part that fails' => function () use (&$pids): void {
        [$client, $peer] = pair();
        $pids[] = child(function () use ($peer): void {
            for (;;) {
                socket_write($peer, 'x');
            }
        });
        $client->recv(1);
        throw new SwooleRs\Tests\Failure('on purpose');
    },
    'one that does not wait' => function () use (&$pids): void {
        $pids[] = child(fn () => sleep(1000));
    },
]);
foreach ($pids as $pid) {
    check(!posix_kill($pid, 0), 'the child is gone');
}
echo "gone\n";
?>
--EXPECTF--
a part that fails: FAILED: on purpose
  at line %d
one that does not wait: ok
gone
