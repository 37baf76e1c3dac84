/**
 * The ways to do the same work: some objects, each changed again and again. Each way says what one of its threads does from the start of a phase to its end, and
 * answers with the number of changes. Runs on the threads of `subject.js`.
 */
import { Channel, Mutex } from 'gridwatch/sync';
import { ParkLock, SpinLock } from './locks.js';

/** That are shared, each with a lock of its own: few enough for two threads to meet at one every fourth time. A power of two. */
export const OBJECTS = 4;
/** An object, and a lock, in words: a cache line, so that only who wants the same one is in the way. */
export const OBJECT_WORDS = 16;
const CHANGES = 1;
/** Changes between two looks at the clock that ends a phase. */
const BLOCK = 16;
const BATCH = 64;
const CAPACITY = 256;

/** The critical section. Each round needs the one before. */
function change(objects, object, rounds) {
  const at = object * OBJECT_WORDS;
  let value = objects[at];
  for (let round = 0; round < rounds; round++) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0;
  objects[at] = value;
  objects[at + CHANGES] += 1;
}

/** All changes that the objects have seen: fewer than were made if a lock does not lock. */
export function changesOf(objects) {
  let changes = 0;
  for (let at = CHANGES; at < objects.length; at += OBJECT_WORDS) changes += objects[at];
  return changes;
}

/** Which object is next, as good as at random, and differently for each thread. */
function choiceOf({ index }) {
  let state = index + 1;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    return (state >>> 16) % OBJECTS;
  };
}

function repeat(thread, phase, operation) {
  let operations = 0;
  for (; !thread.hasEnded(phase); operations += BLOCK) for (let i = 0; i < BLOCK; i++) operation();
  return operations;
}

/** Objects of its own for each thread. */
function unlocked(thread) {
  const choose = choiceOf(thread);
  const first = thread.index * OBJECTS;
  return (phase) => repeat(thread, phase, () => change(thread.objects, first + choose(), thread.rounds));
}

/** The same objects for all of them, each with a lock. */
const lockedBy = (lockOf) => (thread) => {
  const choose = choiceOf(thread);
  const locks = Array.from({ length: OBJECTS }, (_, object) => lockOf(thread.words, object));
  return (phase) =>
    repeat(thread, phase, () => {
      const object = choose();
      const lease = locks[object].acquire();
      change(thread.objects, object, thread.rounds);
      lease.release();
    });
};

/** The objects are parted among all threads but the first, which sends the owner of an object a message for each change, or for `batch` of them. */
const sentIn = (batch) => (thread) => {
  const owners = thread.count - 1;
  const channelOf = (phase, owner) =>
    new Channel(`owner-${owner}-${phase}`, { capacity: CAPACITY, itemBytes: Math.max(8, batch) });
  if (thread.index > 0) return (phase) => receiveFrom(channelOf(phase, thread.index - 1), thread);
  return (phase) => {
    const channels = Array.from({ length: owners }, (_, owner) => channelOf(phase, owner));
    const choose = choiceOf(thread);
    const batches = channels.map(() => ({ objects: new Uint8Array(batch), length: 0 }));
    repeat(thread, phase, () => {
      const object = choose();
      const owner = object % owners;
      if (batch === 1) return channels[owner].send(object);
      const waiting = batches[owner];
      waiting.objects[waiting.length++] = object;
      if (waiting.length < batch) return;
      channels[owner].send(waiting.objects);
      waiting.length = 0;
    });
    for (const channel of channels) channel.close();
    return 0;
  };
};

function receiveFrom(channel, { objects, rounds }) {
  let operations = 0;
  for (const item of channel) {
    const batch = typeof item === 'number' ? [item] : item;
    for (const object of batch) change(objects, object, rounds);
    operations += batch.length;
  }
  return operations;
}

/** Does nothing for as long as a phase lasts. */
const waitBy = (wait) => (thread) => (phase) => {
  while (!thread.hasEnded(phase)) wait(thread, phase);
  return 0;
};

/** What each thread does, by the name of the variant; `main.js` says in words what each one is. */
export const VARIANTS = {
  sequential: unlocked,
  independent: unlocked,
  spin: lockedBy((words, object) => new SpinLock(words, object * OBJECT_WORDS)),
  park: lockedBy((words, object) => new ParkLock(words, object * OBJECT_WORDS)),
  adaptive: lockedBy((_, object) => new Mutex(`object-${object}`)),
  fair: lockedBy((_, object) => new Mutex({ name: `object-${object}`, fair: true })),
  queue: sentIn(1),
  batches: sentIn(BATCH),
  parked: waitBy((thread, phase) => thread.parkUntilEnd(phase)),
  spinning: waitBy(() => {}),
};
