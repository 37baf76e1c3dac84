/**
 * The doorbell and the flush words under every interleaving of application threads and the agent thread. What runs are
 * `doorbell.ts`, `flush.ts` and the `Drain` of the agent thread themselves, but for this: what the drain leaves to a later
 * turn of its event loop happens at once, and its poll comes only where a model says so: a lost wake-up is then not made
 * good.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Exploration, explore, headline, host, type Model, program } from '../../../support/explore.ts';
import { modelControlMemory } from '../../../support/model-arrays.ts';
import { type AgentSources, type Change, loadVariant } from '../../../support/variant.ts';

const LAYOUT = 'shared-memory/layout.ts';
const DOORBELL = 'shared-memory/doorbell.ts';
const FLUSH = 'app-thread/flush.ts';
const DRAIN = 'agent-thread/drain.ts';

const drainChange = (from: string | RegExp, to: string): Change => ({ file: DRAIN, from, to });
const flushChange = (from: string, to: string): Change => ({ file: FLUSH, from, to });

const IN_ONE_TURN: readonly Change[] = [
  drainChange(/new Promise<void>\(\(resolve\) => setImmediate\(resolve\)\)/, '{ then: (next: () => void) => next() }'),
  /* One record is a burst. */
  drainChange(/BUSY_RECORDS = \d+/, 'BUSY_RECORDS = 1'),
  drainChange('async #answerFlush(): Promise<void> {', '#answerFlush(): void {'),
  drainChange(
    'for (let turn = 0; turn < TURNS_BEFORE_FLUSH; turn++) await new Promise((resolve) => setImmediate(resolve));',
    '',
  ),
  drainChange('await this.#steps.flush();', 'this.#steps.flush();'),
];

/** What application threads record: a word each, in place of their rings. */
const WORDS = { a: 4096, b: 4096 + 64 } as const;
type Recording = keyof typeof WORDS;

interface Sources {
  readonly layout: AgentSources[typeof LAYOUT];
  readonly doorbell: AgentSources[typeof DOORBELL];
  readonly flush: AgentSources[typeof FLUSH];
  readonly drain: AgentSources[typeof DRAIN];
  readonly memory: AgentSources[typeof LAYOUT]['ControlMemory']['prototype'];
}

async function load(changes: readonly Change[]): Promise<Sources> {
  const files = [LAYOUT, DOORBELL, FLUSH, DRAIN] as const;
  const [layout, doorbell, flush, drain] = await loadVariant(files, [...IN_ONE_TURN, ...changes]);
  return { layout, doorbell, flush, drain, memory: modelControlMemory(layout.ControlMemory.prototype) };
}

/** Records once, in a single step. */
const record = ({ memory }: Sources, name: Recording): number => Atomics.add(memory.i32, WORDS[name] >> 2, 1) + 1;

/** The agent thread: notes what it has drained and what it has delivered. */
function runAgent({ drain, memory }: Sources, names: readonly Recording[] = ['a', 'b']): void {
  const drained = { a: 0, b: 0 };
  const clock = { baseS: 0, nowNs: () => 0, toHrTime: () => [0, 0], reanchor: () => {} };
  const steps = {
    drain: () => {
      let found = 0;
      for (const name of names) {
        const recorded = Atomics.load(memory.i32, WORDS[name] >> 2);
        found += recorded - drained[name];
        drained[name] = recorded;
        host.note(`drained ${name}`, recorded);
      }
      return found;
    },
    sample: () => {},
    flush: async () => {
      for (const name of names) host.note(`delivered ${name}`, drained[name]);
    },
  };
  const Drain = drain.Drain as unknown as new (...args: unknown[]) => { start(): void };
  /* Each drain reads the words anew, and there is one before each delivery. */
  program.state = () => JSON.stringify(drained);
  new Drain(memory, clock, steps).start();
}

