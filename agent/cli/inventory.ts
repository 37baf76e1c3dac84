/**
 * `gridwatch inventory`: what systeminformation knows of the machine, as the resource attributes that GRIDWATCH_INVENTORY=full adds. JSON on stdout.
 *
 * Runs in a process of its own, started by a person, by `gridwatch doctor`, or once by the agent thread, which must not do this itself: the package
 * spawns shells and waits for some of them. Only what is named here gets out; the package also knows serial numbers and addresses, and those never do.
 * It ends by itself, whoever has started it.
 */
import { totalmem } from 'node:os';
import type { Systeminformation } from 'systeminformation';

/** Shells that take longer are not waited for. The agent thread kills this process a little later. */
const DEADLINE_MS = 4000;

type Attributes = Record<string, string | number>;
type Row = readonly [name: string, value: string | number | null | undefined];

/** The part of systeminformation that is asked. */
export interface SystemSource {
  cpu(): Promise<Systeminformation.CpuData>;
  memLayout(): Promise<readonly Systeminformation.MemLayoutData[]>;
  osInfo(): Promise<Systeminformation.OsData>;
  system(): Promise<Systeminformation.SystemData>;
}

/** What boards say that nobody has told their name. */
const PLACEHOLDER =
  /^(?:-|\.|0+|n\/?a|none|null|unknown|not (?:specified|available|applicable|provided)|default string|system (?:manufacturer|product name)|to be filled.*|o\.?e\.?m\.?)$/i;

/** Prints the inventory. Returns the exit code: 1 when nothing could be found out. */
export async function printInventory(): Promise<number> {
  const { default: source } = await import('systeminformation');
  const attributes = await collectInventory(source, DEADLINE_MS);
  await new Promise<void>((resolve) => {
    process.stdout.write(`${JSON.stringify(attributes, undefined, 2)}\n`, () => resolve());
  });
  return Object.keys(attributes).length > 0 ? 0 : 1;
}

/** What is known when the deadline passes, at the latest; a question that fails is left out. */
export async function collectInventory(source: SystemSource, deadlineMs: number): Promise<Attributes> {
  const rows: Row[] = [];
  const ask = async <T>(question: () => Promise<T>, answer: (data: T) => readonly Row[]): Promise<void> => {
    try {
      rows.push(...answer(await question()));
    } catch {
      /* This machine does not tell. */
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  const questions = [
    ask(async () => source.cpu(), ofProcessor),
    ask(async () => source.memLayout(), ofMemory),
    ask(async () => source.system(), ofSystem),
    ask(async () => source.osInfo(), ofSystemSoftware),
  ];
  await Promise.race([Promise.all(questions), deadline]);
  clearTimeout(timer);
  return Object.fromEntries(rows.filter(isKnown).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isKnown(row: Row): row is readonly [string, string | number] {
  const [, value] = row;
  if (typeof value === 'number') return Number.isFinite(value) && value > 0;
  return typeof value === 'string' && value.trim() !== '' && !PLACEHOLDER.test(value.trim());
}

function ofProcessor(cpu: Systeminformation.CpuData): readonly Row[] {
  const hasKinds = Number(cpu.efficiencyCores) > 0;
  return [
    ['host.cpu.vendor.id', cpu.vendor],
    ['host.cpu.family', cpu.family],
    ['host.cpu.model.id', cpu.model],
    ['host.cpu.model.name', [cpu.manufacturer, cpu.brand].filter(Boolean).join(' ')],
    ['host.cpu.stepping', cpu.stepping],
    ['host.cpu.cache.l2.size', cpu.cache.l2],
    ['gridwatch.host.cpu.cache.l3.size', cpu.cache.l3],
    ['gridwatch.host.cpu.governor', cpu.governor],
    ['gridwatch.host.cpu.socket.count', cpu.processors],
    ['gridwatch.host.cpu.socket.type', cpu.socket],
    ['gridwatch.host.cpu.physical.count', cpu.physicalCores],
    ['gridwatch.host.cpu.logical.count', cpu.cores],
    ['gridwatch.host.cpu.frequency', cpu.speedMax * 1e9],
    ['gridwatch.host.cpu.performance_core.count', hasKinds ? cpu.performanceCores : undefined],
    ['gridwatch.host.cpu.efficiency_core.count', hasKinds ? cpu.efficiencyCores : undefined],
  ];
}

/** Slots that are empty, and the one module that stands for all where nobody may ask, have no type. */
function ofMemory(modules: readonly Systeminformation.MemLayoutData[]): readonly Row[] {
  const known = modules.filter(({ type, size }) => size > 0 && isKnown(['', type]) && type !== 'Empty');
  const types = new Set(known.map(({ type }) => type));
  const speeds = known.map(({ clockSpeed }) => clockSpeed ?? 0).filter((speed) => speed > 0);
  return [
    ['gridwatch.host.memory.size', totalmem()],
    ['gridwatch.host.memory.module.count', known.length],
    ['gridwatch.host.memory.type', [...types].join(', ')],
    ['gridwatch.host.memory.speed', speeds.length > 0 ? Math.min(...speeds) * 1e6 : undefined],
  ];
}

function ofSystem(system: Systeminformation.SystemData): readonly Row[] {
  return [
    ['device.manufacturer', system.manufacturer],
    ['device.model.name', system.model],
    ['gridwatch.host.hypervisor', system.virtual ? system.virtualHost : undefined],
  ];
}

function ofSystemSoftware({ distro, release, codename, build }: Systeminformation.OsData): readonly Row[] {
  const name = isKnown(['', codename]) ? ` (${codename})` : '';
  return [
    ['os.name', distro],
    ['os.description', isKnown(['', distro]) ? `${distro} ${release}${name}` : undefined],
    ['os.build_id', build],
  ];
}
