/**
 * Reads the arguments of `gridwatch compare`. Runs in the process of the command. What stands behind `--` is the two programs', word for word, but for
 * the one `--vs` between them.
 */
import { isNode } from './inside-figures.ts';
import { printable } from './ui/printable.ts';

export type CompareRequest =
  | {
      readonly kind: 'compare';
      readonly commands: readonly [a: readonly string[], b: readonly string[]];
      readonly rounds: number;
      readonly isJson: boolean;
      /** The agent is loaded into both, which are Node programs. */
      readonly isInside: boolean;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly reason: string };

/** With ten pairs an interval is 2.26 standard errors wide to each side, with three 4.3. */
const DEFAULT_ROUNDS = 10;
const MIN_ROUNDS = 3;
const MAX_ROUNDS = 1000;

const EXAMPLE = 'For example: gridwatch compare -- python3 old.py --vs python3 new.py';

type Options = Pick<Extract<CompareRequest, { readonly kind: 'compare' }>, 'rounds' | 'isJson' | 'isInside'>;

export function readCompareArguments(args: readonly string[]): CompareRequest {
  let rounds = DEFAULT_ROUNDS;
  let isJson = false;
  let isInside = false;
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    if (argument === '--') return readCommands(args.slice(at + 1), { rounds, isJson, isInside });
    if (argument === '--help' || argument === '-h') return { kind: 'help' };
    if (argument === '--json') {
      isJson = true;
    } else if (argument === '--inside') {
      isInside = true;
    } else if (argument === '--rounds' || argument.startsWith('--rounds=')) {
      const given = argument === '--rounds' ? args[++at] : argument.slice('--rounds='.length);
      rounds = given !== undefined && /^\d+$/.test(given) ? Number(given) : 0;
      if (rounds < MIN_ROUNDS || rounds > MAX_ROUNDS) {
        return refused(
          `--rounds ${given ?? ''}: expected a whole number from ${MIN_ROUNDS} to ${MAX_ROUNDS}; without it there are ${DEFAULT_ROUNDS}.`,
        );
      }
    } else if (argument.startsWith('-')) {
      return refused(
        `${argument} is no option of "gridwatch compare"; it has --rounds N, --inside and --json. The programs and their options go behind "--".`,
      );
    } else {
      return refused(`put "--" before the programs. ${EXAMPLE}`);
    }
  }
  return refused(`there are no programs to compare. ${EXAMPLE}`);
}

function readCommands(words: readonly string[], options: Options): CompareRequest {
  const at = words.indexOf('--vs');
  if (at < 0) return refused(`"--vs" is missing between the two programs. ${EXAMPLE}`);
  const commands = [words.slice(0, at), words.slice(at + 1)] as const;
  if (commands[1].includes('--vs'))
    return refused(`there is more than one "--vs": two programs are compared. ${EXAMPLE}`);
  for (const [i, command] of commands.entries()) {
    const where = i === 0 ? 'before' : 'behind';
    if ((command[0] ?? '') === '') return refused(`there is no program ${where} "--vs". ${EXAMPLE}`);
  }
  const foreign = options.isInside ? commands.find((command) => !isNode(command)) : undefined;
  if (foreign !== undefined) {
    return refused(
      `--inside loads the agent into Node programs, and "${printable(foreign[0] ?? '')}" is none: begin both with "node", or leave --inside out.`,
    );
  }
  return { kind: 'compare', commands, ...options };
}

function refused(reason: string): CompareRequest {
  return { kind: 'refused', reason };
}
