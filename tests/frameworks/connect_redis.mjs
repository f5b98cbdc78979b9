// connect-redis under express-session: what a browser's requests find in their session, and the store's own methods.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { endpoint, version } from './scene.mjs';

version('connect-redis', 'express-session', 'redis');
const client = await createClient({ socket: endpoint }).connect();
const store = new RedisStore({ client });
const app = express();
app.use(session({ store, secret: 'for tests', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }));
app.get('/visit', (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1;
  response.send(String(request.session.visits));
});
app.get('/leave', (request, response) => request.session.destroy(() => response.send('left')));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const browse = async (path, cookie) => {
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: cookie ? { cookie } : {} });
  return [await response.text(), response.headers.get('set-cookie')?.split(';')[0]];
};

const [, cookie] = await browse('/visit');
assert.equal((await browse('/visit', cookie))[0], '2');
assert.equal((await browse('/visit', cookie))[0], '3');
for (let n = 0; n < 50; n += 1) await browse('/visit');
assert.equal(await store.length(), 51);
assert.equal((await store.ids()).length, 51);
assert.equal((await store.all()).length, 51);
await browse('/leave', cookie);
assert.equal((await browse('/visit', cookie))[0], '1');
await store.clear();
assert.equal(await store.length(), 0);
server.close();
server.closeAllConnections();
await client.close();
