/**
 * What is measured: which ways, in which languages, with how many threads, how long the critical section is, and for how long. Pure.
 */
import { fileURLToPath } from 'node:url';

const fileHere = (name) => fileURLToPath(new URL(name, import.meta.url));

export const PYTHON_FILE = fileHere('contention.py');

/** Each way to do the work, and which languages have it. */
export const WAYS = {
  sequential: { says: 'one thread, no lock', isAlone: true, python: true },
  independent: { says: 'each thread has objects of its own', python: true },
  spin: { says: 'shared objects, a lock each; who waits spins', python: true },
  park: { says: 'the same; who waits parks at once', python: true },
  adaptive: { says: 'the same with `Mutex`: spins for some microseconds, then parks' },
  fair: { says: 'the same with `Mutex` and `fair: true`: in the order in which they came' },
  queue: { says: 'objects parted among threads, which are sent a message for each change', python: true },
  batches: { says: 'the same, one message for 64 changes' },
};

/** The languages, in the order of the tables. */
export const LANGUAGES = ['Node', 'Python'];

/** The critical section: how many steps it has. A step of Python takes fifty times as long as one of Node. */
export const SECTIONS = {
  tiny: { rounds: { Node: 1, Python: 1 }, says: 'a single step' },
  long: { rounds: { Node: 1000, Python: 20 }, says: 'about two microseconds' },
};

/** What a second of waiting costs one thread. */
export const WAITING = ['parked', 'spinning'];
const WAITING_MS = 1000;

/** `quick` is for tests: it shows that everything works, and roughly the shape. */
export function settingsOf(env, isQuick) {
  const number = (name, usual) => Number(env[name] ?? usual);
  return {
    rounds: number('CONTENTION_ROUNDS', isQuick ? 2 : 5),
    ms: number('CONTENTION_MS', isQuick ? 100 : 250),
    threads: (env.CONTENTION_THREADS ?? (isQuick ? '2' : '2,4,8')).split(',').map(Number),
    seed: number('CONTENTION_SEED', Date.now() % 1e6),
    folder: env.CONTENTION_OUT ?? fileHere('results'),
    python: env.CONTENTION_PYTHON ?? 'python3',
  };
}

/** Every cell of the tables, with the command that measures it once. */
export function cellsOf({ threads, ms, python }, hasPython) {
  const languages = [{ language: 'Node', command: [process.execPath, fileHere('subject.js')] }];
  if (hasPython) languages.push({ language: 'Python', command: [python, PYTHON_FILE] });
  const cells = languages.flatMap(({ language, command }) =>
    Object.entries(SECTIONS).flatMap(([section, { rounds }]) =>
      Object.entries(WAYS)
        .filter(([, { python: isInPython }]) => language === 'Node' || isInPython)
        .flatMap(([way, { isAlone }]) =>
          (isAlone ? [1] : threads).map((count) => {
            return {
              language,
              section,
              way,
              threads: count,
              command: [...command, way, count, rounds[language], ms].map(String),
            };
          }),
        ),
    ),
  );
  const waiting = WAITING.map((way) => {
    return {
      language: 'Node',
      section: 'none',
      way,
      threads: 1,
      command: [...languages[0].command, way, 1, 1, WAITING_MS].map(String),
    };
  });
  return [...cells, ...waiting];
}
