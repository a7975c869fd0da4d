--TEST--
Swoole\Lock: types, operations, time limits, error codes, bad use
--FILE--
<?php
use Swoole\Lock;

function show(callable $f): void
{
    try {
        echo json_encode($f()), "\n";
    } catch (Throwable $e) {
        echo $e::class, '(', $e->getCode(), '): ', $e->getMessage(), "\n";
    }
}

show(fn () => [Lock::MUTEX, Lock::RWLOCK, Lock::SPINLOCK, SWOOLE_MUTEX, SWOOLE_RWLOCK, SWOOLE_SPINLOCK]);
foreach ([2, 4, 99, -1] as $type) {
    show(fn () => new Lock($type));
}
show(fn () => (new Lock())->__construct());
show(fn () => clone new Lock());
show(fn () => serialize(new Lock()));
show(function () {
    $lock = new Lock();
    unset($lock->errCode);
});
foreach ([Lock::MUTEX, Lock::SPINLOCK, Lock::RWLOCK] as $type) {
    show(fn () => [($l = new Lock($type))->unlock(), $l->lock(), $l->lock(LOCK_EX | LOCK_NB), $l->errCode, $l->unlock(), $l->lock(LOCK_EX | LOCK_NB)]);
}
foreach ([Lock::MUTEX, Lock::SPINLOCK] as $type) {
    show(function () use ($type) {
        $lock = new Lock($type);
        $lock->lock(LOCK_EX, 1);
        $start = hrtime(true);
        $got = $lock->lock(LOCK_EX, 0.05);
        return [$got, $lock->errCode === SOCKET_ETIMEDOUT, hrtime(true) - $start >= 50_000_000];
    });
}
show(function () {
    $lock = new Lock(Lock::RWLOCK);
    $lock->lock(LOCK_EX);
    return [$lock->lock(LOCK_EX), $lock->errCode, $lock->lock(LOCK_SH, 0.01), $lock->lock(LOCK_SH | LOCK_NB), $lock->errCode === SOCKET_EBUSY];
});
show(function () {
    $lock = new Lock(Lock::RWLOCK);
    return [$lock->lock(LOCK_SH), $lock->lock(LOCK_SH), $lock->lock(LOCK_EX | LOCK_NB), $lock->lock(LOCK_EX, 0.01), $lock->errCode === SOCKET_ETIMEDOUT,
        $lock->unlock(), $lock->unlock(), $lock->lock(LOCK_EX)];
});
show(fn () => (new Lock())->lock('x'));
class Unmade extends Lock
{
    public function __construct()
    {
    }
}
show(fn () => (new Unmade())->lock());
show(fn () => (new Unmade())->unlock());
show(fn () => new swoole_lock() instanceof Lock);
?>
--EXPECT--
[3,1,5,3,1,5]
Swoole\Exception(2): lock type[2] is not support
Swoole\Exception(4): lock type[4] is not support
Swoole\Exception(99): lock type[99] is not support
Swoole\Exception(-1): lock type[-1] is not support
Error(0): Constructor of Swoole\Lock can only be called once
Error(0): Trying to clone an uncloneable object of class Swoole\Lock
Exception(0): Serialization of 'Swoole\Lock' is not allowed
Error(0): Property errCode of class Swoole\Lock cannot be unset
[true,true,false,16,true,true]
[true,true,false,16,true,true]
[true,true,false,16,true,true]
[false,true,true]
[false,true,true]
[false,35,false,false,true]
[true,true,false,false,true,true,true,true]
TypeError(0): Swoole\Lock::lock(): Argument #1 ($operation) must be of type int, string given
Swoole\Error(509): must call constructor first
Swoole\Error(509): must call constructor first
true
