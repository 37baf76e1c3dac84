import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

if (!isMainThread) parentPort.postMessage(workerData ** 2);

export async function square(n) {
  const [answer] = await once(new Worker(new URL(import.meta.url), { name: 'squares', workerData: n }), 'message');
  return answer;
}
