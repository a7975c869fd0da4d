--TEST--
swoole_server: the snippets of old tutorials run as written
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

// Classes of other extensions that the snippets use.
class redis
{
    public function connect($host, $port)
    {
    }

    public function get($key)
    {
        return "value of {$key}";
    }
}

/** Gives the server of a snippet the test's log file, and starts it. */
function begin(ServerSide $side, swoole_server $serv): bool
{
    $serv->set(array('log_file' => $side->log_file, 'worker_num' => 1));
    return $side->start($serv);
}

// One: an object with properties.
class Server
{
    public $buffer;
    public $serv;

    function onReceive($serv, $fd, $from_id, $data)
    {
        $this->buffer[$fd] = $data;
        $this->hello($fd);
    }

    function hello($fd)
    {
        $this->serv->send($fd, $this->buffer[$fd]);
    }

    function run($side)
    {
        $serv = new swoole_server('127.0.0.1', $side->port, $side->mode);
        $this->serv  = $serv;
        $serv->on('receive', array($this, 'onReceive'));
        return begin($side, $serv);
    }
}

class Test
{
    static $buffer;
    static $array = array();
    static $string = '';
}

function onReceive($serv, $fd, $reactorId, $data)
{
    Test::$array[] = $fd;
    Test::$string .= $data;
    $serv->send($fd, count(Test::$array) . Test::$string);
}

$snippets = [
    'object' => [fn (ServerSide $side) => (new Server)->run($side), 'data'],
    'global' => [function (ServerSide $side): bool {
        global $buffer;
        $buffer = array();
        $serv = new swoole_server('127.0.0.1', $side->port, $side->mode);
        $serv->on('receive', function($serv, $fd, $from_id, $data) {
            global $buffer;
            $buffer[$fd] = $data;
            $serv->send($fd, implode(',', $buffer));
        });
        return begin($side, $serv);
    }, 'data'],
    'static property' => [function (ServerSide $side): bool {
        $serv = new swoole_server('127.0.0.1', $side->port, $side->mode);
        $serv->on('receive', function($serv, $fd, $from_id, $data) {
            Test::$buffer[$fd] = $data;
            $serv->send($fd, Test::$buffer[$fd]);
        });
        return begin($side, $serv);
    }, 'data'],
    'use' => [function (ServerSide $side): bool {
        $serv = new swoole_server('127.0.0.1', $side->port, $side->mode);
        $buffer = array();
        $serv->on('receive', function($serv, $fd, $from_id, $data) use ($buffer) {
            $buffer[$fd] = $data;
            $serv->send($fd, count($buffer)); // always 1: a copy
        });
        return begin($side, $serv);
    }, '1'],
    'property of the server' => [function (ServerSide $side): bool {
        $serv = new swoole_server('127.0.0.1', $side->port, $side->mode);
        $buffer = array();
        $serv->buffer = array();
        $serv->on('receive', function($serv, $fd, $from_id, $data) use ($buffer) {
            $serv->buffer[$fd] = $data;
            $serv->send($fd, $serv->buffer[$fd]);
        });
        return begin($side, $serv);
    }, 'data'],
    'connections in workers' => [function (ServerSide $side): bool {
        $serv = new swoole_server("127.0.0.1", $side->port, $side->mode);

        //必须在onWorkerStart回调中创建redis/mysql连接
        $serv->on('workerstart', function($serv, $id) {
            $redis = new redis;
            $redis->connect('127.0.0.1', 6379);
            $serv->redis = $redis;
        });

        $serv->on('receive', function (swoole_server $serv, $fd, $from_id, $data) {
            $value = $serv->redis->get("key");
            $serv->send($fd, "Swoole: ".$value);
        });
        return begin($side, $serv);
    }, 'Swoole: value of key'],
    'memory' => [function (ServerSide $side): bool {
        $serv = new swoole_server("127.0.0.1", $side->port, $side->mode);
        $serv->on('Receive', 'onReceive');
        return begin($side, $serv);
    }, '1data'],
];
foreach ($snippets as $name => [$server_side, $answer]) {
    test_server($server_side, fn (TestServer $server) => same($answer, $server->connect()->send('data')->readSome(), $name));
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
