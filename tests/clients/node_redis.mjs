// node-redis against an endpoint, as an application uses it: node_redis.mjs HOST PORT RESP SCRIPTS
// SCRIPTS is 1 where the nodes run Lua. Ends with 0 and without a word when every reply is right.

import assert from 'node:assert/strict';
import { createClient } from 'redis';

const [host, port, resp] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
process.on('warning', (warning) => console.log('warning', warning));

const connect = () => {
  const client = createClient({ socket: { host, port }, RESP: resp });
  client.on('error', (error) => console.log('error', error));
  return client.connect();
};
const redis = await connect();
const other = await connect();

assert.equal(await redis.set('nr:a', '1', { EX: 100 }), 'OK');
assert.deepEqual(await redis.mGet(['nr:a', 'nr:nope']), ['1', null]);
assert.deepEqual(await Promise.all([redis.incr('nr:a'), redis.get('nr:a'), redis.del('nr:a')]), [2, '2', 1]);

assert.deepEqual(await redis.multi().set('{nr}m', 'x').append('{nr}m', 'y').get('{nr}m').exec(), ['OK', 2, 'xy']);
await redis.watch('{nr}m');
await other.set('{nr}m', 'changed');
await assert.rejects(redis.multi().set('{nr}m', 'lost').exec());

assert.equal(await redis.hSet('nr:h', { a: '1', b: '2' }), 2);
assert.deepEqual({ ...await redis.hGetAll('nr:h') }, { a: '1', b: '2' });
assert.equal(await redis.zAdd('nr:z', [{ score: 1, value: 'one' }, { score: 2.5, value: 'two' }]), 2);
assert.deepEqual(await redis.zRangeWithScores('nr:z', 0, -1), [{ value: 'one', score: 1 }, { value: 'two', score: 2.5 }]);

const popped = redis.blPop('nr:q', 60);
await other.rPush('nr:q', 'element');
assert.deepEqual({ ...await popped }, { key: 'nr:q', element: 'element' });

const wanted = new Set();
for (let n = 0; n < 200; n += 1) wanted.add(`nr:scan:${n}`);
await other.mSet([...wanted].map((key) => [key, 'x']));
const found = new Set();
for await (const keys of redis.scanIterator({ MATCH: 'nr:scan:*', COUNT: 50 })) keys.forEach((k) => found.add(k));
assert.deepEqual(found, wanted);

const listener = await connect();
const heard = new Promise((resolve) => { listener.pSubscribe('nr:*', (text, channel) => resolve([channel, text])).then(
  () => redis.publish('nr:news', 'hello')); });
assert.deepEqual(await heard, ['nr:news', 'hello']);

assert.equal(await redis.eval('return redis.call("INCRBY", KEYS[1], ARGV[1])', { keys: ['nr:n'], arguments: ['4'] }), 4);
await other.del([...wanted, '{nr}m', 'nr:h', 'nr:z', 'nr:n']);
await Promise.all([redis.close(), other.close(), listener.close()]);
