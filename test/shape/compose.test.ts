/** compose.yaml: what a plain `up` starts, and that the worker's command and configuration are ones the program takes. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';

interface Service {
  profiles?: string[];
  command?: string;
  image: string;
  volumes: string[];
}

const text = await readFile(new URL('../../compose.yaml', import.meta.url), 'utf8');
const { services, volumes } = parse(text) as { services: Record<string, Service>; volumes: object };

it('a plain "up" starts the daemon alone; queue and worker only when asked for', () => {
  const profiles = Object.entries(services).map(([name, service]) => [name, service.profiles ?? []]);
  expect(profiles).toEqual([
    ['shrinkbox', []],
    ['queue', ['fleet']],
    ['worker', ['worker']],
  ]);
  expect(Object.keys(volumes)).toEqual(['scratch']);
});

it('the worker keeps its token and its scratch in volumes, by the configuration written beside it', () => {
  const { worker, shrinkbox } = services;
  expect([worker?.image, worker?.command]).toEqual([shrinkbox?.image, 'worker run']);
  expect(worker?.volumes).toEqual(['./worker:/config', 'scratch:/state']);
  const written = /^ *# +(worker: \{.*\})$/m.exec(text)?.[1] ?? '';
  const config = parseConfig(written, { env: {}, cwd: '/', home: '/', source: '/config/config.yaml' });
  expect(config.worker).toMatchObject({ tokenFile: '/config/worker-token', scratch: '/state/scratch' });
});
