// Bull with a worker: results, retries, delays, priorities, rate limits, repeated jobs.

import assert from 'node:assert/strict';
import Queue from 'bull';
import { endpoint, prefix, until, version } from './scene.mjs';

version('bull', 'ioredis');
const options = { redis: endpoint, ...(prefix ? { prefix } : {}) };
const queue = new Queue('mail', options);
queue.on('error', (error) => console.error('queue', error));
let ticks = 0;
queue.process('*', 2, async (job) => {
  if (job.name === 'tick') ticks += 1;
  if (job.name === 'flaky' && job.attemptsMade < job.data.failures) throw new Error('meant to fail');
  await job.progress(50);
  return (job.data.x ?? 0) + (job.data.y ?? 0);
});
const settled = async (job) => {
  const state = await until(`job ${job.id}`, async () => {
    const state = await job.getState();
    return ['completed', 'failed'].includes(state) && state;
  });
  const found = await queue.getJob(job.id);
  return state === 'completed' ? found.returnvalue : found.failedReason;
};

assert.equal(await settled(await queue.add('add', { x: 2, y: 3 })), 5);
const many = await queue.addBulk(Array.from({ length: 30 }, (_, n) => ({ name: 'add', data: { x: n, y: n } })));
assert.deepEqual(await Promise.all(many.map(settled)), many.map((_, n) => 2 * n));
assert.equal(await settled(await queue.add('flaky', { failures: 2 }, { attempts: 3, backoff: 50 })), 0);
const failed = await queue.add('flaky', { failures: 9 });
assert.equal(await settled(failed), 'meant to fail');
assert.equal(await queue.getFailedCount(), 1);

const before = Date.now();
await settled(await queue.add('add', { x: 1 }, { delay: 300 }));
assert.ok(Date.now() - before >= 295);
await queue.pause();
const ranked = await Promise.all([3, 1, 2].map((priority) => queue.add('rank', {}, { priority })));
await queue.resume();
await Promise.all(ranked.map(settled));
await queue.add('tick', {}, { repeat: { every: 200, limit: 2 } });
await until('a job to be repeated', () => ticks >= 2);

const limited = new Queue('limited', { ...options, limiter: { max: 2, duration: 500 } });
const stamps = [];
limited.process(async () => { stamps.push(Date.now()); });
for (let n = 0; n < 6; n += 1) await limited.add({});
await until('limited jobs', () => stamps.length === 6);
assert.ok(stamps.at(-1) - stamps[0] >= 900, `${stamps.at(-1) - stamps[0]} ms for six jobs`);

await queue.obliterate({ force: true });
await Promise.all([queue.close(), limited.close()]);
