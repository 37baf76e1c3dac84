/** Where the binaries of the real backends come from, with a `go` and an `apt-get` that are shell scripts; nothing is compiled or downloaded. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackendBinary, type BackendSearch, composeEnvironment, findBackend, findBackends } from './backends.ts';

let folder: string;
let told: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gridwatch-backends-'));
  told = [];
  mkdirSync(join(folder, 'bin'));
  for (const name of ['jaeger', 'otelcol']) {
    mkdirSync(join(folder, 'modules', name), { recursive: true });
    writeFileSync(join(folder, 'modules', name, 'go.mod'), `module ${name}`);
    writeFileSync(join(folder, 'modules', name, 'go.sum'), '');
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The commands that were run, with the test's folder as FOLDER: there may be blanks in its path. */
const ran = (): string[] =>
  readFileSync(join(folder, 'ran'), 'utf8').trimEnd().replaceAll(folder, 'FOLDER').split('\n');

/** A command that writes down how it was called, and then does what `script` says. It alone sees the system's other commands. */
function command(name: string, script: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\necho ${name} "$@" >> "${folder}/ran"\nPATH=/usr/bin:/bin\n${script}\n`);
  chmodSync(file, 0o755);
}

/** Makes the file that `-o` names, as a compiler would. */
const COMPILES = 'while [ "$1" != -o ]; do shift; done; echo "$GOTOOLCHAIN $GOFLAGS" > "$2"; chmod +x "$2"';
/** What `dpkg-deb -x` leaves. */
const UNPACKS = `case $2 in
  prometheus_*) files='prometheus promtool';;
  prometheus-alertmanager_*) files='prometheus-alertmanager amtool';;
