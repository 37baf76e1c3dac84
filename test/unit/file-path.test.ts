/** What of a file's path may leave the process, on each platform and for each kind of name a file can have. */
import { describe, expect, it } from 'vitest';
import { isRooted, plainPath, shownPath } from '../../agent/file-path.ts';

describe('shownPath', () => {
  it.each([
    ['/srv/shop/lib/lock.js', '/srv/shop', 'lib/lock.js'],
    ['/srv/shop/lib/lock.js', '/srv/shop/', 'lib/lock.js'],
    ['file:///srv/my%20shop/lib/lock.mjs', '/srv/my shop', 'lib/lock.mjs'],
    ['file:///srv/shop/a.mjs?token=s3cret#x', '/srv/shop', 'a.mjs'],
    ['C:\\work\\shop\\lib\\lock.js', 'C:\\work\\shop', 'lib/lock.js'],
    ['file:///C:/work/shop/lib/lock.js', 'c:\\work\\shop', 'lib/lock.js'],
    ['./lib/worker.js', '/srv/shop', 'lib/worker.js'],
    ['lib\\worker.js', 'C:\\work\\shop', 'lib/worker.js'],
    ['lib/../worker.js', '/srv/shop', 'worker.js'],
    ['/srv/shop/node_modules/pool/lib/w.js', '/srv/shop', 'node_modules/pool/lib/w.js'],
  ])('below the working folder: %s in %s', (file, folder, shown) => {
    expect(shownPath(file, folder)).toBe(shown);
  });

  it.each([
    ['/srv/shopping/lib/lock.js', '/srv/shop', 'lib/lock.js'],
    ['../shared/src/lock.js', '/srv/work/shop', 'src/lock.js'],
    ['/root/.store/v3/pool@1/node_modules/@scope/pool/lib/w.js', '/srv/shop', '@scope/pool/lib/w.js'],
    ['D:\\cache\\node_modules\\pool\\w.js', 'C:\\work', 'pool/w.js'],
    ['/home/alice/app.js', '/srv/shop', 'app.js'],
    ['C:\\Users\\alice\\app.js', 'D:\\work', 'app.js'],
    ['/home/alice/shop/app.js', '/', 'shop/app.js'],
    ['/app/worker.js', '/', 'worker.js'],
    ['/a/node_modules', '/srv', 'node_modules'],
  ])('elsewhere: %s in %s', (file, folder, shown) => {
    expect(shownPath(file, folder)).toBe(shown);
  });

  it.each([
    ['data:text/javascript,const password="s3cret"//a/b', 'data:'],
    ['blob:nodedata:0123/4567/89', 'blob:'],
    ['https://user:s3cret@cdn.internal/js/app.js?key=s3cret', 'js/app.js'],
    ['https://cdn.internal?key=s3cret', 'https:'],
    ['webpack-internal:///./src/lock.ts', 'src/lock.ts'],
    ['webpack://_N_E/./src/lock.ts?ab12', 'src/lock.ts'],
    ['node:internal/worker', 'node:internal/worker'],
    ['[worker eval]', '[worker eval]'],
    ['evalmachine.<anonymous>', 'evalmachine.<anonymous>'],
    ['', ''],
  ])('that is no file: %s', (file, shown) => {
    expect(shownPath(file, '/srv/shop')).toBe(shown);
  });

  it('is cut, to its end', () => {
    const shown = shownPath(`/srv/shop/${'long/'.repeat(100)}lock.js`, '/srv/shop');
    expect(shown).toHaveLength(256);
    expect(shown).toMatch(/^….*long\/lock\.js$/);
  });
});

describe('plainPath and isRooted', () => {
  it.each([
    ['file:///C:/a%20b/c.js', 'C:/a b/c.js', true],
    ['file:///a/%zz', '/a/%zz', true],
    ['a\\b.js', 'a/b.js', false],
    ['\\\\server\\share\\a.js', '//server/share/a.js', true],
  ])('%s', (file, plain, rooted) => {
    expect(plainPath(file)).toBe(plain);
    expect(isRooted(plain)).toBe(rooted);
  });
});
