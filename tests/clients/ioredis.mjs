// ioredis against an endpoint, as an application uses it: ioredis.mjs HOST PORT SCRIPTS
// SCRIPTS is 1 where the nodes run Lua. Ends with 0 and without a word when every reply is right.

import assert from 'node:assert/strict';
import Redis from 'ioredis';

const [host, port] = [process.argv[2], Number(process.argv[3])];
process.on('warning', (warning) => console.log('warning', warning));

const connect = () => {
  const client = new Redis(port, host, { maxRetriesPerRequest: 1 });
  client.on('error', (error) => console.log('error', error));
  return client;
};
const redis = connect();

assert.equal(await redis.set('io:a', '1'), 'OK');
assert.deepEqual(await redis.mget('io:a', 'io:nope'), ['1', null]);
const pipelined = await redis.pipeline().incr('io:a').get('io:a').del('io:a').exec();
assert.deepEqual(pipelined, [[null, 2], [null, '2'], [null, 1]]);

assert.deepEqual(await redis.multi().set('{io}m', 'x').append('{io}m', 'y').get('{io}m').exec(),
  [[null, 'OK'], [null, 2], [null, 'xy']]);
await redis.watch('{io}m');
const other = connect();
await other.set('{io}m', 'changed');
assert.equal(await redis.multi().set('{io}m', 'lost').exec(), null);

assert.equal(await redis.hset('io:h', { a: '1', b: '2' }), 2);
assert.deepEqual(await redis.hgetall('io:h'), { a: '1', b: '2' });
assert.equal(await redis.zadd('io:z', 1, 'one', 2, 'two'), 2);
assert.deepEqual(await redis.zrange('io:z', 0, -1, 'WITHSCORES'), ['one', '1', 'two', '2']);
assert.ok(await redis.xadd('io:s', '*', 'field', 'value'));
assert.equal(await redis.xlen('io:s'), 1);

const popped = redis.blpop('io:q', 60);
await other.rpush('io:q', 'element');
assert.deepEqual(await popped, ['io:q', 'element']);

const wanted = new Set();
for (let n = 0; n < 200; n += 1) wanted.add(`io:scan:${n}`);
await other.mset(...[...wanted].flatMap((key) => [key, 'x']));
const found = new Set();
for await (const keys of redis.scanStream({ match: 'io:scan:*', count: 50 })) keys.forEach((k) => found.add(k));
assert.deepEqual(found, wanted);

const listener = connect();
await listener.subscribe('io:news');
const heard = new Promise((resolve) => { listener.on('message', (channel, text) => resolve([channel, text])); });
assert.equal(await redis.publish('io:news', 'hello'), 1);
assert.deepEqual(await heard, ['io:news', 'hello']);

redis.defineCommand('twice', { numberOfKeys: 1, lua: 'return redis.call("INCRBY", KEYS[1], ARGV[1] * 2)' });
assert.equal(await redis.twice('io:n', 4), 8);
assert.equal(await redis.twice('io:other', 1), 2);
await other.del(...wanted, '{io}m', 'io:h', 'io:z', 'io:s', 'io:n', 'io:other');
await Promise.all([redis.quit(), other.quit(), listener.quit()]);
