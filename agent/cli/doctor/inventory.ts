/**
 * The machine, as systeminformation sees it. Part of `gridwatch doctor`, which asks in a process of its own, so that a shell that hangs hangs that one.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/options.ts';
import type { Check } from '../doctor.ts';
import { counted } from '../ui/quantities.ts';

export type InventoryAttributes = Readonly<Record<string, string | number>>;

/** A little more than the process gives its shells. */
const TIMEOUT_MS = 6000;
const MAX_OUTPUT_BYTES = 65_536;
const GIB = 2 ** 30;

const COMMAND = fileURLToPath(new URL(`../main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/** What `gridwatch inventory` prints; undefined when it prints nothing of the kind. */
export async function readInventory(
  file: string = process.execPath,
  args: readonly string[] = [COMMAND, 'inventory'],
): Promise<InventoryAttributes | undefined> {
  const options = {
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT_BYTES,
    windowsHide: true,
  } as const;
  const text = await new Promise<string>((resolve) => {
    execFile(file, args, options, (_, stdout) => resolve(stdout));
  });
  try {
    const value: unknown = JSON.parse(text);
    const isInventory = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isInventory ? (value as InventoryAttributes) : undefined;
  } catch {
    return undefined;
  }
}

export function checkInventory(inventory: InventoryAttributes | undefined, { inventory: mode }: Config): Check[] {
  if (inventory === undefined) {
    const found = 'systeminformation does not say what this machine is.';
    return [{ level: 'note', found, remedy: 'See what it says: gridwatch inventory' }];
  }
  const exported =
    mode === 'full'
      ? 'GRIDWATCH_INVENTORY is full: once in its life each program starts a process that asks for this, with shells, and all of "gridwatch inventory" is exported.'
      : 'Of this the processor, the counts and the memory are exported, without spawning anything.';
  return [{ level: 'ok', found: `${describe(inventory)}. ${exported}`, remedy: '' }];
}

function describe(inventory: InventoryAttributes): string {
  const known = (name: string): string => String(inventory[name] ?? '');
  const count = (name: string, what: string): string => {
    const value = Number(inventory[name]);
    return value > 0 ? counted(value, what) : '';
  };
  const memory = Number(inventory['gridwatch.host.memory.size']);
  const parts = [
    known('host.cpu.model.name'),
    count('gridwatch.host.cpu.socket.count', 'socket'),
    count('gridwatch.host.cpu.physical.count', 'core'),
    count('gridwatch.host.cpu.logical.count', 'CPU'),
    memory > 0 ? `${(memory / GIB).toFixed(1)} GiB ${known('gridwatch.host.memory.type') || 'memory'}` : '',
    [known('device.manufacturer'), known('device.model.name')].filter(Boolean).join(' '),
    known('gridwatch.host.hypervisor'),
    known('os.description'),
  ];
  return parts.filter(Boolean).join(', ') || 'It says nothing';
}
