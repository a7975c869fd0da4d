--TEST--
Hooks: stream_select()
--FILE--
<?php
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

function story(): array
{
    $said = [];
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $select = function (?array $read, ?array $write, ?array $except, mixed ...$time) use (&$said): void {
        try {
            $count = stream_select($read, $write, $except, ...$time);
            $keys = fn (?array $left) => $left === null ? null : array_keys($left);
            $said[] = [$count, $keys($read), $keys($write), $keys($except)];
        } catch (Error $e) {
            $said[] = $e->getMessage();
        }
    };
    $select(['a' => $a, 'b' => $b], null, null, 0);
    $select(['a' => $a, 'b' => $b], null, null, 0, 1000);
    $select([], [3 => $a, 'x' => $a], [], 1);
    $select([$a, $b], [7 => $b], [$a], null);
    fwrite($a, "one\ntwo\n");
    $select([$a, 'ready' => $b], [$a], null, null);
    fgets($b);
    $select(['also' => $a, 'buffered' => $b], [$a], [$a], null);
    fgets($b);
    $select([$a, $b], null, null, 0, 1000);
    $file = fopen(__FILE__, 'r');
    $select([$b, $file], null, null, 5);
    fclose($a);
    $select([$b], null, null, 5);
    fread($b, 1);
    $select(null, [$b], null, 5);
    $select([], [], [], 0);
    $select(null, null, null, 0);
    $select([$a], null, null, 0);
    $select([$b], null, null, -1);
    $select([$b], null, null, 0, -1);
    $select([$b], null, null, null, 1);
    $select([fopen('php://memory', 'r')], null, null, 0);
    $select(['no stream', $b], null, null, 0);
    $select([$b], null, null, 'x');
    $server = stream_socket_server('tcp://127.0.0.1:0');
    $select([$server], null, null, 0, 1000);
    $client = stream_socket_client('tcp://' . stream_socket_get_name($server, false));
    $select([$server], [$client], null, 5);
    $peer = stream_socket_accept($server);
    stream_socket_sendto($peer, '!', STREAM_OOB);
    $select(null, null, [$client], 5);
    return $said;
}

$native = @story();
$hooked = [];
Co\run(function () use (&$hooked): void {
    $hooked = @story();
});
foreach ($native as $step => $said) {
    same($said, $hooked[$step], "step {$step}");
}

Co\run(function (): void {
    // Others run meanwhile.
    [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    go(function () use ($a): void {
        Co::sleep(0.01);
        fwrite($a, 'x');
    });
    $read = [$a, $b];
    $none = null;
    same(1, stream_select($read, $none, $none, 10));
    same([1 => $b], $read);
    // The variable changes while its old value is selected.
    $read = ['other' => $a, 'key' => $b];
    fread($b, 1);
    go(function () use (&$read, $a): void {
        Co::sleep(0.01);
        $read = 'something else';
        fwrite($a, 'x');
    });
    same(1, stream_select($read, $none, $none, 10));
    same(['key' => $b], $read);
    // A descriptor counts once, whatever it is ready for.
    [$read, $write] = [[$a, $b], [$b]];
    same(1, stream_select($read, $write, $none, 10));
    same([[1 => $b], [$b]], [$read, $write]);
});
echo "done\n";
?>
--EXPECT--
done
