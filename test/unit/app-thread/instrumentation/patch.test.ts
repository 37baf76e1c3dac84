/** What several copies of the package on one thread, each from its own folder, do to one library: it is patched once. */
import { beforeEach, describe, expect, it, vi } from 'vitest';

type PatchModule = typeof import('../../../../agent/app-thread/instrumentation/patch.ts');

/** A module of its own each time, as another folder has it. */
async function copy(): Promise<PatchModule> {
  vi.resetModules();
  return import('../../../../agent/app-thread/instrumentation/patch.ts');
}

describe('two copies', () => {
  let first: PatchModule;
  let second: PatchModule;

  beforeEach(async () => {
    first = await copy();
    second = await copy();
  });

  it('patch a prototype once, and again when the first has taken its patch back', () => {
    const target = {};
    const patch = vi.fn<() => () => void>(() => () => {});
    expect(first.once).not.toBe(second.once);
    const undo = first.once(target, patch);
    second.once(target, patch)();
    first.once(target, patch);
    expect(patch).toHaveBeenCalledTimes(1);
    undo();
    second.once(target, patch);
    expect(patch).toHaveBeenCalledTimes(2);
  });

  it('replace a function that is declared once', () => {
    const declared = { queue: () => 'its own' };
    const wrap = (original: (...args: unknown[]) => unknown) => () => `observed ${String(original())}`;
    first.replaceDeclared(declared, 'queue', wrap);
    second.replaceDeclared(declared, 'queue', wrap);
    expect(declared.queue()).toBe('observed its own');
  });

  it('take a request once', () => {
    const request = {};
    expect([first.take(request), second.take(request), first.take(request)]).toEqual([true, false, false]);
  });
});
