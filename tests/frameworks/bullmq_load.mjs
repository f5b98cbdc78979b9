// BullMQ under load, while what stands before the nodes is killed: bullmq_load.mjs JOBS DONE
//
// A job is done by a line in the file DONE. What a worker took and lost with its connection is stalled, and done again.

import { appendFileSync, readFileSync } from 'node:fs';
import { Queue, Worker } from 'bullmq';
import { endpoint, pause, prefix, until, version } from './scene.mjs';

const [jobs, path] = [Number(process.argv[2]), process.argv[3]];
version('bullmq', 'ioredis');
const options = { connection: { ...endpoint, retryStrategy: () => 50 }, ...(prefix ? { prefix } : {}) };
const queue = new Queue('load', options);
queue.on('error', () => {});
const workers = Array.from({ length: 2 }, () => new Worker('load', async (job) => {
  appendFileSync(path, `${job.id}\n`);
}, { ...options, concurrency: 2, lockDuration: 2000, stalledInterval: 1000, maxStalledCount: 100 }));
for (const worker of workers) worker.on('error', () => {});

for (let number = 0; number < jobs; number += 1) {
  for (;;) {
    try {
      await queue.add('job', {}, { jobId: `job-${number}`, attempts: 10 });
      break;
    } catch (error) {
      console.log('again', number, error.message);
      await pause(20);
    }
  }
  await pause(5);
}
const lines = () => readFileSync(path, 'ascii').split('\n').filter(Boolean);
await until('every job to be done', () => new Set(lines()).size === jobs);
console.log(`0 lost, ${lines().length - jobs} done again`);
process.exit(0);
