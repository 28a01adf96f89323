import { expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import type { Metering } from '../../../src/api/types.ts';
import { ask, serving } from '../../support/serving.ts';

it('metrics are for those who may ask: over the socket, on loopback, or with the token', async () => {
  const answered: string[] = [];
  const metering: Metering = {
    render: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'shrinkbox_info 1\n' }),
    answered: (via, status) => answered.push(`${via} ${status}`),
    wrongToken: () => {},
  };
  const token = new Secret('a-token');
  const { server } = await serving({ metering, token, listen: { host: '0.0.0.0', port: 0 } });
  const shown = await ask(server, '/metrics');
  expect([shown.status, shown.text, shown.headers['content-type']]).toEqual([
    200,
    'shrinkbox_info 1\n',
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  expect((await ask(server, '/metrics', {}, true)).status).toBe(401);
  const authorization = 'Bearer a-token';
  expect((await ask(server, '/metrics', { headers: { authorization } }, true)).status).toBe(200);
  expect((await ask(server, '/metrics', { method: 'POST' })).status).toBe(405);
  expect((await ask(server, '/nothing')).status).toBe(404);
  expect(answered).toEqual(['socket 200', 'tcp 401', 'tcp 200', 'socket 405', 'socket 404']);
});

it('there are none where nothing is measured', async () => {
  const { server } = await serving();
  expect((await ask(server, '/metrics')).status).toBe(404);
});
