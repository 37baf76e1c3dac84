/** What an observed program is called. */
import { expect, it } from 'vitest';
import { executableName, programName } from '../../../agent/outside/program-name.ts';

it.each([
  ['/usr/bin/redis-server *:6379', 'redis-server', 'redis-server'],
  ['python3 /srv/app/worker.py --secret x', 'python3', 'worker'],
  ['python3.13t -u worker.py', 'python3.13t', 'worker'],
  ['python3 -m http.server 80', 'python3', 'http.server'],
  ['python3 -c print(1)', 'python3', 'python3'],
  ['bash -lc make all', 'bash', 'bash'],
  ['java -Xmx1g -jar /opt/shop.jar', 'java', 'shop'],
  ['node --max-old-space-size=100 app.mjs', 'node', 'app'],
  ['ruby', 'ruby', 'ruby'],
  ['go build', 'go', 'go'],
  ['', 'unknown', 'unknown'],
])('%s', (line, executable, program) => {
  const command = line.split(' ');
  expect([executableName(command), programName(command)]).toEqual([executable, program]);
});

it('takes no control characters, and no end of characters, over', () => {
  expect(executableName([`/bin/a\u001b[31m${'x'.repeat(500)}`])).toMatch(/^a \[31mx{1,100}$/);
});
