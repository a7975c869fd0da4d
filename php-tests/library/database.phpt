--TEST--
library: configurations, pools and proxies of databases, lost connections
--EXTENSIONS--
pdo
pdo_sqlite
--SKIPIF--
<?php
foreach (['mysqli', 'redis'] as $module) {
    extension_loaded($module) && die("skip stands in for {$module}");
}
?>
--FILE--
<?php
use Swoole\Database\{DetectsLostConnections, MysqliConfig, MysqliException, MysqliPool, MysqliProxy, PDOConfig, PDOPool,
    PDOProxy, RedisConfig, RedisPool};
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

// Stand-ins that write down what they are asked for.
final class Log
{
    public static array $lines = [];
    public static int $failures = 0;
    public static int $made = 0;
    public static string $message = 'MySQL server has gone away';
    public static int $code = 2006;

    public static function start(int $failures = 0): void
    {
        self::$lines = [];
        self::$made = 0;
        self::$failures = $failures;
    }
}
class mysqli_sql_exception extends RuntimeException {}
class mysqli_stmt
{
    public int $errno = 0;
    public string $error = '';

    public function __call(string $name, array $arguments): bool
    {
        Log::$lines[] = "stmt->{$name}(" . implode(',', $arguments) . ')';
        if ($name === 'execute' && Log::$failures-- > 0) {
            [$this->errno, $this->error] = [2013, 'Lost'];
            return false;
        }
        return true;
    }
}
class mysqli
{
    public int $errno = 0;
    public string $error = '';
    public int $connect_errno = 0;
    public ?string $connect_error = null;
    private int $id;

    public function __construct()
    {
        $this->id = ++Log::$made;
    }

    public function __call(string $name, array $arguments): mixed
    {
        Log::$lines[] = "{$this->id}->{$name}(" . implode(',', $arguments) . ')';
        if ($name === 'query' && Log::$failures-- > 0) {
            if (Log::$message === 'thrown') {
                throw new mysqli_sql_exception('thrown', Log::$code);
            }
            [$this->errno, $this->error] = [Log::$code, 'failed'];
            return false;
        }
        return $name === 'prepare' ? new mysqli_stmt() : true;
    }
}
class RedisException extends RuntimeException {}
class Redis
{
    public function __call(string $name, array $arguments): bool
    {
        Log::$lines[] = $name . json_encode($arguments);
        return $name !== 'connect' || Log::$failures-- <= 0;
    }
}
function outcome(callable $f): mixed
{
    try {
        return $f();
    } catch (Throwable $e) {
        return [$e::class, $e->getMessage(), $e->getCode()];
    }
}

// Configurations.
$config = new PDOConfig();
same($config, $config->withDriver('pgsql')->withHost('h')->withPort(1)->withDbname('d')->withCharset('c')->withUsername('u')
    ->withPassword('p')->withOptions([1 => 2]));
same(['pgsql', 'h', 1, 'd', 'c', 'u', 'p', [1 => 2]], [$config->getDriver(), $config->getHost(), $config->getPort(),
    $config->getDbname(), $config->getCharset(), $config->getUsername(), $config->getPassword(), $config->getOptions()]);
same([false, null, true, '/s'], [$config->hasUnixSocket(), $config->getUnixSocket(),
    $config->withUnixSocket('/s')->hasUnixSocket(), $config->getUnixSocket()]);
same([3 => 4, 1 => 2], (new RedisConfig())->setOptions([3 => 4])->withOption(1, 2)->getOptions());

// What PDO is told to connect to.
$dsn = function (string $driver, ?string $socket): mixed {
    $config = (new PDOConfig())->withDriver($driver)->withHost('h')->withPort(9)->withDbname('db')->withUnixSocket($socket);
    $pool = new PDOPool($config, 1);
    return outcome(fn () => (new ReflectionMethod($pool, 'createDSN'))->invoke($pool, $driver));
};
foreach (['mysql', 'pgsql', 'oci', 'sqlite', 'nonesuch'] as $driver) {
    echo json_encode([$dsn($driver, null), $dsn($driver, '/s')], JSON_UNESCAPED_SLASHES), "\n";
}

