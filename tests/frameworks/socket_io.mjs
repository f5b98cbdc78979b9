// socket.io over two servers that are joined by the Redis adapter, and by the one for sharded channels.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { endpoint, until, version } from './scene.mjs';

version('@socket.io/redis-adapter', 'socket.io', 'redis');

async function use(adapt) {
  const connect = async () => {
    const link = createClient({ socket: endpoint });
    link.on('error', (error) => console.error('link', error));
    return link.connect();
  };
  const start = async () => {
    const http = createServer();
    const server = new Server(http, { adapter: adapt(await connect(), await connect()) });
    server.on('connection', (socket) => socket.on('join', (room, done) => { socket.join(room); done(); }));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return { server, url: `http://127.0.0.1:${http.address().port}` };
  };
  const servers = await Promise.all([start(), start()]);
  const clients = [];
  for (const { url } of [...servers, ...servers]) {
    const client = io(url, { transports: ['websocket'] });
    await once(client, 'connect');
    clients.push({ client, heard: [] });
  }
  for (const one of clients) one.client.on('news', (text) => one.heard.push(text));
  for (const { client } of clients.slice(1)) await client.emitWithAck('join', 'room');
  const [first, second] = servers.map(({ server }) => server);
  await until('servers to know of each other', async () => (await first.fetchSockets()).length === 4);

  first.emit('news', 'to all');
  await until('all to hear', () => clients.every(({ heard }) => heard.includes('to all')));
  first.to('room').emit('news', 'to the room');
  await until('the room to hear', () => clients.slice(1).every(({ heard }) => heard.includes('to the room')));
  second.emit('news', 'end');
  await until('all to hear the end', () => clients.every(({ heard }) => heard.includes('end')));
  assert.deepEqual(clients[0].heard, ['to all', 'end']);
  assert.equal((await second.in('room').fetchSockets()).length, 3);
  first.in('room').disconnectSockets(true);
  await until('the room to be empty', () => clients.slice(1).every(({ client }) => !client.connected));
  for (const { client } of clients) client.close();
  for (const { server } of servers) await server.close();
}

await use((publisher, subscriber) => createAdapter(publisher, subscriber));
await use((publisher, subscriber) => createShardedAdapter(publisher, subscriber));
process.exit(0);
