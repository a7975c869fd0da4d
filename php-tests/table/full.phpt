--TEST--
Swoole\Table: takes all the rows it was made for, whatever their keys, and no early "unable to allocate memory"
--FILE--
<?php
use Swoole\Table;

foreach (['random' => fn () => random_bytes(16), 'numbers' => fn ($n) => (string) $n, 'long' => fn ($n) => str_repeat('x', 50) . $n] as $name => $key) {
    $table = new Table(1024, 0.5);
    $table->column('n', Table::TYPE_INT);
    $table->column('s', Table::TYPE_STRING, 20);
    $table->create();
    for ($round = 0; $round < 3; $round++) {
        $keys = [];
        for ($n = 0; @$table->set($k = $key($n), ['n' => $n, 's' => "s{$n}"]); $n++) {
            $keys[$n] = $k;
        }
        $wrong = 0;
        foreach ($keys as $i => $k) {
            $wrong += $table->get($k) !== ['n' => $i, 's' => "s{$i}"];
            $table->set($k, ['n' => -1, 's' => 'again']);
        }
        $seen = 0;
        foreach ($table as $k => $row) {
            $seen++;
            $wrong += $row !== ['n' => -1, 's' => 'again'];
            $table->del($k);
        }
        echo json_encode([$name, $n, $wrong, $seen, count($table)]), "\n";
    }
}
$table->set('a', ['n' => 1]);
for ($n = 1; @$table->incr("k{$n}", 'n'); $n++) {
}
echo $n, "\n";
$table->set('one more', ['n' => 1]);
$table->incr('one more', 'n');
?>
--EXPECTF--
["random",1536,0,1536,0]
["random",1536,0,1536,0]
["random",1536,0,1536,0]
["numbers",1536,0,1536,0]
["numbers",1536,0,1536,0]
["numbers",1536,0,1536,0]
["long",1536,0,1536,0]
["long",1536,0,1536,0]
["long",1536,0,1536,0]
1536

Warning: Swoole\Table::set(): failed to set('one more'), unable to allocate memory in %s on line %d

Warning: Swoole\Table::incr(): unable to allocate memory in %s on line %d
