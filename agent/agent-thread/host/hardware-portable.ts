/**
 * The hardware where the kernel has no such files, on macOS, Windows and the BSDs: what Node says, and on Windows a variable that every process has.
 *
 * Runs on the agent thread. `os.cpus()` is asked once; on these systems it takes a fraction of a millisecond.
 */
import type { Hardware, OsSource } from './hardware.ts';

/** On some machines Node has the clock of the timer instead. */
const MIN_FREQUENCY_MHZ = 100;

export function readPortableHardware(os: OsSource, env: NodeJS.ProcessEnv): Hardware {
  const cpus = cpusOf(os);
  const [first] = cpus;
  const modelName = first?.model.trim();
  return {
    ...windowsProcessor(env['PROCESSOR_IDENTIFIER']),
    ...(modelName?.startsWith('Apple ') === true ? { vendorId: 'Apple' } : {}),
    modelName: modelName === 'unknown' ? undefined : modelName,
    frequencyHz: first === undefined || first.speed < MIN_FREQUENCY_MHZ ? undefined : first.speed * 1e6,
    logicalCount: cpus.length,
    memoryBytes: os.totalmem(),
  };
}

/** Node throws where a sandbox forbids the question. */
function cpusOf(os: OsSource): ReturnType<OsSource['cpus']> {
  try {
    return os.cpus();
  } catch {
    return [];
  }
}

/** `Intel64 Family 6 Model 158 Stepping 10, GenuineIntel` */
function windowsProcessor(identifier = ''): Hardware {
  const [, family, modelId, stepping, vendorId] =
    /Family (\S+) Model (\S+) Stepping (\S+), (.{1,64})$/.exec(identifier.trim()) ?? [];
  return family === undefined ? {} : { family, modelId, stepping, vendorId };
}
