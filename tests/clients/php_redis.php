<?php
// phpredis against an endpoint, as an application uses it: php_redis.php HOST PORT SCRIPTS
// SCRIPTS is 1 where the nodes run Lua. Ends with 0 and without a word when every reply is right.

[, $host, $port] = $argv;

function same($got, $wanted) {
    if ($got !== $wanted) {
        echo 'got ', var_export($got, true), ', wanted ', var_export($wanted, true), "\n";
        debug_print_backtrace();
        exit(1);
    }
}

$redis = new Redis();
$redis->connect($host, (int) $port, 60);
same($redis->ping(), true);
same($redis->set('php:a', '1', ['ex' => 100]), true);
same($redis->mGet(['php:a', 'php:nope']), ['1', false]);
same($redis->pipeline()->incr('php:a')->get('php:a')->del('php:a')->exec(), [2, '2', 1]);
same($redis->multi()->set('{php}m', 'x')->append('{php}m', 'y')->get('{php}m')->exec(), [true, 2, 'xy']);

$other = new Redis();
$other->connect($host, (int) $port, 60);
$redis->watch('{php}m');
$other->set('{php}m', 'changed');
same($redis->multi()->set('{php}m', 'lost')->exec(), false);

same($redis->hMSet('php:h', ['a' => '1', 'b' => '2']), true);
same($redis->hGetAll('php:h'), ['a' => '1', 'b' => '2']);
same($redis->zAdd('php:z', 1, 'one', 2.5, 'two'), 2);
same($redis->zRange('php:z', 0, -1, true), ['one' => 1.0, 'two' => 2.5]);
$other->rPush('php:q', 'element');
same($redis->blPop(['php:q'], 5), ['php:q', 'element']);

$wanted = [];
for ($n = 0; $n < 200; $n++) {
    $wanted["php:scan:$n"] = 'x';
}
same($redis->mSet($wanted), true);
$found = [];
$cursor = null;
$redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
while ($keys = $redis->scan($cursor, 'php:scan:*', 50)) {
    foreach ($keys as $key) {
        $found[$key] = 'x';
    }
}
ksort($found);
ksort($wanted);
same($found, $wanted);

same($redis->eval('return redis.call("INCRBY", KEYS[1], ARGV[1])', ['php:n', '4'], 1), 4);
$sha = $redis->script('load', 'return ARGV[1]');
same($redis->evalSha($sha, ['php:n', 'back'], 1), 'back');
$redis->del(array_merge(array_keys($wanted), ['{php}m', 'php:h', 'php:z', 'php:n']));
