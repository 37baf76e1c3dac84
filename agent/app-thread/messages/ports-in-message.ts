/**
 * Finds the ports in a message that `receiveMessageOnPort` has given: there alone Node does not say in which order they were transferred.
 *
 * Runs on application threads, only for a message whose entry names ports. It reads own data properties and the items of arrays, maps and sets, and runs no code
 * of the program's: what came out of a message has none.
 */
const types = process.getBuiltinModule('node:util/types');
const { MessagePort } = process.getBuiltinModule('node:worker_threads');

/** Values looked at before the rest of a message is left alone. */
const MAX_VALUES = 10_000;

/** The ports in a message, each once, in the order in which they are met. */
export function portsInMessage(message: unknown): readonly object[] {
  const seen = new Set<object>();
  const ports: object[] = [];
  const queue: unknown[] = [message];
  for (let at = 0; at < queue.length && at < MAX_VALUES; at++) {
    const value = queue[at];
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof MessagePort) ports.push(value);
    else queue.push(...itemsOf(value, MAX_VALUES - queue.length));
  }
  return ports;
}

function itemsOf(value: object, room: number): unknown[] {
  if (room <= 0 || ArrayBuffer.isView(value) || types.isProxy(value)) return [];
  if (types.isMap(value)) return [...value.entries()].flat().slice(0, room);
  if (types.isSet(value)) return [...value].slice(0, room);
  return Object.values(value).slice(0, room);
}
