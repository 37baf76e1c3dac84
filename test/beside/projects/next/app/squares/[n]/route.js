/** Asks a worker. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const CODE = `const { parentPort, workerData } = require('node:worker_threads'); parentPort.postMessage(workerData ** 2);`;

export async function GET(_request, { params }) {
  const { n } = await params;
  const worker = new Worker(CODE, { eval: true, name: 'squares', workerData: Number(n) });
  const [square] = await once(worker, 'message');
  return Response.json({ square });
}
