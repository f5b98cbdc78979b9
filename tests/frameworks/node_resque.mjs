// node-resque with a worker and a scheduler: jobs, delays, failures that are tried again.

import assert from 'node:assert/strict';
import resque from 'node-resque';
import { endpoint, until, version } from './scene.mjs';

version('node-resque');
const { Plugins, Queue, Scheduler, Worker } = resque;
const connection = { pkg: 'ioredis', ...endpoint, database: 0 };
const done = [];
let tries = 0;
const jobs = {
  add: { perform: async (x, y) => { done.push(x + y); return x + y; } },
  flaky: {
    plugins: [Plugins.Retry],
    pluginOptions: { Retry: { retryLimit: 3, retryDelay: 100 } },
    perform: async () => { tries += 1; if (tries <= 2) throw new Error('meant to fail'); done.push('flaky'); },
  },
  hopeless: { perform: async () => { throw new Error('meant to fail'); } },
};
const worker = new Worker({ connection, queues: ['mail'], timeout: 50 }, jobs);
const scheduler = new Scheduler({ connection, timeout: 100 });
const queue = new Queue({ connection }, jobs);
for (const one of [worker, scheduler, queue]) {
  one.on('error', (error) => console.error('error', error));
  await one.connect();
}
await worker.start();
await scheduler.start();
for (let n = 0; n < 20; n += 1) await queue.enqueue('mail', 'add', [n, n]);
await until('the jobs', () => done.length === 20);
assert.deepEqual(done.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, n) => 2 * n));
await queue.enqueueIn(500, 'mail', 'add', [100, 1]);
await until('a delayed job', () => done.includes(101));
await queue.enqueue('mail', 'flaky', []);
await until('a job to be tried again', () => done.includes('flaky'));
await queue.enqueue('mail', 'hopeless', []);
await until('a job to fail', async () => await queue.failedCount() === 1);
assert.equal((await queue.workers() && Object.keys(await queue.workers()).length), 1);
assert.equal(await queue.length('mail'), 0);
await worker.end();
await scheduler.end();
await queue.end();
