import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/config/secrets.ts';
import { lifeOf } from '../../../../src/engine/nemo/account/auth.ts';
import { Identity } from '../../../../src/engine/nemo/account/identity.ts';
import { eventually } from '../../../support/eventually.ts';
import { setUp } from '../support.ts';

const never = new AbortController().signal;

const TOKEN = /^\/api\/auth\/anonymous-token$/;

async function identity(dir: string): Promise<{ clientId: string; token: { value: string; expiresAt: number } }> {
  return JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8')) as never;
}

describe('connecting', () => {
  it('asks for a free token once, with a client id of its own, and keeps both readable by nobody else', async () => {
    const { engine, server, dir } = await setUp();
    await engine.credits(never);
    await engine.credits(never);
    expect(server.count('POST', TOKEN)).toBe(1);
    const kept = await identity(dir);
    expect(kept.clientId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(server.requests[0]?.headers['x-client-id']).toBe(kept.clientId);
    expect(server.accounts.has(kept.token.value)).toBe(true);
    expect((await stat(join(dir, 'identity.json'))).mode & 0o777).toBe(0o600);
  });

  it('makes a state directory that is not there for its owner alone (was: open to everybody until the daemon started)', async () => {
    const { restart, dir } = await setUp();
    const identityDir = join(dir, 'new-state');
    await restart({ stateDir: identityDir }).credits(never);
    expect((await stat(identityDir)).mode & 0o777).toBe(0o700);
  });

  it('does not ask again after a restart', async () => {
    const { engine, server, restart } = await setUp();
    await engine.credits(never);
    await restart().credits(never);
    expect(server.count('POST', TOKEN)).toBe(1);
  });

  it('asks once for many who need it at the same moment, and one who leaves does not spoil it', async () => {
    const { engine, server } = await setUp();
    const leaver = new AbortController();
    const gone = expect(engine.credits(leaver.signal)).rejects.toThrow('left');
    const others = Promise.all([engine.credits(never), engine.credits(never), engine.credits(never)]);
    leaver.abort(new Error('left'));
    await gone;
    await others;
    expect(server.count('POST', TOKEN)).toBe(1);
  });

  it("uses the person's own token and asks for none", async () => {
    const { server, restart, dir } = await setUp({ server: { tokens: { nmv_usr_mine: 'user_1' } } });
    const engine = restart({ token: new Secret('nmv_usr_mine') });
    expect(await engine.check(never)).toMatchObject({
      account: 'own',
      credits: { available: 100, frozen: 0, total: 100 },
    });
    expect(server.count('POST', TOKEN)).toBe(0);
    await expect(stat(join(dir, 'identity.json'))).rejects.toThrow();
  });

  it('asks again with the same client id once the token is seven days old', async () => {
    const { engine, server, dir, restart } = await setUp();
    await engine.credits(never);
    const before = await identity(dir);
    const old = { ...before, token: { ...before.token, expiresAt: server.clock.now() - 1 } };
    await writeFile(join(dir, 'identity.json'), JSON.stringify(old));
    server.fault({
      match: { path: TOKEN },
      body: JSON.stringify({ code: 0, data: { token: [...server.accounts.keys()][0] } }),
    });
    await restart().credits(never);
    const after = await identity(dir);
    expect(after.clientId).toBe(before.clientId);
    expect(after.token.expiresAt).toBeGreaterThan(server.clock.now() + 6.9 * 86_400_000);
    expect(server.count('POST', TOKEN)).toBe(2);
  });

  it.each(['status', 'body'] as const)(
    'renews a refused token with the same client id and repeats the request once (%s)',
    async failures => {
      const { engine, server, dir } = await setUp({ server: { failures, oneTokenPerClient: false } });
      await engine.credits(never);
      const before = await identity(dir);
      server.accounts.delete(before.token.value);
      await engine.credits(never);
      const after = await identity(dir);
      expect(after.clientId).toBe(before.clientId);
      expect(after.token.value).not.toBe(before.token.value);
    },
  );

  it('asks the person when their own token is refused: another one would be another account', async () => {
    const { server, restart } = await setUp();
    const engine = restart({ token: new Secret('nmv_usr_wrong') });
    await expect(engine.credits(never)).rejects.toMatchObject({
      code: 'auth-expired',
      hint: expect.stringContaining('NEMO_TOKEN'),
    });
    expect(server.count('POST', TOKEN)).toBe(0);
  });

  it('gives up when the renewed token is refused as well', async () => {
    const { engine, server } = await setUp({ server: { oneTokenPerClient: false } });
    server.fault({ match: { path: '/api/credits' }, times: 9, status: 401, body: '{"code":1001}' });
    await expect(engine.credits(never)).rejects.toMatchObject({ code: 'auth-expired' });
    expect(server.count('POST', TOKEN)).toBe(2);
    expect(server.count('GET', /credits/)).toBe(2);
  });

  it('waits once when the service gives no token at the moment', async () => {
    const { engine, server } = await setUp();
    server.fault({ match: { path: TOKEN }, status: 429, body: '{}', headers: { 'retry-after': '20' } });
    await engine.credits(never);
    const [first, second] = server.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(20_000);
    expect(second?.headers['x-client-id']).toBe(first?.headers['x-client-id']);
  });

  it('says what to do after the second refusal, and does not ask again for every job', async () => {
    const { engine, server } = await setUp();
    server.fault({ match: { path: TOKEN }, times: 9, status: 429, body: '{}' });
    const refused = { code: 'auth-missing', hint: expect.stringMatching(/NEMO_TOKEN.*seven days/) };
    await expect(engine.credits(never)).rejects.toMatchObject(refused);
    await expect(engine.credits(never)).rejects.toMatchObject(refused);
    expect(server.count('POST', TOKEN)).toBe(2);
  });

  it('makes a new client id when the service misses one, once', async () => {
    const { engine, server } = await setUp();
    server.fault({ match: { path: TOKEN }, status: 400, body: '{"code":400}' });
    await engine.credits(never);
    const ids = server.requests.filter(({ path }) => TOKEN.test(path)).map(({ headers }) => headers['x-client-id']);
    expect(new Set(ids).size).toBe(2);
  });

  it('takes NEMO_CLIENT_ID for the client id', async () => {
    const { server, restart } = await setUp();
    await restart({ nemo: { clientId: 'client-1700000000-42' } }).credits(never);
    expect(server.requests[0]?.headers['x-client-id']).toBe('client-1700000000-42');
  });

  it('sends a kept token to the API that gave it and to no other', async () => {
    const { engine, dir, server } = await setUp();
    await engine.credits(never);
    const other = await setUp();
    await other.restart({ stateDir: dir }).credits(never);
    const foreign = [...server.accounts.keys()];
    for (const { authorization } of other.server.requests)
      expect(foreign.some(token => authorization?.includes(token))).toBe(false);
  });

  it('says so when identity.json is damaged, without quoting it', async () => {
    const { engine, dir } = await setUp();
    await writeFile(join(dir, 'identity.json'), '{"token":{"value":"nmv_usr_half');
    const error = (await engine.credits(never).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject({ code: 'auth-missing', hint: expect.stringContaining('identity.json') });
    expect(`${error.stack}${String(error.cause)}`).not.toContain('nmv_usr');
  });

  it('works with a token the disk would not take, and writes it down later (was: held for a week)', async () => {
    const { engine, server, dir, order, job } = await setUp();
    const path = join(dir, 'identity.json');
    server.fault({ match: { path: TOKEN }, times: 1, delayMs: 100_000 });
    const ran = engine.run(order(), job().context);
    await eventually(() => server.count('POST', TOKEN) === 1, { everyMs: 1, what: 'the token to be asked for' });
    // Nothing can be renamed over a folder.
    await rename(path, `${path}.away`);
    await mkdir(join(path, 'in the way'), { recursive: true });
    await ran;
    expect(server.renders.size).toBe(1);
    await rm(path, { recursive: true });
    await rename(`${path}.away`, path);
    await engine.run(order({ job: 'job2' }), job().context);
    expect(server.count('POST', TOKEN)).toBe(1);
    expect(server.accounts.has((await identity(dir)).token.value)).toBe(true);
  });

  it('says what a disk that fails did to identity.json (was: an error in shrinkbox itself)', async () => {
    const { dir } = await setUp();
    const state = join(dir, 'state');
    const known = new Identity({ dir: state, apiUrl: 'https://a.example' });
    known.clientId();
    const again = new Identity({ dir: state, apiUrl: 'https://a.example' });
    again.token();
    await rm(state, { recursive: true });
    await writeFile(state, 'no folder');
    expect(() => again.clientId()).toThrow(expect.objectContaining({ code: expect.stringMatching(/^[a-z-]+$/) }));
  });

  it('logs that it is connected and ready, once, and never the token', async () => {
    const lines: string[] = [];
    const { restart, order, job, server } = await setUp();
    const engine = restart({ log: pino({ level: 'trace' }, { write: line => void lines.push(line) }) });
    await engine.run(order(), job().context);
    await engine.credits(never);
    expect(lines.filter(line => line.includes('connected and ready'))).toHaveLength(1);
    for (const token of server.accounts.keys()) expect(lines.join('')).not.toContain(token);
  });

  it('reports the balance and how far the clocks are apart', async () => {
    const { engine, server } = await setUp();
    server.fault({
      match: { path: '/api/credits' },
      times: 2,
      body: '{"code":0,"data":{"available":"60","frozen":40}}',
      headers: { date: new Date(server.clock.now() - 3_600_000).toUTCString() },
    });
    await engine.credits(never);
    const look = await engine.check(never);
    expect(look).toMatchObject({ account: 'anonymous', credits: { available: 60, frozen: 40, total: 100 } });
    expect(look.clockAheadMs).toBeGreaterThan(3_500_000);
  });

  it('does not take a balance below nothing for one (was: "-5 credits available")', async () => {
    const { engine, server } = await setUp();
    server.fault({ match: { path: '/api/credits' }, times: 9, body: '{"code":0,"data":{"available":-5}}' });
    await expect(engine.credits(never)).rejects.toThrow('a balance of -5 credits, which cannot be');
  });

  it('looks whether the service is there without asking for a token or leaving a file', async () => {
    const { engine, server, dir } = await setUp();
    const before = await readdir(dir);
    const look = await engine.check(never);
    expect(look.account).toBeUndefined();
    expect(look.clockAheadMs).toEqual(expect.any(Number));
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/credits/balance/simple']);
    expect(server.requests[0]).toMatchObject({ attributed: true, authorization: undefined });
    expect(await readdir(dir)).toEqual(before);
    server.fault({ match: {}, body: '<h1>router</h1>', headers: { 'content-type': 'text/html' } });
    await expect(engine.check(never)).rejects.toMatchObject({ code: 'bad-answer' });
  });

  it('takes the token another process of ours got meanwhile instead of asking for one more', async () => {
    const { engine, server, restart } = await setUp();
    await engine.credits(never);
    const [first] = server.accounts.keys();
    server.accounts.delete(first ?? '');
    server.options.oneTokenPerClient = false;
    const other = restart();
    await other.credits(never);
    server.options.oneTokenPerClient = true;
    await engine.credits(never);
    expect(server.count('POST', TOKEN)).toBe(2);
  });

  it('keeps using a token that should have expired while no other is issued: the clock here may be wrong', async () => {
    const { engine, server, dir, restart } = await setUp();
    await engine.credits(never);
    const kept = await identity(dir);
    await writeFile(join(dir, 'identity.json'), JSON.stringify({ ...kept, token: { ...kept.token, expiresAt: 1 } }));
    const later = restart();
    server.fault({ match: { path: TOKEN }, times: 9, status: 429, body: '', headers: { 'retry-after': '604800' } });
    expect(await later.credits(never)).toMatchObject({ available: 100 });
    expect(await later.credits(never)).toMatchObject({ available: 100 });
    // Once: a pause of days is not sat out, and keeps nobody else from asking for something else.
    expect(server.count('POST', TOKEN)).toBe(2);
    server.accounts.clear();
    await expect(later.credits(never)).rejects.toMatchObject({ code: 'auth-missing' });
  });

  it('keeps a token for the time it has by the clock of the service, whatever the one here says', async () => {
    const { engine, server, dir } = await setUp({ server: { tokens: { nmv_usr_x: 'anon_x' } } });
    const there = Date.UTC(2031, 0, 1);
    server.fault({
      match: { path: TOKEN },
      headers: { date: new Date(there).toUTCString() },
      body: JSON.stringify({
        code: 0,
        data: { token: 'nmv_usr_x', expires_at: new Date(there + 3_600_000).toISOString() },
      }),
    });
    await engine.credits(never);
    const { token } = await identity(dir);
    expect(Math.abs(token.expiresAt - server.clock.now() - 3_600_000)).toBeLessThan(600_000);
  });

  it.each([
    ['nobody there', { hangUp: 'before' as const, times: 9 }, 'unreachable'],
    [
      'a gateway page',
      { status: 502, body: '<html>bad gateway</html>', headers: { 'content-type': 'text/html' }, times: 9 },
      'unreachable',
    ],
    ['a login page', { body: '<html>log in</html>', headers: { 'content-type': 'text/html' }, times: 9 }, 'bad-answer'],
    ['garbage', { garbage: true, times: 9 }, 'bad-answer'],
    ['an answer cut short', { hangUp: { atByte: 5 }, times: 9 }, 'unreachable'],
    ['an answer that ends early', { truncated: 5, carryOut: true, times: 9 }, 'bad-answer'],
    ['another kind of answer', { body: '{"code":0,"data":{"coins":5}}', times: 9 }, 'bad-answer'],
    [
      'a redirect elsewhere',
      { status: 302, body: '', headers: { location: 'https://evil.example/' }, times: 9 },
      'bad-answer',
    ],
  ])('says what is wrong: %s', async (_, fault, code) => {
    const { engine, server } = await setUp();
    server.fault({ match: { path: '/api/credits' }, ...fault });
    await expect(engine.credits(never)).rejects.toMatchObject({ code });
    expect(server.count('GET', /credits/)).toBeLessThanOrEqual(3);
  });

  it.each([
    ['a hang-up', { hangUp: 'before' as const }],
    ['a hang-up in the middle', { hangUp: { atByte: 3 } }],
    ['a 503', { status: 503, body: '' }],
    ['garbage', { garbage: true }],
    ['a 429', { status: 429, body: '', headers: { 'retry-after': '1' } }],
    ['a slow drip', { slowDrip: { bytes: 4, everyMs: 100 } }],
  ])('gets over %s by itself', async (_, fault) => {
    const { engine, server } = await setUp();
    server.fault({ match: { path: '/api/credits' }, ...fault });
    expect(await engine.credits(never)).toMatchObject({ available: 100 });
  });

  it('does not read an answer that never ends', async () => {
    const { restart, server } = await setUp();
    server.fault({ match: { path: '/api/credits' }, times: 9, slowDrip: { bytes: 1, everyMs: 60_000 } });
    await expect(restart({ timeouts: { readingMs: 120_000 } }).credits(never)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});

describe('a token lasts', () => {
  const now = 1_800_000_000_000;
  const week = 7 * 86_400_000;
  it.each<[unknown, number]>([
    ['2027-03-18T00:00:00Z', Date.UTC(2027, 2, 18) - now],
    [1_900_000_000, 100_000_000_000],
    [1_900_000_000_000, 100_000_000_000],
    ['1900000000', 100_000_000_000],
    [undefined, week],
    ['soon', week],
    ['2020-01-01T00:00:00Z', week],
  ])('%j', (value, life) => {
    expect(lifeOf(value, Number.NaN, now)).toBe(life);
  });

  it('by the clock of who gave it, whatever the one here says', () => {
    const expiry = new Date(now + week).toISOString();
    expect(lifeOf(expiry, now, now + 30 * 86_400_000)).toBe(week);
    expect(lifeOf(expiry, now, 0)).toBe(week);
  });
});
