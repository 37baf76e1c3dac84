/** The examples of queues and pools, run as their head comments say, and what they show: on the terminal, and at a collector. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { observe } from '../support/observe.ts';
import { startNode } from '../support/run-node.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}/main.js`, import.meta.url));

describe('examples/pool-starvation', () => {
  it('tells of the pool that waits for itself', async () => {
    const { result, observed } = await observe({
      args: [example('pool-starvation')],
      env: { STARVATION_SECONDS: '15' },
    });
    expect(result).toMatchObject({ exitCode: 0, stdout: '0 of 2 chapters laid out\n' });
    expect(result.stderr).toMatch(
      /^gridwatch: pool_starvation: piscina@examples\/pool-starvation\/layout\.js waits for itself: each of the 2 tasks that it works on has put tasks into it, which wait/m,
    );
    expect(observed.sum('gridwatch.findings', { 'gridwatch.finding': 'pool_starvation' })).toBe(1);
    /* What was given up ended the workers that worked on it, which is told of, too. */
    const told = new Set(observed.logs.map(({ eventName }) => eventName));
    expect([...told].toSorted()).toEqual(['gridwatch.finding', 'gridwatch.thread.failed']);
  });

  it('tells of nothing where a worker stays free', async () => {
    const { result, observed } = await observe({
      args: [example('pool-starvation')],
      env: { STARVATION_CHAPTERS: '1' },
    });
    expect(result).toMatchObject({ exitCode: 0, stdout: '1 of 1 chapters laid out\n', stderr: '' });
    const pool = { 'gridwatch.queue.name': 'piscina@examples/pool-starvation/layout.js' };
    expect(observed.sum('gridwatch.queue.arrivals', pool)).toBe(4);
    expect(observed.sum('gridwatch.queue.completions', pool)).toBe(4);
    expect(observed.sum('gridwatch.queue.size', pool)).toBe(0);
    expect(observed.sum('gridwatch.findings')).toBe(0);
  });
});

describe('examples/message-storm', () => {
  it('shows the backlog of the port, and how long each reading lay there', async () => {
    /* Nobody is waited for: the first export would come when the storm is over. */
    const env = { STORM_SECONDS: '2', OTEL_METRIC_EXPORT_INTERVAL: '500', GRIDWATCH_IDENTITY_WAIT_MS: '0' };
    const { result, observed } = await observe({ args: [example('message-storm')], env });
    expect(result.exitCode).toBe(0);
    const [posted = 0, handled = 0] = result.stdout.match(/\d+/g)?.map(Number) ?? [];
    expect(handled).toBe(posted);
    const port = { 'gridwatch.queue.name': 'consumer', 'gridwatch.queue.direction': 'to_worker' };
    const sizes = observed.metrics
      .filter(({ name }) => name === 'gridwatch.queue.size')
      .flatMap(({ points }) => points)
      .filter(({ attributes }) => attributes['gridwatch.queue.direction'] === 'to_worker')
      .map(({ value }) => value);
    expect(Math.max(...sizes)).toBeGreaterThan(posted / 4);
    /* The last message is not a reading. */
    expect(observed.sum('gridwatch.queue.arrivals', port)).toBe(posted + 1);
    expect(observed.sum('gridwatch.queue.completions', port)).toBe(posted + 1);
    expect(observed.count('gridwatch.queue.wait.duration', port)).toBe(posted + 1);
  });
});

describe('examples/hogged-loop', () => {
  it('shows the turns that kept everybody waiting, and none where a worker does the work', async () => {
    const run = (where: string) =>
      observe({ args: [example('hogged-loop')], env: { HOGGED_SECONDS: '3', HOGGED_WHERE: where } });
    const onMain = await run('main');
    expect(onMain.result.exitCode).toBe(0);
    const blocked = (one: typeof onMain): number =>
      one.observed.spans.filter(
        ({ name, attributes }) => name === 'eventloop.blocked' && attributes['thread.name'] === 'main',
      ).length;
    expect(blocked(onMain)).toBeGreaterThan(0);
    const onWorker = await run('worker');
    expect(onWorker.result.exitCode).toBe(0);
    expect(blocked(onWorker)).toBe(0);
  });
});

describe('examples/traced-pipeline', () => {
  it('has one trace for each request, and the waits of pool and port', async () => {
    const { result, observed } = await observe({ args: [example('traced-pipeline')], env: { PIPELINE_REQUESTS: '3' } });
    expect(result.exitCode).toBe(0);
    const traces = Array.from(result.stdout.matchAll(/trace ([0-9a-f]{32})$/gm), ([, id]) => id);
    for (const traceId of traces) {
      const names = observed.spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
      for (const name of ['resize', 'send encoder', 'process encoder', 'encode']) expect(names).toContain(name);
    }
    expect(traces).toHaveLength(3);
  });
});

describe('examples/threads-or-processes', () => {
  it('does the same job both ways', async () => {
    const env = { CHOICE_DOCUMENTS: '100' };
    const { result, observed } = await observe({ args: [example('threads-or-processes')], env });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(/^threads +: \d+ documents\/s, .*\nprocesses: \d+ documents\/s, /);
    const pool = { 'gridwatch.queue.name': 'piscina@examples/threads-or-processes/index-document.js' };
    expect(observed.sum('gridwatch.queue.completions', pool)).toBe(102);
    const ipc = { 'gridwatch.queue.kind': 'ipc', 'gridwatch.queue.direction': 'to_worker' };
    expect(observed.sum('gridwatch.queue.arrivals', ipc)).toBeGreaterThanOrEqual(100);
  });
});

describe('examples/incidents/agent-degraded', () => {
  const TELL_ANSWERS = `
    import { MessagePort } from 'node:worker_threads';
    const { once } = MessagePort.prototype;
    MessagePort.prototype.once = function (event, take) {
      return once.call(this, event, (answer) => { console.log(answer); take(answer); });
    };`;

  it.each(['broken', 'fixed'])('gets an answer of each plugin, in %s', async (twin) => {
    const file = fileURLToPath(new URL(`../../examples/incidents/agent-degraded/${twin}.js`, import.meta.url));
    const running = startNode({ args: ['--import', `data:text/javascript,${encodeURIComponent(TELL_ANSWERS)}`, file] });
    await Promise.race([running.waitForOutput('7\n'), running.ended]);
    running.child.kill('SIGKILL');
    const { stdout } = await running.ended;
    /* Prices begin at one: the first plugin has nothing for so little, the second one has for the seventh. */
    expect(stdout.slice(0, 28)).toBe(`${'0\n'.repeat(13)}7\n`);
  });
});
