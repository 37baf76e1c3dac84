/**
 * `collector-config/kubernetes/` as far as it can be seen without the programs that read it: versions of images, what the Dockerfile copies, and that the page names all there
 * is. Reads files.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const KUBERNETES = new URL('../../../collector-config/kubernetes/', import.meta.url);
const ROOT = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, KUBERNETES), 'utf8');

const files = readdirSync(KUBERNETES, { recursive: true, encoding: 'utf8' }).filter((file) => /\.\w+$/.test(file));
const manifests = files.filter((file) => file.endsWith('.yaml')).map((file) => [file, read(file)] as const);
const compose = readFileSync(new URL('../docker-compose.yaml', KUBERNETES), 'utf8');

it('each image is one version, and the Collector is the one of docker-compose.yaml', () => {
  const images = manifests.flatMap(([, text]) =>
    Array.from(text.matchAll(/^ *image: (\S+)$/gm), ([, image = '']) => image),
  );
  expect(images.length).toBeGreaterThan(5);
  for (const image of images) {
    expect(image).toMatch(/:\d+\.\d+\.\d+$/);
    if (image.includes('opentelemetry-collector')) expect(compose).toContain(`image: ${image}\n`);
  }
});

it('the image of the agent has the version of the package, and what is copied into it is there', () => {
  const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { readonly version: string };
  for (const [, text] of manifests) {
    for (const [, tag] of text.matchAll(/gridwatch-agent:(\S+)/g)) expect(tag).toBe(version);
  }
  const steps = read('agent.Dockerfile');
  const copied = Array.from(steps.matchAll(/^COPY (?!--from)(.*) \S+$/gm), ([, from = '']) => from.split(' ')).flat();
  expect(copied).toContain('agent');
  expect(copied.filter((file) => !existsSync(new URL(file, ROOT)))).toEqual([]);
  expect(Array.from(steps.matchAll(/^FROM (\S+)/gm), ([, image]) => image)).toEqual([
    expect.stringMatching(/^node:\d+\.\d+\.\d+-slim$/),
    expect.stringMatching(/^busybox:\d+\.\d+\.\d+$/),
  ]);
});

it('the page names each folder', () => {
  const folders = files.filter((file) => file.endsWith('/kustomization.yaml')).map((file) => file.split('/')[0]);
  const named = Array.from(read('README.md').matchAll(/^\| `([\w-]+)` \| (?:a |the |`)/gm), ([, folder]) => folder);
  expect(new Set(named)).toEqual(new Set(folders));
});
