import { expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { ask, serving } from '../../support/serving.ts';

const listen = { host: '127.0.0.1', port: 0 };
const asked = async (options: Parameters<typeof serving>[0], path: string, headers: Record<string, string>) => {
  const { server } = await serving({ listen, ...options });
  return ask(server, path, { method: 'POST', headers }, true);
};

// Was: any user of the machine could have a library's films replaced by smaller ones.
it.each(['plan?folder=/v', 'plan/stop', 'start?folder=/v&plan=p', 'stop?folder=/v', 'verify', 'settle'])(
  'without a token, %s is for the owner: who is behind a proxy, nobody knows',
  async action => {
    const stranger = await asked({}, `/api/library/${action}`, { 'X-Forwarded-For': '10.0.0.7' });
    expect([stranger.status, stranger.json.error.code]).toEqual([403, 'forbidden']);
    expect((await asked({}, `/api/library/${action}`, {})).status).toBe(200);
    const Authorization = 'Bearer a-long-enough-token';
    const token = { token: new Secret('a-long-enough-token') };
    const owner = await asked(token, `/api/library/${action}`, { Authorization, 'X-Forwarded-For': '10.0.0.7' });
    expect(owner.status).toBe(200);
  },
);
