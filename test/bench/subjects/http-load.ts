/**
 * Asks a server for one path over and over, a closed loop on each of some connections: warms it up, then counts for a while. Prints the requests a second,
 * and the nanoseconds on a CPU that the server's threads took for one, those of its agent thread apart.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';

const [address = '', path = '', pid = '', connections = '', warmMs = '', measureMs = ''] = process.argv.slice(2);
const { port, host } = new URL(address);
const REQUEST = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
const CHUNKED_END = Buffer.from('\r\n0\r\n\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');

let answered = 0;

/** One request at a time. An answer ends with its last chunk, or after as many bytes as it said. */
function ask(): void {
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(REQUEST));
  let received: Buffer = Buffer.alloc(0);
  let lengthBytes: number | undefined;
  socket.on('error', (error) => {
    throw error;
  });
  socket.on('data', (data: Buffer) => {
    received = received.length === 0 ? data : Buffer.concat([received, data]);
    if (lengthBytes === undefined) {
      const headEnd = received.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = received.toString('latin1', 0, headEnd).toLowerCase();
      const [, length] = /content-length: (\d+)/.exec(head) ?? [];
      lengthBytes = length === undefined ? Number.POSITIVE_INFINITY : headEnd + HEAD_END.length + Number(length);
    }
    const isWhole = received.length >= lengthBytes || received.subarray(-CHUNKED_END.length).equals(CHUNKED_END);
    if (!isWhole) return;
    answered++;
    received = Buffer.alloc(0);
    lengthBytes = undefined;
    socket.write(REQUEST);
  });
}

/** By the kernel's account, up to now. */
function serverCpuNs(): number {
  const folder = `/proc/${pid}/task`;
  let sumNs = 0;
  for (const task of readdirSync(folder)) {
    if (readFileSync(`${folder}/${task}/comm`, 'latin1') === 'gridwatch\n') continue;
    sumNs += Number(readFileSync(`${folder}/${task}/schedstat`, 'latin1').split(' ')[0]);
  }
  return sumNs;
}

for (let i = 0; i < Number(connections); i++) ask();
setTimeout(() => {
  const before = answered;
  const cpuBeforeNs = serverCpuNs();
  const beganMs = performance.now();
  setTimeout(() => {
    const requests = answered - before;
    const perSecond = (requests / (performance.now() - beganMs)) * 1000;
    process.stdout.write(JSON.stringify({ perSecond, cpuNs: (serverCpuNs() - cpuBeforeNs) / requests }));
    process.exit();
  }, Number(measureMs));
}, Number(warmMs));
