/**
 * One run of one variant, in a process of its own, seen from outside: what the kernel has counted for its threads between `ready` and the end of the work, and
 * what the work came to. Starting, compiling and ending are not in it.
 *
 * Where there is no `/proc`, CPU time is what the process says of itself, and runnable delay is not known.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Of `/proc/stat`, in hundredths of a second whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;
const STAT = { user: 0, nice: 1, system: 2, irq: 5, softirq: 6 };

/** Seconds for which the process's threads were on a CPU, and for which they were ready and had none. */
function threadsOf(pid) {
  const sum = { cpuSeconds: 0, delaySeconds: 0 };
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ranNs, delayNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
      sum.cpuSeconds += ranNs / 1e9;
      sum.delaySeconds += delayNs / 1e9;
    }
    return sum;
  } catch {
    return undefined;
  }
}

/** Seconds for which the machine's CPUs were used, by anybody. */
function machineBusySeconds() {
  try {
    const ticks = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1).map(Number);
    return Object.values(STAT).reduce((sum, at) => sum + ticks[at], 0) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

/**
 * Runs `command` (a program and its arguments) to its end. `energy` is asked for the joules of the machine meanwhile (`energy.js`).
 */
export async function measure(command, energy) {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command.join(' ')} ended before its time`);
    return value;
  };
  await next();
  const before = look(child.pid, energy);
  child.stdin.write('go\n');
  const told = JSON.parse(await next());
  const after = look(child.pid, energy);
  child.stdin.end('end\n');
  await ended;
  if (told.lost !== 0) throw new Error(`${command.join(' ')} has lost ${told.lost} changes`);

  const seconds = (after.ms - before.ms) / 1000;
  const cpuSeconds = after.threads ? after.threads.cpuSeconds - before.threads.cpuSeconds : told.cpuSeconds;
  const delaySeconds = after.threads ? after.threads.delaySeconds - before.threads.delaySeconds : Number.NaN;
  const busySeconds = Math.max(cpuSeconds, after.busySeconds - before.busySeconds || 0);
  const shares = energy.between(before.energy, after.energy, { seconds, cpuSeconds, busySeconds });
  const { operations, runtime } = told;
  return { seconds, cpuSeconds, delaySeconds, busySeconds, operations, runtime, ...shares };
}

function look(pid, energy) {
  return { ms: performance.now(), threads: threadsOf(pid), busySeconds: machineBusySeconds(), energy: energy.read() };
}