// A connection of PDO is made again when it is lost, but not within a transaction.
class Connection
{
    private int $id;
    private bool $begun = false;

    public function __construct()
    {
        $this->id = ++Log::$made;
    }

    public function setAttribute(int $attribute, mixed $value): bool
    {
        Log::$lines[] = "{$this->id}->set({$attribute},{$value})";
        return true;
    }

    public function inTransaction(): bool
    {
        return $this->begun;
    }

    public function __call(string $name, array $arguments): string
    {
        Log::$lines[] = "{$this->id}->{$name}";
        if (Log::$failures-- > 0) {
            throw new PDOException(Log::$message);
        }
        $this->begun = strtolower($name) === 'begintransaction';
        return $name;
    }
}
$make = fn (): PDOProxy => new PDOProxy(fn () => new Connection());
foreach ([0, 1, 2] as $failures) {
    Log::start();
    $proxy = $make();
    $proxy->setAttribute(7, 8);
    Log::$failures = $failures;
    echo json_encode([outcome(fn () => $proxy->query('x')), $proxy->getRound(), Log::$lines]), "\n";
}
Log::start();
$proxy = $make();
$proxy->beginTransaction();
same(true, $proxy->inTransaction());
Log::$failures = 1;
same(['PDOException', 'MySQL server has gone away', 0], outcome(fn () => $proxy->query('x')));
same([0, true], [$proxy->getRound(), $proxy->inTransaction()]);
$proxy->rollBack();
same(false, $proxy->inTransaction());
$proxy->commit();
$proxy->beginTransaction();
same(true, $proxy->inTransaction());
$proxy->reset();
same(false, $proxy->inTransaction());
Log::$message = 'syntax error';
Log::$failures = 1;
same(['PDOException', 'syntax error', 0], outcome(fn () => $proxy->query('x')));

// mysqli.
$make = fn (): MysqliProxy => new MysqliProxy(fn () => new mysqli());
foreach ([[0, 2006, ''], [1, 2006, ''], [3, 2006, ''], [1, 1064, ''], [1, 2013, 'thrown'], [1, 1064, 'thrown']] as $case) {
    Log::start();
    $proxy = $make();
    [Log::$failures, Log::$code, Log::$message] = $case;
    echo json_encode([outcome(fn () => $proxy->query('x')), $proxy->getRound(), Log::$lines]), "\n";
}
foreach ([1, 2, 3] as $failures) {
    Log::start();
    $proxy = $make();
    $statement = $proxy->prepare('? ?');
    $x = 'x';
    $statement->bind_param('s', $x);
    $x = 'y';
    Log::$failures = $failures;
    echo json_encode([outcome(fn () => $statement->execute()), $proxy->getRound(), Log::$lines]), "\n";
}

