--TEST--
Swoole\Coroutine: methods that serialize() and unserialize() call may wait, and each coroutine has its own calls
--FILE--
<?php
use Swoole\Coroutine\Channel;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';
error_reporting(E_ALL & ~E_DEPRECATED);

class Slow
{
    public function __serialize(): array
    {
        Co::sleep(0.002);
        return [];
    }

    public function __unserialize(array $data): void
    {
    }
}

class SlowToWake
{
    public $x;

    public function __wakeup()
    {
        Co::sleep(0.006);
    }
}

/** What it serializes counts what stands around it, too. */
class Old implements Serializable
{
    public function __construct(public array $inner = [])
    {
    }

    public function serialize()
    {
        Co::sleep(0.001);
        $text = serialize($this->inner);
        Co::sleep(0.001);
        return $text;
    }

    public function unserialize($data)
    {
        Co::sleep(0.001);
        $this->inner = unserialize($data);
        Co::sleep(0.001);
    }
}

// One is left while it serializes, another while it unserializes; the first comes back between.
run(function (): void {
    $s = serialize(new SlowToWake());
    go(fn () => serialize(new Slow()));
    go(fn () => unserialize($s));
    Co::sleep(0.02);
    same([1], unserialize(serialize([1])));
});

// Whoever serializes meanwhile begins anew: references are to what the same call has seen.
run(function (): void {
    $shared = new stdClass();
    $value = fn () => [$shared, new Old([$shared, 1]), $shared, new Slow(), new SlowToWake()];
    $plain = [$shared, $shared];
    $results = new Channel(10);
    for ($i = 0; $i < 5; $i++) {
        go(function () use ($value, $results, $i): void {
            $i > 0 && Co::sleep($i / 1000);
            $text = serialize($value());
            $back = unserialize($text);
            check($back[0] === $back[2] && $back[0] === $back[1]->inner[0], 'one object');
            $results->push($text);
        });
        for ($j = 0; $j < 3; $j++) {
            same('a:2:{i:0;O:8:"stdClass":0:{}i:1;r:2;}', serialize($plain));
            $copy = unserialize(serialize($plain));
            check($copy[0] === $copy[1], 'one object');
            Co::sleep(0.001);
        }
    }
    $first = $results->pop();
    check(str_contains($first, 'C:3:"Old":'), $first);
    for ($i = 1; $i < 5; $i++) {
        same($first, $results->pop());
    }
});

// Exceptions and the end of a coroutine in the midst of it.
run(function () use (&$cid): void {
    $cid = go(function (): void {
        try {
            serialize([new Slow(), new Old()]);
            echo "not reached\n";
        } catch (Swoole\Coroutine\CanceledException) {
            same('a:1:{i:0;i:1;}', serialize([1]));
        }
    });
    same(true, Co::cancel($cid, true));
    same([2], unserialize(serialize([2])));
});
echo "ok\n";
?>
--EXPECT--
ok
