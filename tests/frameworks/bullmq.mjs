// BullMQ with workers: results, retries, delays, priorities, rate limits, repeated jobs, and flows over two queues.

import assert from 'node:assert/strict';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { endpoint, prefix, until, version } from './scene.mjs';

version('bullmq', 'ioredis');
const options = { connection: endpoint, ...(prefix ? { prefix } : {}) };
const queue = new Queue('mail', options);
const events = new QueueEvents('mail', options);
await events.waitUntilReady();

const order = [];
const worker = new Worker('mail', async (job) => {
  order.push(job.name);
  if (job.name === 'flaky' && job.attemptsMade < job.data.failures) throw new Error('meant to fail');
  if (job.name === 'parent') return Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0);
  return (job.data.x ?? 0) + (job.data.y ?? 0);
}, { ...options, concurrency: 2 });
worker.on('error', (error) => console.error('worker', error));
const result = (job) => job.waitUntilFinished(events);

assert.equal(await result(await queue.add('add', { x: 2, y: 3 })), 5);
const many = await queue.addBulk(Array.from({ length: 30 }, (_, n) => ({ name: 'add', data: { x: n, y: n } })));
assert.deepEqual(await Promise.all(many.map(result)), many.map((_, n) => 2 * n));

const flaky = await queue.add('flaky', { failures: 2 }, { attempts: 3, backoff: { type: 'exponential', delay: 50 } });
await result(flaky);
const failed = await queue.add('flaky', { failures: 9 });
await assert.rejects(result(failed), /meant to fail/);
assert.equal(await queue.getFailedCount(), 1);
await failed.retry();
await assert.rejects(result(failed), /meant to fail/);

const before = Date.now();
await result(await queue.add('add', { x: 1 }, { delay: 500 }));
assert.ok(Date.now() - before >= 495);

await queue.pause();
order.length = 0;
const ranked = await Promise.all([3, 1, 2].map((priority) => queue.add(`rank-${priority}`, {}, { priority })));
assert.equal((await queue.getPrioritized()).length + (await queue.getWaiting()).length, 3);
await queue.resume();
await Promise.all(ranked.map(result));
assert.deepEqual(order.toSorted(), ['rank-1', 'rank-2', 'rank-3']);

const once = await queue.add('add', { x: 1 }, { jobId: 'once', delay: 300 });
assert.equal((await queue.add('add', { x: 2 }, { jobId: 'once' })).id, once.id);
assert.equal(await result(once), 1);
const rid = await queue.add('add', {}, { delay: 600_000 });
await rid.remove();
assert.equal(await queue.getJob(rid.id), undefined);

await queue.upsertJobScheduler('often', { every: 200, limit: 2 }, { name: 'ticked' });
await until('a job to be repeated', () => order.filter((name) => name === 'ticked').length >= 2);
await queue.removeJobScheduler('often');

// A parent waits for its children of another queue.
const flows = new FlowProducer(options);
const children = new Worker('parts', async (job) => job.data.n, options);
const flow = await flows.add({
  name: 'parent',
  queueName: 'mail',
  children: Array.from({ length: 5 }, (_, n) => ({
    name: 'part', queueName: 'parts', data: { n }, children: [{ name: 'leaf', queueName: 'parts', data: { n: 0 } }],
  })),
});
assert.equal(await result(flow.job), 10);

// Two jobs in half a second and no more.
const limited = new Queue('limited', options);
const limitedEvents = new QueueEvents('limited', options);
await limitedEvents.waitUntilReady();
const stamps = [];
const slow = new Worker('limited', async () => { stamps.push(Date.now()); },
  { ...options, limiter: { max: 2, duration: 500 } });
const added = Date.now();
const waiting = await limited.addBulk(Array.from({ length: 6 }, () => ({ name: 'x', data: {} })));
await Promise.all(waiting.map((job) => job.waitUntilFinished(limitedEvents)));
assert.ok(stamps.at(-1) - added >= 900, `${stamps.at(-1) - added} ms for six jobs`);

assert.deepEqual((await queue.getJobCounts('waiting', 'active', 'delayed')), { waiting: 0, active: 0, delayed: 0 });
await Promise.all([worker, children, slow].map((one) => one.close()));
await queue.obliterate({ force: true });
await Promise.all([queue, events, limited, limitedEvents, flows].map((one) => one.close()));
