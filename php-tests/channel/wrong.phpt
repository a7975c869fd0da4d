--TEST--
Swoole\Coroutine\Channel: wrong use is an exception or false
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Channel;
use function Swoole\Coroutine\{go, run};

function attempt(string $what, callable $try): void
{
    try {
        $value = json_encode($try());
        echo "{$what}: {$value}\n";
    } catch (Throwable $error) {
        echo "{$what}: ", $error::class, " {$error->getCode()}: {$error->getMessage()}\n";
    }
}

attempt('size text', fn () => new Channel('x'));
attempt('size array', fn () => new Channel([]));
foreach ([0, -1, PHP_INT_MIN] as $size) {
    attempt("size {$size}", fn () => (new Channel($size))->capacity);
}
attempt('size of all', fn () => (new Channel(PHP_INT_MAX))->capacity);
$channel = new Channel(2);
attempt('length outside', fn () => $channel->length());
attempt('close outside', fn () => (new Channel())->close());
attempt('clone', fn () => clone $channel);
attempt('serialize', fn () => serialize($channel));
run(function () use ($channel): void {
    attempt('push nothing', fn () => $channel->push());
    attempt('push with text', fn () => $channel->push(1, 'x'));
    attempt('push three', fn () => $channel->push(1, 1, 1));
    attempt('push NAN', fn () => $channel->push(1, NAN));
    attempt('pop text', fn () => $channel->pop('x'));
    attempt('pop two', fn () => $channel->pop(1, 2));
    attempt('pop', fn () => $channel->pop(INF));
    attempt('properties', function () use ($channel): array {
        $channel->errCode = 'mine';
        $channel->capacity = 'mine';
        $channel->push(1);
        $channel->pop();
        return [$channel->errCode, $channel->capacity, $channel->isFull()];
    });
    attempt('unset', function () use ($channel): void {
        unset($channel->errCode);
    });

    // Constructed twice: those who wait at the former one are not told by the new one.
    $twice = new Channel(1);
    $cid = go(fn () => $twice->pop());
    $twice->__construct(4);
    attempt('twice', fn () => [$twice->push(7), $twice->capacity, $twice->stats()]);
    attempt('the one who waits', fn () => Coroutine::cancel($cid));

    // Never constructed.
    $none = new class extends Channel {
        public function __construct()
        {
        }
    };
    foreach (['push' => [1], 'pop' => [], 'length' => [], 'isEmpty' => [], 'isFull' => [], 'close' => [], 'stats' => []] as $method => $args) {
        attempt("{$method} of none", fn () => $none->$method(...$args));
    }
});
?>
--EXPECT--
size text: TypeError 0: Swoole\Coroutine\Channel::__construct(): Argument #1 ($size) must be of type int, string given
size array: TypeError 0: Swoole\Coroutine\Channel::__construct(): Argument #1 ($size) must be of type int, array given
size 0: 1
size -1: 1
size -9223372036854775808: 1
size of all: 9223372036854775807
length outside: 0
close outside: true
clone: Error 0: Trying to clone an uncloneable object of class Swoole\Coroutine\Channel
serialize: Exception 0: Serialization of 'Swoole\Coroutine\Channel' is not allowed
push nothing: ArgumentCountError 0: Swoole\Coroutine\Channel::push() expects at least 1 argument, 0 given
push with text: TypeError 0: Swoole\Coroutine\Channel::push(): Argument #2 ($timeout) must be of type float, string given
push three: ArgumentCountError 0: Swoole\Coroutine\Channel::push() expects at most 2 arguments, 3 given
push NAN: true
pop text: TypeError 0: Swoole\Coroutine\Channel::pop(): Argument #1 ($timeout) must be of type float, string given
pop two: ArgumentCountError 0: Swoole\Coroutine\Channel::pop() expects at most 1 argument, 2 given
pop: 1
properties: [0,"mine",false]
unset: Error 0: Property errCode of class Swoole\Coroutine\Channel cannot be unset
twice: [true,4,{"consumer_num":0,"producer_num":0,"queue_num":1}]
the one who waits: true
push of none: Swoole\Error 509: must call constructor first
pop of none: Swoole\Error 509: must call constructor first
length of none: Swoole\Error 509: must call constructor first
isEmpty of none: Swoole\Error 509: must call constructor first
isFull of none: Swoole\Error 509: must call constructor first
close of none: Swoole\Error 509: must call constructor first
stats of none: Swoole\Error 509: must call constructor first
