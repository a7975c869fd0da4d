<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** A blocking TCP client. Each wait ends with a Failure when patience ends. */
final class Client
{
    private ?\Socket $socket;

    public function __construct(string $host, int $port, float $timeout_s = 10.0)
    {
        $this->socket = socket_create(str_contains($host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, SOL_TCP);
        $seconds = patience_s($timeout_s);
        $timeout = ['sec' => (int) $seconds, 'usec' => (int) (fmod($seconds, 1) * 1e6)];
        socket_set_option($this->socket, SOL_SOCKET, SO_RCVTIMEO, $timeout);
        socket_set_option($this->socket, SOL_SOCKET, SO_SNDTIMEO, $timeout);
        if (!@socket_connect($this->socket, $host, $port)) {
            throw new Failure("connect to {$host}:{$port}: " . $this->error());
        }
    }

    /** Sends all of it. */
    public function send(string $data): self
    {
        for ($sent = 0; $sent < strlen($data); $sent += $written) {
            $written = @socket_send($this->open(), $sent === 0 ? $data : substr($data, $sent, 1 << 20),
                min(1 << 20, strlen($data) - $sent), MSG_NOSIGNAL);
            if ($written === false) {
                throw new Failure("send after {$sent} of " . strlen($data) . ' bytes: ' . $this->error());
            }
        }
        return $this;
    }

    /** Exactly so many bytes. */
    public function read(int $bytes): string
    {
        $data = '';
        while (strlen($data) < $bytes) {
            $part = $this->readSome($bytes - strlen($data));
            if ($part === '') {
                throw new Failure("the server ended the connection after " . strlen($data) . " of {$bytes} bytes");
            }
            $data .= $part;
        }
        return $data;
    }

    /** What there is, at most $max_bytes, waiting for the first byte; '' when the server has ended the stream (FIN). */
    public function readSome(int $max_bytes = 65536): string
    {
        $part = @socket_read($this->open(), $max_bytes);
        if ($part === false) {
            throw new Failure('read: ' . $this->error());
        }
        return $part;
    }

    /** All until the server ends the stream. */
    public function readAll(): string
    {
        $data = '';
        while (($part = $this->readSome()) !== '') {
            $data .= $part;
        }
        return $data;
    }

    /** The next thing from the server must be the end of the stream. */
    public function expectFin(): self
    {
        same('', $this->readSome(), 'the end of the stream');
        return $this;
    }

    /** The server must reset the connection; data that came before is dropped. */
    public function expectReset(): self
    {
        while (($part = @socket_read($this->open(), 65536)) !== false) {
            check($part !== '', 'a reset (RST), not the end of the stream (FIN)');
        }
        same(SOCKET_ECONNRESET, socket_last_error($this->open()), 'errno of the read');
        return $this;
    }

    /** Ends the sending half: the server reads the end of the stream, this side still reads. */
    public function finishSending(): self
    {
        socket_shutdown($this->open(), 1);
        return $this;
    }

    public function close(): void
    {
        if ($this->socket !== null) {
            socket_close($this->socket);
            $this->socket = null;
        }
    }

    /** Closes with a reset (RST) instead of the end of the stream. */
    public function reset(): void
    {
        socket_set_option($this->open(), SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
        $this->close();
    }

    /** The client's own port. */
    public function localPort(): int
    {
        socket_getsockname($this->open(), $host, $port);
        return $port;
    }

    /** The socket, for options this class does not know. */
    public function open(): \Socket
    {
        return $this->socket ?? throw new Failure('this client is closed');
    }

    private function error(): string
    {
        $code = socket_last_error($this->open());
        return in_array($code, [SOCKET_EAGAIN, SOCKET_EINPROGRESS], true) ? 'no answer in time' : socket_strerror($code);
    }
}
