// What the scripts here share: the endpoint, conditions with a deadline, the versions of what is used.
//
// ENDPOINT is host:port of the front door. PREFIX is the prefix for keys where a framework is not to use its own.
// PATIENCE is how many seconds anything may take. A script ends with 0 when all is right.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [host, port] = process.env.ENDPOINT.split(':');
export const endpoint = { host, port: Number(port) };
export const prefix = process.env.PREFIX;
export const patience = Number(process.env.PATIENCE ?? '60') * 1000;

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// The first true answer.
export async function until(what, answer) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await answer();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patience} ms for ${what}`);
    await pause(20);
  }
}

export function version(...names) {
  const require = createRequire(import.meta.url);
  const of = (name) => {
    let dir = dirname(require.resolve(name));
    for (;;) {
      try {
        const found = JSON.parse(readFileSync(join(dir, 'package.json')));
        if (found.name === name) return found.version;
      } catch { /* not in this folder */ }
      dir = dirname(dir);
    }
  };
  console.log('version', names.map((name) => `${name} ${of(name)}`).join(', '));
}

// A script that hangs says so and ends.
setTimeout(() => {
  console.error(`not done after ${2 * patience} ms`);
  process.exit(1);
}, 2 * patience).unref();
