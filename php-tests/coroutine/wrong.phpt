--TEST--
Swoole\Coroutine: wrong use of each method is an exception, a warning or false, with the reference's text
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Channel;
use function Swoole\Coroutine\run;

function attempt(string $what, callable $try): void
{
    set_error_handler(function (int $level, string $message) use ($what): bool {
        echo "{$what}: warning: {$message}\n";
        return true;
    });
    try {
        $value = $try();
        echo "{$what}: ", json_encode($value), ', error ', swoole_last_error(), "\n";
    } catch (Throwable $error) {
        echo "{$what}: ", $error::class, " {$error->getCode()}: {$error->getMessage()}\n";
    }
    restore_error_handler();
    swoole_clear_error();
}

attempt('new', fn () => new Coroutine());
attempt('getContext outside', fn () => Coroutine::getContext());
attempt('getPcid outside', fn () => Coroutine::getPcid());
attempt('getElapsed outside', fn () => Coroutine::getElapsed());
attempt('getStackUsage outside', fn () => Coroutine::getStackUsage());
attempt('enableScheduler outside', fn () => Coroutine::enableScheduler());
attempt('disableScheduler outside', fn () => Coroutine::disableScheduler());

foreach ([0, -1, 99, PHP_INT_MAX, PHP_INT_MIN] as $cid) {
    attempt("resume({$cid})", fn () => Coroutine::resume($cid));
    attempt("cancel({$cid})", fn () => Coroutine::cancel($cid));
    attempt("exists({$cid})", fn () => Coroutine::exists($cid));
    attempt("getPcid({$cid})", fn () => Coroutine::getPcid($cid));
    attempt("getContext({$cid})", fn () => Coroutine::getContext($cid));
    $cid === 0 || attempt("getBackTrace({$cid})", fn () => Coroutine::getBackTrace($cid));
    $cid === 0 || attempt("printBackTrace({$cid})", fn () => Coroutine::printBackTrace($cid));
}

