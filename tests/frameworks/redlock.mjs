// redlock over one endpoint: a lock is held by one, waited for, extended and given back.

import assert from 'node:assert/strict';
import Redis from 'ioredis';
import Redlock from 'redlock';
import { endpoint, version } from './scene.mjs';

version('redlock', 'ioredis');
const client = new Redis(endpoint);
const patient = new Redlock([client], { retryCount: 100, retryDelay: 20, retryJitter: 10 });
const hasty = new Redlock([client], { retryCount: 0 });
for (let n = 0; n < 20; n += 1) {
  const lock = await hasty.lock(`lock:${n}`, 10_000);
  await assert.rejects(hasty.lock(`lock:${n}`, 10_000));
  const extended = await lock.extend(20_000);
  assert.ok(await client.pttl(`lock:${n}`) > 10_000);
  const waiting = patient.lock(`lock:${n}`, 10_000);
  await extended.unlock();
  await (await waiting).unlock();
  assert.equal(await client.exists(`lock:${n}`), 0);
}
// Of several things at once one script locks all, so they have to share a slot.
await (await hasty.lock(['{things}:1', '{things}:2'], 10_000)).unlock();
await client.quit();
