/**
 * Reads the arguments of `gridwatch observe`. Runs in the process of the command. What stands behind `--` is the program's, word for word.
 */
export type ObserveRequest =
  | { readonly kind: 'command'; readonly command: readonly string[] }
  | { readonly kind: 'pid'; readonly pid: number }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly reason: string };

/** The kernel has no larger process number. */
const MAX_PID = 2 ** 22;

const EXAMPLE = 'For example: gridwatch observe -- python3 app.py';

export function readObserveArguments(args: readonly string[]): ObserveRequest {
  const [first, ...rest] = args;
  if (first === undefined) return refused(`there is no program to observe. ${EXAMPLE}`);
  if (first === '--help' || first === '-h') return { kind: 'help' };
  if (first === '--') {
    const [program] = rest;
    if (program === undefined) return refused(`there is no program behind "--". ${EXAMPLE}`);
    return program === '' ? refused(`the program's name is empty. ${EXAMPLE}`) : { kind: 'command', command: rest };
  }
  if (first === '--pid' || first.startsWith('--pid=')) {
    const [given, ...left] = first === '--pid' ? rest : [first.slice('--pid='.length), ...rest];
    if (left.length > 0)
      return refused(`"${left[0]}" is one argument too many: --pid takes a process number and nothing more.`);
    return readPid(given);
  }
  if (first.startsWith('-')) {
    return refused(
      `${first} is no option of "gridwatch observe"; it has --pid N. The program and its own options go behind "--".`,
    );
  }
  return refused(`put "--" before the program: gridwatch observe -- ${args.join(' ')}`);
}

function readPid(given: string | undefined): ObserveRequest {
  if (given === undefined)
    return refused('--pid needs the number of a process. For example: gridwatch observe --pid 4711');
  const pid = /^\d+$/.test(given) ? Number(given) : 0;
  if (pid >= 1 && pid <= MAX_PID) return { kind: 'pid', pid };
  return refused(`--pid ${given}: expected the number of a process, a whole number from 1 to ${MAX_PID}.`);
}

function refused(reason: string): ObserveRequest {
  return { kind: 'refused', reason };
}