beforeEach(() => {
  vi.stubGlobal('performance', { now: () => program.elapsedMs });
  vi.stubGlobal('setInterval', (poll: () => void) => void (program.poll = poll));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the doorbell, in every interleaving', () => {
  async function exploreBell(changes: readonly Change[] = [], model: Partial<Model> = {}): Promise<Exploration> {
    const sources = await load(changes);
    const rings = (name: Recording, times: number) => (): void => {
      for (let i = 0; i < times; i++) {
        record(sources, name);
        sources.doorbell.ring(sources.memory);
        host.note(`rung ${name}`, i + 1);
      }
    };
    return explore({
      mayWait: ['agent'],
      threads: { a: rings('a', 2), b: rings('b', 1), agent: () => runAgent(sources) },
      atEnd: ({ get }) => {
        if (get(sources.layout.HEADER.DOORBELL) !== 0) return 'nobody comes, and the bell cannot be rung again';
        const missed = (['a', 'b'] as const).find((name) => get(`drained ${name}`) < get(`rung ${name}`));
        return missed === undefined ? undefined : `nobody comes for what ${missed} has rung for`;
      },
      ...model,
    });
  }

  test('what is rung for is drained, without a poll', async () => {
    expect(headline(await exploreBell())).toBe('nothing');
  });

  test('who rings may die at any step: the next poll comes for the rest, and the bell can be rung again', async () => {
    const exploration = await exploreBell([], { mayDie: ['a', 'b'], timeouts: 'at last' });
    expect(headline(exploration)).toBe('nothing');
  });

  test('a mistake is found: a poll that leaves the bell as it is', async () => {
    const change = drainChange('answer(this.#memory);\n    this.#drainAll();', 'this.#drainAll();');
    const exploration = await exploreBell([change], { mayDie: ['a'], timeouts: 'at last' });
    expect(headline(exploration)).toContain('cannot be rung again');
  });

  test('the same where stores become visible late', async () => {
    expect(headline(await exploreBell([], { maxPendingStores: 2 }))).toBe('nothing');
  });

  test.each<[mistake: string, change: Change]>([
    [
      'the bell is answered after the drain',
      drainChange(
        'answer(this.#memory);\n      this.#listen(this.#drainAll() >= BUSY_RECORDS);',
        'const found = this.#drainAll(); answer(this.#memory); this.#listen(found >= BUSY_RECORDS);',
      ),
    ],
    [
      'the bell is answered once more before the wait',
      drainChange(
        'this.#listen(this.#drainAll() >= BUSY_RECORDS);',
        'const found = this.#drainAll(); answer(this.#memory); this.#listen(found >= BUSY_RECORDS);',
      ),
    ],
    [
      'the bell wakes nobody',
      {
        file: DOORBELL,
        from: 'exchange(memory.i32, BELL, 1) === 0) notify(memory.i32, BELL);',
        to: 'exchange(memory.i32, BELL, 1) === 0) {}',
      },
    ],
    [
      'the wake-up comes before the bell',
      {
        file: DOORBELL,
        from: '&& exchange(memory.i32, BELL, 1) === 0) notify(memory.i32, BELL);',
        to: ') { notify(memory.i32, BELL); exchange(memory.i32, BELL, 1); }',
      },
    ],
  ])('a mistake is found: %s', async (_, change) => {
    expect(headline(await exploreBell([change]))).toContain('nobody comes');
  });
});

