/** A key becomes a class: digits, hex digits and UUIDs go, words stay. */
import { expect, test } from 'vitest';
import { classNameOf } from '../../../../agent/app-thread/async-locks/class-name.ts';

test.each([
  ['orders', 'orders'],
  ['user-17', 'user-*'],
  ['user:17:cart:4', 'user:*:cart:*'],
  ['tenant/6f1c1b8e-9c0a-4c55-8a3f-0123456789ab/sync', 'tenant/*/sync'],
  ['6F1C1B8E9C0A4C558A3F0123456789AB', '*'],
  ['sha:deadbeef01', 'sha:*'],
  ['facade', 'facade'],
  ['deadbeef', 'deadbeef'],
  ['', ''],
])('%s is %s', (key, name) => {
  expect(classNameOf(key)).toBe(name);
});

test('a long key does not become a long name', () => {
  expect(classNameOf('x'.repeat(10_000)).length).toBeLessThan(200);
});