esac
mkdir -p usr/bin; for f in $files; do echo > usr/bin/$f; chmod +x usr/bin/$f; done`;

/** The commands of the test are the only ones on PATH. */
function search(env: NodeJS.ProcessEnv = {}): BackendSearch {
  return {
    env: { PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache'), ...env },
    modulesFolder: join(folder, 'modules'),
    tell: (line) => told.push(line),
  };
}

const cached = (): string[] => readdirSync(join(folder, 'cache/gridwatch/backends')).toSorted();

describe('a backend of Go', () => {
  it('is built once, with what go.sum pins, and then found in the cache', async () => {
    command('go', COMPILES);
    const built = (await findBackend('otelcol', search())) as BackendBinary;
    expect(built.origin).toMatch(/^built in \d+ s$/);
    expect(readFileSync(built.file, 'utf8')).toBe('local -mod=readonly -buildvcs=false\n');
    expect(told).toEqual([expect.stringMatching(/^building otelcol, which takes from one minute/)]);
    expect(await findBackend('otelcol', search())).toEqual({ file: built.file, origin: 'from the cache' });
    expect(ran()).toEqual([expect.stringMatching(/^go build -trimpath -ldflags -s -w -o \S+\/otelcol \.$/)]);
    expect(cached()).toEqual([expect.stringMatching(/^otelcol-[0-9a-f]{16}$/)]);
  });

  it.each(['go.mod', 'go.sum', 'main.go'])('is built anew when %s has changed', async (file) => {
    command('go', COMPILES);
    await findBackend('jaeger', search());
    writeFileSync(join(folder, 'modules/jaeger', file), 'changed');
    expect(await findBackend('jaeger', search())).toMatchObject({ origin: expect.stringMatching(/^built/) });
    expect(cached()).toHaveLength(2);
  });

  it('is built for two searches at once without a clash', async () => {
    command('go', COMPILES);
    const found = await Promise.all([findBackend('jaeger', search()), findBackend('jaeger', search())]);
    for (const backend of found) expect(existsSync((backend as BackendBinary).file)).toBe(true);
    expect(cached()).toHaveLength(1);
  });

  it('replaces what is in the cache and cannot run', async () => {
    command('go', COMPILES);
    const { file } = (await findBackend('jaeger', search())) as BackendBinary;
    chmodSync(file, 0o644);
    expect(await findBackend('jaeger', search())).toMatchObject({ file, origin: expect.stringMatching(/^built/) });
  });

  it('leaves nothing behind when the build fails, and says what Go said last', async () => {
    command('go', 'echo compiling >&2; echo "main.go:7: no such package" >&2; exit 1');
    expect(await findBackend('otelcol', search())).toEqual({
      reason: 'no otelcol: compiling main.go:7: no such package; set OTELCOL_BIN to the path of one',
    });
    expect(cached()).toEqual([]);
  });

  it('is missing where there is no Go', async () => {
    const reason = 'no jaeger: it is built with Go 1.26, and there is no `go`; set JAEGER_BIN to the path of one';
    expect(await findBackend('jaeger', search())).toEqual({ reason });
  });
});

describe('Prometheus and Alertmanager', () => {
  it('is the installed one', async () => {
    command('promtool', '');
    const file = join(folder, 'bin', 'promtool');
    expect(await findBackend('promtool', search())).toEqual({ file, origin: 'installed' });
  });

  it.each(['alertmanager', 'prometheus-alertmanager'])('is the installed one, also by the name of %s', async (name) => {
    command(name, '');
    const file = join(folder, 'bin', name);
    expect(await findBackend('alertmanager', search())).toEqual({ file, origin: 'installed' });
  });

  it('are each unpacked from a package of their own', async () => {
    command('apt-get', 'echo > "$2_2_amd64.deb"');
    command('dpkg-deb', UNPACKS);
    const names = ['prometheus', 'alertmanager', 'amtool'] as const;
    for (const name of names) expect(await findBackend(name, search())).toHaveProperty('file');
    expect(ran()).toEqual([
      'apt-get download prometheus',
      'dpkg-deb -x prometheus_2_amd64.deb .',
      'apt-get download prometheus-alertmanager',
      'dpkg-deb -x prometheus-alertmanager_2_amd64.deb .',
    ]);
    expect(cached()).toEqual(['prometheus', 'prometheus-alertmanager']);
  });

  it('has its templates where it is unpacked', async () => {
    command('apt-get', 'echo > "$2_2_amd64.deb"');
    const unpacks = 'mkdir -p usr/bin; cd usr/bin; echo > amtool; chmod +x amtool';
    const text = 'open:/usr/share/prometheus/alertmanager:/usr/share/prometheus/alertmanager/ui/:end';
    command('dpkg-deb', `${unpacks}; echo ${text} > prometheus-alertmanager; chmod +x *`);
    const { file } = (await findBackend('alertmanager', search())) as BackendBinary;
    expect(readFileSync(file, 'utf8')).toBe(
      'open:usr/share/prometheus/alertmanager/:usr/share/prometheus/alertmanager//ui/:end\n',
    );
  });

  it("is unpacked from Debian's package, once for both of its programs, and nothing is installed", async () => {
    command('apt-get', 'echo > prometheus_2_amd64.deb');
    command('dpkg-deb', UNPACKS);
    const found = [await findBackend('prometheus', search()), await findBackend('promtool', search())];
    const file = join(folder, 'cache/gridwatch/backends/prometheus/usr/bin');
    expect(found).toEqual([
      { file: join(file, 'prometheus'), origin: expect.stringMatching(/^unpacked from Debian's package in \d+ s$/) },
      { file: join(file, 'promtool'), origin: 'from the cache' },
    ]);
    expect(ran()).toEqual(['apt-get download prometheus', 'dpkg-deb -x prometheus_2_amd64.deb .']);
    expect(readdirSync(join(file, '../..'))).toEqual(['usr']);
  });

  it('is downloaded with lists of its own where those of the system are old', async () => {
    command('apt-get', 'case "$*" in download*) exit 100;; *download*) echo > prometheus_2_amd64.deb;; esac');
    command('dpkg-deb', UNPACKS);
    expect(await findBackend('prometheus', search())).toHaveProperty('file');
    expect(ran()).toEqual([
      'apt-get download prometheus',
      expect.stringMatching(/^apt-get -o Dir::State::Lists=\S+ -o Dir::Cache=\S+ update$/),
      expect.stringMatching(/^apt-get -o Dir::State::Lists=\S+ -o Dir::Cache=\S+ download prometheus$/),
      'dpkg-deb -x prometheus_2_amd64.deb .',
    ]);
    expect(readdirSync(join(folder, 'cache/gridwatch/backends/prometheus'))).toEqual(['usr']);
  });

  it('is missing where there is no apt', async () => {
    expect(await findBackend('prometheus', search())).toEqual({
      reason: expect.stringMatching(/^no prometheus: it comes from Debian's package .* set PROMETHEUS_BIN to the path/),
    });
  });
});

describe('Compose', () => {
  const URIS = `'http://a/python3-yaml_6_amd64.deb' python3-yaml_6_amd64.deb 9 MD5Sum:1