describe('the flush, in every interleaving', () => {
  /** Records, asks for a flush, and compares what it was told with what was delivered. */
  const flushes = (sources: Sources): void => {
    const recorded = record(sources, 'a');
    const isDone = sources.flush.flushBlocking(sources.memory, 200);
    host.note('told a', isDone ? 1 : 2);
    host.note('due a', isDone ? recorded : 0);
  };

  /** The main thread says that there is an agent thread, and starts it. A flush was asked for already: all others come while it is done. */
  const launch = ({ layout, memory }: Sources): void => {
    Atomics.store(memory.i32, layout.HEADER.AGENT_STATE >> 2, layout.AgentState.STARTING);
    Atomics.store(memory.i32, layout.HEADER.FLUSH_REQUESTED >> 2, 1);
    host.tell('launched', 1);
  };

  async function exploreFlush(changes: readonly Change[] = [], model: Partial<Model> = {}): Promise<Exploration> {
    const sources = await load(changes);
    return explore({
      mayWait: ['agent'],
      threads: {
        a: () => {
          launch(sources);
          flushes(sources);
        },
        agent: () => {
          host.until('launched');
          runAgent(sources, ['a']);
        },
      },
      always: ({ get }) => (get('due a') > get('delivered a') ? 'a was told of a delivery that was none' : undefined),
      atEnd: ({ get, status }) =>
        status('agent') === 'dead' || get('told a') === 1 ? undefined : 'a flush was not answered',
      ...model,
    });
  }

  test('who asks is answered, without a poll or a time-out, and what it is told is true', async () => {
    expect(headline(await exploreFlush())).toBe('nothing');
  });

  test('the same where stores become visible late', async () => {
    expect(headline(await exploreFlush([], { maxPendingStores: 2 }))).toBe('nothing');
  });

  test('where the agent thread may die at any step, nobody waits for ever, and what they are told is true', async () => {
    expect(headline(await exploreFlush([], { timeouts: 'any time', mayDie: ['agent'] }))).toBe('nothing');
  });

  test('an agent thread that is started anew answers what was asked of the one before', async () => {
    const sources = await load([]);
    const restarted = explore({
      timeouts: 'at last',
      mayDie: ['agent'],
      mayWait: ['agent', 'next'],
      threads: {
        a: () => {
          launch(sources);
          flushes(sources);
        },
        agent: () => {
          host.until('launched');
          runAgent(sources);
        },
        next: () => {
          host.untilGone('agent');
          runAgent(sources);
        },
      },
      atEnd: ({ get, status }) => (status('next') === 'running' && get('told a') === 2 ? 'no answer' : undefined),
    });
    expect(headline(restarted)).toBe('nothing');
  });

  test('without an agent thread nobody waits', async () => {
    const sources = await load([]);
    const { layout, memory, flush } = sources;
    const states = [layout.AgentState.NONE, layout.AgentState.FAILED];
    const threads = Object.fromEntries(
      states.map((state) => [
        `state ${state}`,
        (): void => {
          Atomics.store(memory.i32, layout.HEADER.AGENT_STATE >> 2, state);
          host.note(`told ${state}`, flush.flushBlocking(memory, 200) ? 1 : 2);
        },
      ]),
    );
    const atEnd: Model['atEnd'] = ({ get }) =>
      states.every((state) => get(`told ${state}`) === 2) ? undefined : 'true';
    expect(headline(explore({ threads, atEnd }))).toBe('nothing');
  });

  test.each<[mistake: string, found: string, change: Change]>([
    [
      'the request is not rung for',
      'a waits for ever',
      flushChange('ring(memory);\n  return ticket;', 'return ticket;'),
    ],
    [
      'the request is read after the drain',
      'was none',
      drainChange(
        'Atomics.store(i32, HEADER.FLUSH_DONE >> 2, requested);',
        'Atomics.store(i32, HEADER.FLUSH_DONE >> 2, Atomics.load(i32, HEADER.FLUSH_REQUESTED >> 2));',
      ),
    ],
    ['the answer wakes nobody', 'waits for ever', drainChange('Atomics.notify(i32, HEADER.FLUSH_DONE >> 2);', '')],
    [
      'a ticket that any answer reaches',
      'was none',
      flushChange('return ((done - ticket) | 0) >= 0;', 'return ((done - ticket) | 0) >= -1;'),
    ],
    [
      'the wait is not for the answer that was read',
      'waits for ever',
      flushChange(
        'wait(memory.i32, DONE, done, Math.min(leftMs, SLICE_MS));',
        'wait(memory.i32, DONE, Atomics.load(memory.i32, DONE), Math.min(leftMs, SLICE_MS));',
      ),
    ],
  ])('a mistake is found: %s', async (_, found, change) => {
    expect(headline(await exploreFlush([change]))).toContain(found);
  });
});
