--TEST--
Swoole\Lock: a holder that is killed with -9 holds nobody up, not even as a zombie; another process may unlock
--FILE--
<?php
use Swoole\{Atomic, Lock};

foreach ([[Lock::MUTEX, LOCK_EX], [Lock::SPINLOCK, LOCK_EX], [Lock::RWLOCK, LOCK_EX], [Lock::RWLOCK, LOCK_SH]] as [$type, $operation]) {
    $lock = new Lock($type);
    $held = new Atomic();
    $pid = pcntl_fork();
    if ($pid === 0) {
        $lock->lock($operation);
        $held->wakeup();
        sleep(60);
    }
    $held->wait(30);
    $before = $lock->lock(LOCK_EX | LOCK_NB);
    posix_kill($pid, SIGKILL);
    $after = $lock->lock(LOCK_EX, 30);
    pcntl_waitpid($pid, $status);
    echo json_encode([$type, $before, $after]), "\n";
}

$lock = new Lock();
$lock->lock();
$pid = pcntl_fork();
if ($pid === 0) {
    $lock->unlock();
    posix_kill(getmypid(), SIGKILL);
}
var_dump($lock->lock(LOCK_EX, 30));
pcntl_waitpid($pid, $status);

$shared = new Swoole\Table(64);
$shared->column('n', Swoole\Table::TYPE_INT);
$shared->create();
$shared->set('a', ['n' => 0]);
$lock = new Lock(Lock::RWLOCK);
for ($i = 0; $i < 3; $i++) {
    if (pcntl_fork() === 0) {
        for ($n = 0; $n < 2000; $n++) {
            $lock->lock();
            $shared->set('a', ['n' => $shared->get('a', 'n') + 1]);
            $lock->unlock();
        }
        posix_kill(getmypid(), SIGKILL);
    }
}
while (pcntl_wait($status) > 0) {
}
var_dump($shared->get('a'));
?>
--EXPECT--
[3,false,true]
[5,false,true]
[1,false,true]
[1,false,true]
bool(true)
array(1) {
  ["n"]=>
  int(6000)
}
