/** What was replaced in a built-in module is seen by those who import it. */
import { Module } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import { syncBuiltinExports, useModuleClass } from '../../../agent/app-thread/builtin-exports.ts';

const querystring = process.getBuiltinModule('node:querystring');
const { escape } = querystring;
const replaced = (text: string): string => `replaced ${text}`;

afterEach(() => {
  useModuleClass(Module);
  querystring.escape = escape;
  syncBuiltinExports();
});

describe('syncBuiltinExports', () => {
  it.each([
    ['the class that the gate gives', Module],
    ['a class without the function, as another loader may have', () => {}],
    ['nothing', undefined],
  ])('works with %s', async (_, moduleClass) => {
    const imported = await import('node:querystring');
    useModuleClass(moduleClass);
    querystring.escape = replaced;
    expect(imported.escape).toBe(escape);
    syncBuiltinExports();
    expect(imported.escape).toBe(replaced);
  });

  it('asks the class that was given', () => {
    let calls = 0;
    const given = Object.assign(() => {}, {
      syncBuiltinESMExports(this: unknown): void {
        if (this === given) calls++;
      },
    });
    useModuleClass(given);
    syncBuiltinExports();
    expect(calls).toBe(1);
  });
});
