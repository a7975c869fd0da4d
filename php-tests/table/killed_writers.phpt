--TEST--
Swoole\Table: processes write at once and are killed with -9; every row stays whole, no lock stays held
--FILE--
<?php
use Swoole\Table;

$table = new Table(128);
$table->column('n', Table::TYPE_INT);
$table->column('text', Table::TYPE_STRING, 64);
$table->column('sum', Table::TYPE_INT);
$table->create();
$table->set('count', ['n' => 0]);
$put = function (int $n) use ($table): void {
    $text = str_repeat(chr(65 + $n % 26), $n % 64);
    $table->set('k' . $n % 30, ['n' => $n, 'text' => $text, 'sum' => crc32("{$n}{$text}")]);
    $table->incr('count', 'n');
};
$torn = 0;
for ($round = 0; $round < 20; $round++) {
    $pids = [];
    $target = $table->get('count', 'n') + 400;
    for ($i = 0; $i < 3; $i++) {
        $pids[] = $pid = pcntl_fork();
        if ($pid === 0) {
            for ($n = $i; true; $n += 3) {
                $n % 50 ? $put($n) : $table->del('k' . $n % 30);
            }
        }
    }
    while ($table->get('count', 'n') < $target) {
    }
    foreach ($pids as $pid) {
        posix_kill($pid, SIGKILL);
    }
    foreach ($table as $key => $row) {
        $torn += $key !== 'count' && $row['sum'] !== crc32($row['n'] . $row['text']);
    }
    for ($n = 0; $n < 30; $n++) {
        $put($n); // whoever is dead holds nothing, even unwaited for
    }
    foreach ($pids as $pid) {
        pcntl_waitpid($pid, $status);
    }
}
echo json_encode([$torn, count($table), count(iterator_to_array($table))]), "\n";
for ($n = 0; @$table->set("more{$n}", ['n' => $n]); $n++) {
}
echo json_encode([count($table), $table->stats()['num']]), "\n";
?>
--EXPECT--
[0,31,31]
[153,153]