run(function (): void {
    attempt('create nothing', fn () => Coroutine::create());
    attempt('create number', fn () => Coroutine::create(1));
    attempt('create unknown', fn () => Coroutine::create('no such function'));
    attempt('create array', fn () => Coroutine::create([]));
    attempt('create method', fn () => Coroutine::create([new stdClass(), 'no']));
    attempt('defer number', fn () => Coroutine::defer(1));
    attempt('yield 1', fn () => Coroutine::yield(1));
    attempt('resume nothing', fn () => Coroutine::resume());
    attempt('resume string', fn () => Coroutine::resume('x'));
    attempt('resume array', fn () => Coroutine::resume([]));
    attempt('resume itself', fn () => Coroutine::resume(Coroutine::getCid()));
    attempt('cancel itself', fn () => Coroutine::cancel(Coroutine::getCid()));
    attempt('exists string', fn () => Coroutine::exists('x'));
    attempt('sleep 0', fn () => Coroutine::sleep(0));
    attempt('sleep -1', fn () => Coroutine::sleep(-1));
    attempt('sleep NAN', fn () => Coroutine::sleep(NAN));
    attempt('sleep string', fn () => Coroutine::sleep('x'));
    attempt('join itself', fn () => Coroutine::join([Coroutine::getCid()]));
    attempt('join none', fn () => Coroutine::join([]));
    attempt('join the dead', fn () => Coroutine::join([9999]));
    attempt('join number', fn () => Coroutine::join(1));
    attempt('set number', fn () => Coroutine::set(1));
    attempt('getContext string', fn () => Coroutine::getContext('x'));
    attempt('setTimeLimit 0', fn () => Coroutine::setTimeLimit(0));
    attempt('setTimeLimit -1', fn () => Coroutine::setTimeLimit(-1));

    $sleeps = Coroutine::create(fn () => Coroutine::sleep(60));
    attempt('resume a sleeper', fn () => Coroutine::resume($sleeps));
    attempt('cancel it', fn () => Coroutine::cancel($sleeps));

    // One that stands below the running one does not wait for anything to be resumed.
    $me = Coroutine::getCid();
    Coroutine::create(function () use ($me): void {
        attempt('resume the parent', fn () => Coroutine::resume($me));
        attempt('cancel the parent', fn () => Coroutine::cancel($me));
        attempt('throw into the parent', fn () => Coroutine::cancel($me, true));
        attempt('join the parent in turn', fn () => Coroutine::join([$me], 0.001));
    });
});
?>
--EXPECT--
new: Error 0: The object of Swoole\Coroutine can not be created for security reasons
getContext outside: null, error 10016
getPcid outside: false, error 0
getElapsed outside: -1, error 0
getStackUsage outside: false, error 10016
enableScheduler outside: false, error 0
disableScheduler outside: false, error 0
resume(0): warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume(0): false, error 0
cancel(0): false, error 10016
exists(0): false, error 0
getPcid(0): false, error 0
getContext(0): null, error 10016
resume(-1): warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume(-1): false, error 0
cancel(-1): false, error 10016
exists(-1): false, error 0
getPcid(-1): false, error 0
getContext(-1): null, error 10016
getBackTrace(-1): false, error 10016
printBackTrace(-1): null, error 10016
resume(99): warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume(99): false, error 0
cancel(99): false, error 10016
exists(99): false, error 0
getPcid(99): false, error 0
getContext(99): null, error 10016
getBackTrace(99): false, error 10016
printBackTrace(99): null, error 10016
resume(9223372036854775807): warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume(9223372036854775807): false, error 0
cancel(9223372036854775807): false, error 10016
exists(9223372036854775807): false, error 0
getPcid(9223372036854775807): false, error 0
getContext(9223372036854775807): null, error 10016
getBackTrace(9223372036854775807): false, error 10016
printBackTrace(9223372036854775807): null, error 10016
resume(-9223372036854775808): warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume(-9223372036854775808): false, error 0
cancel(-9223372036854775808): false, error 10016
exists(-9223372036854775808): false, error 0
getPcid(-9223372036854775808): false, error 0
getContext(-9223372036854775808): null, error 10016
getBackTrace(-9223372036854775808): false, error 10016
printBackTrace(-9223372036854775808): null, error 10016
create nothing: ArgumentCountError 0: Swoole\Coroutine::create() expects at least 1 argument, 0 given
create number: TypeError 0: Swoole\Coroutine::create(): Argument #1 ($func) must be a valid callback, no array or string given
create unknown: TypeError 0: Swoole\Coroutine::create(): Argument #1 ($func) must be a valid callback, function "no such function" not found or invalid function name
create array: TypeError 0: Swoole\Coroutine::create(): Argument #1 ($func) must be a valid callback, array callback must have exactly two members
create method: TypeError 0: Swoole\Coroutine::create(): Argument #1 ($func) must be a valid callback, class stdClass does not have a method "no"
defer number: TypeError 0: Swoole\Coroutine::defer(): Argument #1 ($callback) must be a valid callback, no array or string given
yield 1: ArgumentCountError 0: Swoole\Coroutine::yield() expects exactly 0 arguments, 1 given
resume nothing: ArgumentCountError 0: Swoole\Coroutine::resume() expects exactly 1 argument, 0 given
resume string: TypeError 0: Swoole\Coroutine::resume(): Argument #1 ($cid) must be of type int, string given
resume array: TypeError 0: Swoole\Coroutine::resume(): Argument #1 ($cid) must be of type int, array given
resume itself: warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume itself: false, error 0
cancel itself: false, error 10015
exists string: TypeError 0: Swoole\Coroutine::exists(): Argument #1 ($cid) must be of type int, string given
sleep 0: warning: Swoole\Coroutine::sleep(): Timer must be greater than or equal to 0.001
sleep 0: false, error 0
sleep -1: warning: Swoole\Coroutine::sleep(): Timer must be greater than or equal to 0.001
sleep -1: false, error 0
sleep NAN: warning: Swoole\Coroutine::sleep(): Timer must be greater than or equal to 0.001
sleep NAN: false, error 0
sleep string: TypeError 0: Swoole\Coroutine::sleep(): Argument #1 ($seconds) must be of type float, string given
join itself: warning: Swoole\Coroutine::join(): can not join self
join itself: false, error 509
join none: false, error 505
join the dead: false, error 505
join number: TypeError 0: Swoole\Coroutine::join(): Argument #1 ($cid_array) must be of type array, int given
set number: TypeError 0: Swoole\Coroutine::set(): Argument #1 ($options) must be of type array, int given
getContext string: TypeError 0: Swoole\Coroutine::getContext(): Argument #1 ($cid) must be of type int, string given
setTimeLimit 0: false, error 0
setTimeLimit -1: false, error 0
resume a sleeper: warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume a sleeper: false, error 0
cancel it: true, error 10017
resume the parent: warning: Swoole\Coroutine::resume(): can not resume the coroutine which is in IO operation or non-existent
resume the parent: false, error 0
cancel the parent: false, error 10015
throw into the parent: false, error 10015
join the parent in turn: true, error 0
