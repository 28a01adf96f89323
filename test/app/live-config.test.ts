import { expect, it } from 'vitest';
import { LiveConfig } from '../../src/app/live-config.ts';
import { type Config, parseConfig } from '../../src/config/load.ts';

function configOf(keys: object): Config {
  return parseConfig(JSON.stringify(keys), { env: {}, cwd: '/srv', home: '/home/me', source: null });
}

it('a reload changes what needs no restart, then tells everybody in the order they asked, one after the other', async () => {
  const live = new LiveConfig(configOf({ state_dir: '/srv/state', limits: { local: 1 } }));
  const seen: string[] = [];
  live.onChange(async config => {
    await Promise.resolve();
    seen.push(`first ${config.limits.local} ${live.current.limits.local}`);
  });
  live.onChange(() => void seen.push('second'));
  const next = configOf({ state_dir: '/srv/other', limits: { local: 2 } });
  expect(await live.reload(next)).toEqual({ applied: ['limits.local'], needsRestart: ['state_dir'] });
  expect(seen).toEqual(['first 2 2', 'second']);
  expect(live.current.stateDir).toBe('/srv/state');
});

it('a configuration that a check refuses changes nothing', async () => {
  const live = new LiveConfig(configOf({ limits: { local: 1 } }));
  const seen: Config[] = [];
  live.onChange(config => void seen.push(config));
  live.beforeChange(() => Promise.reject(new Error('another daemon watches that folder')));
  await expect(live.reload(configOf({ limits: { local: 2 } }))).rejects.toThrow('another daemon');
  expect([live.current.limits.local, seen]).toEqual([1, []]);
});