// A pool of each, in a coroutine.
Swoole\Coroutine\run(function (): void {
    $file = tempnam(sys_get_temp_dir(), 'swoole-test-');
    $pool = new PDOPool((new PDOConfig())->withDriver('sqlite')->withDbname($file), 2);
    $connection = $pool->get();
    $statement = $connection->prepare('select ? as a, 2 as b');
    $value = 1;
    $statement->bindParam(1, $value, PDO::PARAM_INT);
    $value = 9;
    $statement->execute();
    $statement->bindColumn('b', $column);
    $statement->setFetchMode(PDO::FETCH_NUM);
    same([PDOProxy::class, 'Swoole\Database\PDOStatementProxy'], [$connection::class, $statement::class]);
    same([9, 2], $statement->fetch());
    same(2, (int) $column);
    $rows = [];
    foreach ($connection->query('select 1 union select 2') as $row) {
        $rows[] = $row[0];
    }
    same([1, 2], $rows);
    same('PDOException', outcome(fn () => $connection->query('nonsense'))[0]);
    $pool->put($connection);
    $pool->close();
    unlink($file);
    Log::start();
    $config = (new RedisConfig())->withHost('h')->withPort(1)->withTimeout(2.5)->withRetryInterval(3)->withReadTimeout(4.5)
        ->withAuth('secret')->withDbIndex(6)->withOption(7, 8);
    same('Redis', get_class((new RedisPool($config, 1))->get()));
    echo implode(' ', Log::$lines), "\n";
    Log::start(failures: 1);
    same(['RedisException', 'cannot connect to h:1', 0], outcome(fn () => (new RedisPool($config, 1))->get()));
    Log::start();
    $config = (new MysqliConfig())->withHost('h')->withPort(1)->withUnixSocket('/s')->withDbname('d')->withCharset('c')
        ->withUsername('u')->withPassword('p')->withOptions([1 => 2]);
    $pool = new MysqliPool($config, 1);
    same(MysqliProxy::class, get_class($pool->get()));
    echo implode(' ', Log::$lines), "\n";
});

foreach (['server has gone away', 'x Lost connection y', 'Broken pipe', 'ORA-03113', 'You have an error in your SQL syntax', ''] as $text) {
    echo json_encode([$text, DetectsLostConnections::causedByLostConnection(new Exception($text))]), "\n";
}
?>
--EXPECT--
["mysql:host=h;port=9;dbname=db;charset=utf8mb4","mysql:unix_socket=/s;dbname=db;charset=utf8mb4"]
["pgsql:host=h;port=9;dbname=db","pgsql:host=/s;port=9;dbname=db"]
["oci:dbname=h:9/db;charset=utf8mb4","oci:dbname=/s:9/db;charset=utf8mb4"]
["sqlite:db","sqlite:db"]
[["Exception","Unsupported Database Driver:nonesuch",0],["Exception","Unsupported Database Driver:nonesuch",0]]
["query",0,["1->set(3,2)","1->set(7,8)","1->query"]]
["query",1,["1->set(3,2)","1->set(7,8)","1->query","2->set(3,2)","2->set(7,8)","2->query"]]
[["PDOException","MySQL server has gone away",0],1,["1->set(3,2)","1->set(7,8)","1->query","2->set(3,2)","2->set(7,8)","2->query"]]
[true,0,["1->query(x)"]]
[true,1,["1->query(x)","2->query(x)"]]
[["Swoole\\Database\\MysqliException","failed",2006],2,["1->query(x)","2->query(x)","3->query(x)"]]
[["Swoole\\Database\\MysqliException","failed",1064],0,["1->query(x)"]]
[true,1,["1->query(x)","2->query(x)"]]
[["mysqli_sql_exception","thrown",1064],0,["1->query(x)"]]
[true,1,["1->prepare(? ?)","stmt->bind_param(s,x)","stmt->execute()","2->prepare(? ?)","stmt->bind_param(s,y)","stmt->execute()"]]
[true,2,["1->prepare(? ?)","stmt->bind_param(s,x)","stmt->execute()","2->prepare(? ?)","stmt->bind_param(s,y)","stmt->execute()","3->prepare(? ?)","stmt->bind_param(s,y)","stmt->execute()"]]
[["Swoole\\Database\\MysqliException","Lost",2013],2,["1->prepare(? ?)","stmt->bind_param(s,x)","stmt->execute()","2->prepare(? ?)","stmt->bind_param(s,y)","stmt->execute()","3->prepare(? ?)","stmt->bind_param(s,y)","stmt->execute()"]]
connect["h",1,2.5,null,3,4.5] auth["secret"] select[6] setOption[7,8]
1->set_opt(1,2) 1->real_connect(h,u,p,d,1,/s) 1->set_charset(c)
["server has gone away",true]
["x Lost connection y",true]
["Broken pipe",true]
["ORA-03113",true]
["You have an error in your SQL syntax",false]
["",false]
