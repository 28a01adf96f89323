import { expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { ask, serving, tempDir } from '../../support/serving.ts';
import { RULES, settingsIn } from '../../support/settings.ts';

const listen = { host: '127.0.0.1', port: 0 };

async function served(options: Parameters<typeof serving>[0] = {}) {
  const file = settingsIn(await tempDir(), RULES);
  const { server } = await serving({ settings: file.settings, listen, ...options });
  const json = { 'Content-Type': 'application/json' };
  const edit = async () => JSON.stringify({ version: (await file.settings.view()).version, hours: '22:00-07:00' });
  const save = async (headers: Record<string, string> = {}, tcp = true) =>
    ask(server, '/api/config', { method: 'POST', headers: { ...json, ...headers }, body: await edit() }, tcp);
  return { ...file, server, save };
}

it('over the socket, with the token, and from a program of the same user it is changed', async () => {
  const own = await served();
  expect((await ask(own.server, '/api/config', {}, true)).json.editable).toBe(true);
  expect((await own.save({}, true)).json).toMatchObject({ saved: true });
  expect((await (await served()).save({}, false)).json).toMatchObject({ saved: true });
  const token = await served({ token: new Secret('a-long-enough-token') });
  expect((await token.save()).status).toBe(401);
  expect((await token.save({ Authorization: 'Bearer a-long-enough-token' })).json).toMatchObject({ saved: true });
});

it.each([
  ['behind a proxy', { 'X-Forwarded-For': '10.0.0.7' }],
  ['behind a proxy that names itself', { Via: '1.1 nas' }],
])('without a token, who is %s may look and not touch', async (_, headers) => {
  const { server, save, text } = await served();
  const view = (await ask(server, '/api/config', { headers }, true)).json;
  expect([view.editable, view.messages.why_not.code]).toEqual([false, 'settings.not-owner']);
  expect((await save(headers)).status).toBe(403);
  const test = await ask(server, '/api/notify/test', { method: 'POST', headers }, true);
  expect(test.status).toBe(403);
  expect(text()).toBe(RULES);
});

it.each([
  ['nothing', ''],
  ['no JSON', '{'],
  ['no version', '{}'],
  ['an unknown key of a rule', '{"version":"x","rules":[{"was":0,"values":{"engine":"nemo"}}]}'],
  ['no rules at all', '{"version":"x","rules":[]}'],
])('%s is refused', async (_, body) => {
  const { server } = await served();
  const answer = await ask(server, '/api/config/preview', { method: 'POST', body });
  expect([answer.status, answer.json.error.code]).toEqual([400, 'bad-request']);
});

it('a version that is not there any more is a conflict', async () => {
  const { server } = await served();
  const body = JSON.stringify({ version: 'old', hours: null });
  expect((await ask(server, '/api/config', { method: 'POST', body })).status).toBe(409);
});

it('says which rule a name gets', async () => {
  const { server } = await served();
  expect((await ask(server, '/api/which?name=chat/x.mp4')).json.rule).toBe('chat');
  expect((await ask(server, '/api/which?name=/etc/passwd')).status).toBe(400);
});
