<?php
// Swoole\Table: rows per second, by one process and by four at once.

const ROWS = 10_000;
const SECONDS = 0.5;

function make_table(): Swoole\Table
{
    $table = new Swoole\Table(1 << 15);
    $table->column('id', Swoole\Table::TYPE_INT);
    $table->column('name', Swoole\Table::TYPE_STRING, 64);
    $table->column('score', Swoole\Table::TYPE_FLOAT);
    $table->create();
    for ($i = 0; $i < ROWS; $i++) {
        $table->set("row{$i}", ['id' => $i, 'name' => "name {$i}", 'score' => $i / 3]);
    }
    return $table;
}

/** Operations per second of this process. */
function measure(callable $step): float
{
    $done = 0;
    $start = hrtime(true);
    do {
        for ($i = 0; $i < 1000; $i++) {
            $step(($done + $i) % ROWS);
        }
        $done += 1000;
        $elapsed = (hrtime(true) - $start) / 1e9;
    } while ($elapsed < SECONDS);
    return $done / $elapsed;
}

/** The sum over four processes that go on together. */
function measure_four(callable $step): float
{
    $pipes = [];
    for ($i = 0; $i < 4; $i++) {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        if (pcntl_fork() === 0) {
            fwrite($theirs, (string) measure($step));
            fclose($theirs);
            exit(0);
        }
        fclose($theirs);
        $pipes[] = $ours;
    }
    $sum = 0.0;
    foreach ($pipes as $pipe) {
        $sum += (float) stream_get_contents($pipe);
        pcntl_wait($status);
    }
    return $sum;
}

$table = make_table();
$steps = [
    'set' => fn (int $i) => $table->set("row{$i}", ['id' => $i, 'name' => 'another name', 'score' => 1.5]),
    'get' => fn (int $i) => $table->get("row{$i}"),
    'get of a field' => fn (int $i) => $table->get("row{$i}", 'id'),
    'incr' => fn (int $i) => $table->incr("row{$i}", 'id'),
    'exists' => fn (int $i) => $table->exists("row{$i}"),
];
foreach ($steps as $name => $step) {
    printf("%s %.0f /s\n", $name, measure($step));
    if (function_exists('pcntl_fork')) {
        printf("%s, four processes %.0f /s\n", $name, measure_four($step));
    }
}
