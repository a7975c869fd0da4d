<?php

declare(strict_types=1);

namespace Swoole\Database;

/** Tells from what a database client says whether its connection is gone, so that another one may help. */
class DetectsLostConnections
{
    /** Parts of messages of MySQL, PostgreSQL, Oracle, SQL Server, their proxies, and of the network and TLS. */
    private const SIGNS = [
        // the network
        'Broken pipe',
        'Connection refused',
        'Connection timed out',
        'No route to host',
        'Network is unreachable',
        'Operation now in progress',
        'Operation in progress',
        'Operation timed out',
        'reset by peer',
        'timed out',
        'failed to connect to',
        'could not connect to server',
        'actively refused it',
        'A connection attempt failed because',
        'TCP Provider: Error code',
        'Physical connection is not usable',
        '[2002] No such file or directory',
        // names
        'getaddrinfo failed',
        'getaddrinfo for',
        'Temporary failure in name resolution',
        'could not translate host name',
        // TLS
        'decryption failed or bad record mac',
        'SSL connection has been closed unexpectedly',
        'SSL error: unexpected eof',
        'SSL error: sslv3 alert unexpected message',
        'SSL SYSCALL error',
        'SSL operation failed',
        'unrecognized SSL error code',
        // MySQL and MariaDB
        'server has gone away',
        'Server has gone away',
        'went away',
        'Lost connection',
        'Connection lost',
        'Error while sending',
        'Error reading result',
        'Error writing data to the connection',
        'Packets out of order. Expected',
        'Resource deadlock avoided',
        'Access denied for user',
        'Transaction() on null',
        'is dead or not enabled',
        'Communication link failure',
        'because of inactivity',
        'due to Seamless Scaling',
        'with the --read-only option',
        'General error: 3989',
        'Server is in script upgrade mode',
        'server is shutting down',
        // PostgreSQL
        'no connection to the server',
        'server closed the connection unexpectedly',
        'Read only sql transaction',
        'query_wait_timeout',
        'client_idle_limit',
        // Oracle, SQL Server, Sybase
        'ORA-03113',
        'ORA-03114',
        'Login timeout expired',
        'Adaptive Server connection failed',
        'connection is no longer usable',
        'The connection is broken and recovery is not possible',
        // proxies and clusters
        'Channel connection is closed',
        'vtgate connection error',
        'primary is not serving',
        'keyspace is being resharded',
        'no healthy tablet available',
        'transaction pool connection limit exceeded',
        'Unknown $curl_error_code: 77',
    ];

    public static function causedByLostConnection(\Throwable $e): bool
    {
        $message = $e->getMessage();
        foreach (self::SIGNS as $sign) {
            if (str_contains($message, $sign)) {
                return true;
            }
        }
        return false;
    }
}
