/** What an error of a lock says by its code. Runs in a test's own process. */
import { GridwatchError } from '../../../../agent/app-thread/sync/index.ts';

/** The code of the error that `act` throws; the error itself where it is no GridwatchError; 'none' when it throws none. */
export function codeOf(act: () => unknown): unknown {
  try {
    act();
    return 'none';
  } catch (error) {
    return error instanceof GridwatchError ? error.code.replace('ERR_GRIDWATCH_', '') : error;
  }
}

/** The same of a promise that rejects. */
export async function codeOfAsync(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof GridwatchError ? error.code.replace('ERR_GRIDWATCH_', '') : error;
  }
}
