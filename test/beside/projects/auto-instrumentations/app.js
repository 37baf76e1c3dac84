/** A server that asks a worker. Ends at SIGTERM. */
'use strict';

const { once } = require('node:events');
const { createServer } = require('node:http');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');

async function square(n) {
  const [answer] = await once(new Worker(join(__dirname, 'square.js'), { name: 'squares', workerData: n }), 'message');
  return answer;
}

const server = createServer(async (request, response) => {
  const n = Number(request.url.split('/').at(-1));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ square: await square(n) }));
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
process.once('SIGTERM', () => server.close());
