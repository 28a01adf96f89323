import { expect, it } from 'vitest';
import { issueCode, Pairing, type TakenCodes } from '../../src/api/pairing.ts';
import { Secret } from '../../src/config/secrets.ts';
import { ask, serving } from '../support/serving.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const MINUTE = 60_000;

/** Kept as in a file that survives restarts. */
function kept(): TakenCodes {
  let file: [string, number][] = [];
  return {
    load: () => file,
    save: async taken => {
      file = [...taken];
    },
  };
}

function pairing(token = TOKEN) {
  const clock = { time: 1_800_000_000_000, now: () => clock.time };
  return { clock, pairing: new Pairing(token, clock, kept()) };
}

it('a code is taken once', async () => {
  const { pairing: door } = pairing();
  const { code } = door.issue();
  expect(await door.take(code)).toBe(TOKEN);
  expect(await door.take(code)).toBeUndefined();
});

// Was: a link that was used opened the door again to whoever could see it in the log of the container.
it('a code that was taken stays taken after a restart', async () => {
  const clock = { now: () => 1_800_000_000_000 };
  const file = kept();
  const { code } = issueCode(TOKEN, clock.now());
  expect(await new Pairing(TOKEN, clock, file).take(code)).toBe(TOKEN);
  expect(await new Pairing(TOKEN, clock, file).take(code)).toBeUndefined();
  expect(JSON.stringify(file.load())).not.toContain(code);
});

it('a code ends after ten minutes, and one from the future is none', async () => {
  const { pairing: door, clock } = pairing();
  const { code, until } = door.issue();
  expect(until - clock.time).toBe(10 * MINUTE);
  const later = issueCode(TOKEN, clock.time + MINUTE).code;
  expect(await door.take(later)).toBeUndefined();
  clock.time += 10 * MINUTE;
  expect(await door.take(code)).toBeUndefined();
});

it('a command makes one before the daemon runs; another token or a changed letter opens nothing', async () => {
  const { pairing: door, clock } = pairing();
  expect(await door.take(issueCode(`${TOKEN}x`, clock.time).code)).toBeUndefined();
  const { code } = issueCode(TOKEN, clock.time);
  expect(await door.take(code.slice(0, -1) + (code.endsWith('A') ? 'B' : 'A'))).toBeUndefined();
  expect(await door.take('')).toBeUndefined();
  expect(await door.take(`${code}=`)).toBeUndefined();
  expect(await door.take(code)).toBe(TOKEN);
});

const listen = { host: '127.0.0.1', port: 0 };
const bearer = { authorization: `Bearer ${TOKEN}` };

it('who is in lets another device in; the code goes as a header, the token comes back once', async () => {
  const { server } = await serving({ listen, token: new Secret(TOKEN) });
  const host = { host: `127.0.0.1:${server.address?.port}` };
  const post = (path: string, headers: Record<string, string>) =>
    ask(server, path, { method: 'POST', headers: { ...host, ...headers } }, true);
  expect((await post('/api/pairing', {})).status).toBe(401);
  const { code } = (await post('/api/pairing', bearer)).json;
  expect((await post('/api/pair', { authorization: `Pairing ${code}`, origin: 'https://evil.example' })).status).toBe(
    403,
  );
  const taken = await post('/api/pair', { authorization: `Pairing ${code}` });
  expect(taken).toMatchObject({ status: 200, json: { token: TOKEN }, headers: { 'cache-control': 'no-store' } });
  expect(await post('/api/pair', { authorization: `Pairing ${code}` })).toMatchObject({
    status: 401,
    json: { error: { message: 'this link was used before, or is older than ten minutes' } },
  });
});

it('guesses are counted like wrong tokens', async () => {
  const { server } = await serving({ listen, token: new Secret(TOKEN) });
  const headers = { host: `127.0.0.1:${server.address?.port}`, authorization: 'Pairing AAAAAAAAAAAAAAAAAAAAAAAAAAA' };
  const guess = async () => (await ask(server, '/api/pair', { method: 'POST', headers }, true)).status;
  const answers = await Promise.all(Array.from({ length: 21 }, guess));
  expect(answers.filter(status => status === 401)).toHaveLength(20);
  expect(answers.at(-1)).toBe(429);
});

it('without a token there is nobody to let in', async () => {
  const { server } = await serving();
  expect(await ask(server, '/api/pairing', { method: 'POST' })).toMatchObject({ status: 409 });
  expect(await ask(server, '/api/pair', { method: 'POST' })).toMatchObject({ status: 401 });
});
