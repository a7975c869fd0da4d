--TEST--
Swoole\Coroutine\Channel: push, pop, length, in order, with waits on both ends, timeouts and close
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Channel;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

run(function (): void {
    $channel = new Channel(3);
    same([3, 0, 0, true, false], [$channel->capacity, $channel->length(), $channel->errCode, $channel->isEmpty(), $channel->isFull()]);
    $things = [null, false, 0, 1.5, 'text', ['a' => [1]], new ArrayObject([1]), fn () => 1];
    foreach ($things as $thing) {
        same(true, $channel->push($thing));
        same(1, $channel->length());
        same($thing, $channel->pop());
        same(SWOOLE_CHANNEL_OK, $channel->errCode);
    }

    // A reference is not kept, a copy is.
    $value = [1];
    $reference = &$value;
    $channel->push($reference);
    $value[] = 2;
    same([1], $channel->pop());

    // Full: those who push wait in order, and so do those who pop.
    $log = [];
    $pushers = [];
    for ($i = 0; $i < 6; $i++) {
        $pushers[] = go(function () use ($channel, $i, &$log): void {
            $log[] = [$i, $channel->push($i)];
        });
    }
    same([[0, true], [1, true], [2, true]], $log);
    same([true, 3, ['consumer_num' => 0, 'producer_num' => 3, 'queue_num' => 3]], [$channel->isFull(), $channel->length(), $channel->stats()]);
    for ($i = 0; $i < 6; $i++) {
        same($i, $channel->pop());
    }
    same(range(0, 5), array_column($log, 0));
    $got = [];
    for ($i = 0; $i < 4; $i++) {
        go(function () use ($channel, $i, &$got): void {
            $got[$i] = $channel->pop();
        });
    }
    same(['consumer_num' => 4, 'producer_num' => 0, 'queue_num' => 0], $channel->stats());
    foreach (['a', 'b', 'c', 'd'] as $letter) {
        $channel->push($letter);
    }
    while (count($got) < 4) {
        Coroutine::sleep(0.001);
    }
    same(['a', 'b', 'c', 'd'], $got);

    // A timeout; 0 and less is none.
    same([false, SWOOLE_CHANNEL_TIMEOUT], [$channel->pop(0.001), $channel->errCode]);
    $one = new Channel();
    same([1, true], [$one->capacity, $one->push('x', 0.001)]);
    same([false, SWOOLE_CHANNEL_TIMEOUT, 1], [$one->push('y', 0.001), $one->errCode, $one->length()]);
    foreach ([-1, 0, -0.5] as $without) {
        $cid = go(fn () => $one->push('z', $without));
        same(1, $one->stats()['producer_num']);
        same(true, Coroutine::cancel($cid));
        same([0, SWOOLE_CHANNEL_CANCELED], [$one->stats()['producer_num'], $one->errCode]);
    }
    same('x', $one->pop(10));

    // Closed: what is in may be taken, nothing goes in, all who wait are told.
    $one->push('last');
    $answers = [];
    for ($i = 0; $i < 3; $i++) {
        go(function () use ($one, &$answers): void {
            $answers[] = [$one->push('more'), $one->errCode];
        });
    }
    same(true, $one->close());
    same(array_fill(0, 3, [false, SWOOLE_CHANNEL_CLOSED]), $answers);
    same(false, $one->close());
    same([false, SWOOLE_CHANNEL_CLOSED], [$one->push('more'), $one->errCode]);
    same('last', $one->pop());
    same([false, SWOOLE_CHANNEL_CLOSED], [$one->pop(), $one->errCode]);
    $empty = new Channel();
    $answers = [];
    go(function () use ($empty, &$answers): void {
        $answers[] = [$empty->pop(), $empty->errCode];
    });
    $empty->close();
    same([[false, SWOOLE_CHANNEL_CLOSED]], $answers);

    // Closed again by those who are told.
    $empty = new Channel();
    $ended = [];
    for ($i = 0; $i < 5; $i++) {
        go(function () use ($empty, $i, &$ended): void {
            same(false, $empty->pop());
            same(false, $empty->close());
            $ended[] = $i;
        });
    }
    same(true, $empty->close());
    same(range(0, 4), $ended);

    // What is left in it goes with it; so does what somebody who is canceled had in hand.
    $held = new ArrayObject();
    $weak = WeakReference::create($held);
    $channel->push($held);
    $cid = go(function () use ($one): void {
        $full = new Channel(1);
        $full->push(1);
        $full->push(new ArrayObject());
    });
    Coroutine::cancel($cid);
    unset($held, $channel);
    same(null, $weak->get());

    // Freed by those who use it, while they wait.
    $freed = new Channel();
    $cid = go(function () use (&$freed): void {
        $freed->pop();
    });
    $freed = null;
    same(true, Coroutine::cancel($cid));

    // Through one small channel, many of both kinds: each item once.
    $channel = new Channel(2);
    $seen = [];
    $cids = [];
    for ($p = 0; $p < 20; $p++) {
        $cids[] = go(function () use ($channel, $p): void {
            for ($i = 0; $i < 100; $i++) {
                $i % 13 === 0 && Coroutine::sleep(0.001);
                check($channel->push($p * 100 + $i), 'pushed');
            }
        });
    }
    for ($c = 0; $c < 7; $c++) {
        go(function () use ($channel, &$seen, $c): void {
            while (($item = $channel->pop($c ? 5 : -1)) !== false) {
                $seen[] = $item;
            }
        });
    }
    Coroutine::join($cids);
    $channel->close();
    sort($seen);
    same(range(0, 1999), $seen);

    // A subclass.
    $channel = new class(5) extends Channel {
        public int $pushed = 0;

        public function push(mixed $data, float $timeout = -1): bool
        {
            $this->pushed++;
            return parent::push($data, $timeout);
        }
    };
    $channel->push(1);
    same([1, 1, 5], [$channel->pushed, $channel->pop(), $channel->capacity]);
});
echo "ok\n";
?>
--EXPECT--
ok