'http://a/docker-compose_1.29.2-3_all.deb' docker-compose_1.29.2-3_all.deb 9 MD5Sum:2`;

  it('is unpacked with the packages that it needs and the system has not, and finds them', async () => {
    command(
      'apt-get',
      `case $1 in install) cat << END\n${URIS}\nEND\n;; download) shift; for p; do echo > "$p"_1_all.deb; done;; esac`,
    );
    command('dpkg-deb', `mkdir -p usr/bin; echo > usr/bin/docker-compose; chmod +x usr/bin/docker-compose`);
    const { file } = (await findBackend('docker-compose', search())) as BackendBinary;
    const unpacked = join(folder, 'cache/gridwatch/backends/docker-compose');
    expect(file).toBe(join(unpacked, 'usr/bin/docker-compose'));
    expect(ran()).toEqual([
      'apt-get install --print-uris --yes --quiet=2 --no-install-recommends docker-compose',
      'apt-get download python3-yaml docker-compose',
      'dpkg-deb -x docker-compose_1_all.deb .',
      'dpkg-deb -x python3-yaml_1_all.deb .',
    ]);
    expect(readdirSync(unpacked)).toEqual(['usr']);
    expect(composeEnvironment(file)).toMatchObject({ PYTHONPATH: join(unpacked, 'usr/lib/python3/dist-packages') });
  });
});

describe('findBackends', () => {
  it('takes those that are named, whatever they are', async () => {
    const ofGo = ['JAEGER', 'OTELCOL', 'KAFKA', 'MANIFESTS'];
    const backends = [...ofGo, 'PROMETHEUS', 'PROMTOOL', 'ALERTMANAGER', 'AMTOOL', 'DOCKER_COMPOSE'];
    const names = backends.map((name) => `${name}_BIN`);
    const env = Object.fromEntries(names.map((name) => [name, process.execPath]));
    const found = await findBackends(search({ ...env, E2E: 'required' }));
    for (const backend of Object.values(found)) expect(backend).toMatchObject({ file: process.execPath });
    expect(told).toEqual([]);
  });

  it('gives the reason for one that is named and cannot run', async () => {
    expect(await findBackend('jaeger', search({ JAEGER_BIN: '/none' }))).toEqual({
      reason: expect.stringMatching(/^no jaeger: .*\/none.*; set JAEGER_BIN to the path of one$/),
    });
  });

  it('fails with all the reasons where they are required', async () => {
    await expect(findBackends(search({ E2E: 'required' }))).rejects.toThrow(
      /^no prometheus: .*\nno promtool: .*\nno alertmanager: .*\nno amtool: .*\nno docker-compose: .*\nno kafka: .*\nno manifests: .*\nno otelcol: .*\nno jaeger: .*$/,
    );
  });
});
