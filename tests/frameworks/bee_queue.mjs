// bee-queue with a worker: results, retries, delays, progress.

import assert from 'node:assert/strict';
import Queue from 'bee-queue';
import { endpoint, prefix, until, version } from './scene.mjs';

version('bee-queue');
const queue = new Queue('mail', { redis: endpoint, activateDelayedJobs: true, ...(prefix ? { prefix } : {}) });
queue.on('error', (error) => console.error('queue', error));
const tries = new Map();
queue.process(2, async (job) => {
  tries.set(job.id, (tries.get(job.id) ?? 0) + 1);
  if (tries.get(job.id) <= (job.data.failures ?? 0)) throw new Error('meant to fail');
  job.reportProgress({ half: true });
  return (job.data.x ?? 0) + (job.data.y ?? 0);
});
const results = new Map();
queue.on('job succeeded', (id, result) => results.set(id, result));
queue.on('job failed', (id, error) => results.set(id, error.message));
const result = async (job) => {
  await until(`job ${job.id}`, () => results.has(job.id));
  return results.get(job.id);
};

await queue.ready();
assert.equal(await result(await queue.createJob({ x: 2, y: 3 }).save()), 5);
const many = Array.from({ length: 30 }, (_, n) => queue.createJob({ x: n, y: n }));
assert.equal((await queue.saveAll(many)).size, 0);
assert.deepEqual(await Promise.all(many.map(result)), many.map((_, n) => 2 * n));
assert.equal(await result(await queue.createJob({ failures: 2 }).retries(3).backoff('fixed', 50).save()), 0);
assert.equal(await result(await queue.createJob({ failures: 9 }).save()), 'meant to fail');
const before = Date.now();
await result(await queue.createJob({ x: 1 }).delayUntil(before + 500).save());
assert.ok(Date.now() - before >= 495);
const health = await queue.checkHealth();
assert.equal(health.waiting + health.active + health.delayed, 0);
assert.equal(health.failed, 1);
const rid = await queue.createJob({}).delayUntil(before + 600_000).save();
await queue.removeJob(rid.id);
assert.equal((await queue.checkHealth()).delayed, 0);
await queue.destroy();
await queue.close();
