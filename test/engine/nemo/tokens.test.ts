/** Tokens that run out in the middle of something, and several programs with one token or one identity. */
import { Secret } from '../../../src/config/secrets.ts';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type SetUp, setUp, onEnd, sameBytes } from './support.ts';

const never = new AbortController().signal;
const BIG = Buffer.alloc(3_000_000, 'v');
const target = { audio: { kind: 'keep' as const }, quality: 'auto' as const, minSaving: 0 };

/** Has every token that is out run out once the first upload has begun to come in. */
async function runOutWhileUploading({ server }: SetUp): Promise<void> {
  await eventually(() => server.requests.some(({ path, bytes }) => path.startsWith('/api/upload-video') && bytes > 0), {
    everyMs: 1,
    what: 'the upload to begin',
  });
  for (const account of server.accounts.values()) account.expiresAt = 0;
}

describe('a token that runs out in the middle of an upload', () => {
  const slowly = { speed: 50, content: BIG };

  it.each(['status', 'body'] as const)(
    'is renewed with the same client id, and the file is sent again, once (%s)',
    async failures => {
      const stand = await setUp({
        ...slowly,
        server: { slowUploadsMs: 1, oneTokenPerClient: false, keepUploads: false, failures },
      });
      const { server } = stand;
      const ran = stand.engine.run(stand.order({ target }), stand.job().context);
      await runOutWhileUploading(stand);
      await ran;
      const ids = server.requests
        .filter(({ path }) => /anonymous/.test(path))
        .map(({ headers }) => headers['x-client-id']);
      expect(ids).toEqual([ids[0], ids[0]]);
      expect(server.count('POST', /upload-video/)).toBe(2);
      expect([...server.sessions.values()].map(({ files, messages }) => [files.length, messages.length])).toEqual([
        [1, 1],
      ]);
    },
  );

  it('starts over in a session of the new account where the old one is not there for it', async () => {
    const stand = await setUp({
      ...slowly,
      server: { slowUploadsMs: 1, oneTokenPerClient: false, keepUploads: false, ownSessions: true },
    });
    const ran = stand.engine.run(stand.order({ target }), stand.job().context);
    await runOutWhileUploading(stand);
    await ran;
    expect([...stand.server.sessions.values()].map(({ files, messages }) => [files.length, messages.length])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(stand.server.renders.size).toBe(1);
  });

  it('and no other is issued: a person must act, and the job continues with their token', async () => {
    const stand = await setUp({
      ...slowly,
      server: { slowUploadsMs: 1, keepUploads: false, ownSessions: true, tokens: { nmv_usr_mine: 'user_1' } },
    });
    const first = stand.job({ workDir: 'w' });
    const ran = stand.engine.run(stand.order({ target }), first.context);
    await Promise.all([
      runOutWhileUploading(stand).then(() => {
        for (const account of stand.server.accounts.values())
          if (account.token === 'nmv_usr_mine') account.expiresAt = Number.POSITIVE_INFINITY;
      }),
      expect(ran).rejects.toMatchObject({ code: 'auth-missing', hint: expect.stringContaining('NEMO_TOKEN') }),
    ]);
    const engine = stand.restart({ token: new Secret('nmv_usr_mine') });
    await engine.run(
      stand.order({ target, retryCount: 1 }),
      stand.job({ workDir: 'w', resume: first.records }).context,
    );
    expect(stand.server.messages).toHaveLength(1);
    expect(stand.server.renders.size).toBe(1);
  });

  it('of a person is theirs to replace: nothing is asked of another account', async () => {
    const stand = await setUp({
      ...slowly,
      server: { slowUploadsMs: 1, keepUploads: false, tokens: { nmv_usr_mine: 'user_1' } },
    });
    const engine = stand.restart({ token: new Secret('nmv_usr_mine') });
    const ran = engine.run(stand.order({ target }), stand.job().context);
    await Promise.all([
      runOutWhileUploading(stand),
      expect(ran).rejects.toMatchObject({ code: 'auth-expired', hint: expect.stringContaining('NEMO_TOKEN') }),
    ]);
    expect(stand.server.count('POST', /anonymous/)).toBe(0);
    expect(stand.server.messages).toEqual([]);
  });
});

describe('a token that runs out while the agent is at work', () => {
  it('is renewed, and the instruction is not sent again', async () => {
    const stand = await setUp({ server: { oneTokenPerClient: false } });
    stand.server.scripts.push({ betweenMs: 5000 });
    const work = stand.job();
    const ran = stand.engine.run(stand.order(), work.context);
    await eventually(() => stand.server.messages.length > 0, { everyMs: 1 });
    for (const account of stand.server.accounts.values()) account.expiresAt = 0;
    await ran;
    expect(stand.server.count('POST', /run_sse/)).toBe(1);
    expect(work.doubts).toEqual([]);
  });

  it('for an account that does not see the session any more: a person decides whether to pay again', async () => {
    const stand = await setUp({ server: { oneTokenPerClient: false, ownSessions: true } });
    stand.server.scripts.push({ betweenMs: 5000 });
    const work = stand.job();
    const ran = stand.engine.run(stand.order(), work.context);
    const refused = expect(ran).rejects.toMatchObject({
      code: 'session-gone',
      hint: expect.stringContaining('sent again'),
    });
    await eventually(() => stand.server.messages.length > 0, { everyMs: 1 });
    for (const account of stand.server.accounts.values()) account.expiresAt = 0;
    await refused;
    expect(stand.server.messages).toHaveLength(1);
    expect(stand.server.renders.size).toBe(0);
  });
});

describe('two daemons with one token of a person', () => {
  it('each get their own films, one message and one render a film, and stay under the limit they share', async () => {
    const stand = await setUp({
      speed: 300,
      server: { tokens: { nmv_usr_mine: 'user_1' }, render: 'copy', requestsPerMinute: 120 },
    });
    const token = new Secret('nmv_usr_mine');
    const daemons = await Promise.all(
      [0, 1].map(async () => {
        const identityDir = await mkdtemp(join(tmpdir(), 'nemo-daemon-'));
        onEnd(() => rm(identityDir, { recursive: true, force: true }));
        return { dir: identityDir, engine: stand.restart({ token, stateDir: identityDir }) };
      }),
    );
    const films = daemons.flatMap(({ dir, engine }, which) =>
      Array.from({ length: 8 }, async (_, n) => {
        const source = join(dir, `film${n}.mp4`);
        await writeFile(source, film(`daemon ${which} film ${n}`));
        const { path } = await engine.run(
          stand.order({ job: `job${n}`, source, sourceBytes: 600, target }),
          stand.job().context,
        );
        return { source, path };
      }),
    );
    for (const { source, path } of await Promise.all(films)) expect(await sameBytes(source, path)).toBe(true);
    const { sessions, renders, requests } = stand.server;
    expect([...sessions.values()].map(({ files, messages }) => [files.length, messages.length])).toEqual(
      Array.from({ length: 16 }, () => [1, 1]),
    );
    expect(renders.size).toBe(16);
    expect(requests.filter(({ status }) => status === 429).length).toBeLessThan(requests.length * 0.2);
  });
});

describe('two programs with one identity', () => {
  it('have one token between them, also when both ask for the first one (was: the second gave up after half a minute)', async () => {
    const { server, engine, restart, dir } = await setUp();
    const other = restart();
    const [one, two] = await Promise.all([engine.credits(never), other.credits(never)]);
    expect([one, two]).toMatchObject([{ available: 100 }, { available: 100 }]);
    expect(server.accounts.size).toBe(1);
    const kept = JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8')) as { token: { value: string } };
    expect([...server.accounts.keys()]).toEqual([kept.token.value]);
  });

  it('but state directories of their own are one too many for one client id: the second says what to do', async () => {
    const { server, restart } = await setUp();
    const identityDir = await mkdtemp(join(tmpdir(), 'nemo-daemon-'));
    onEnd(() => rm(identityDir, { recursive: true, force: true }));
    const clientId = 'household-1';
    await restart({ nemo: { clientId } }).credits(never);
    await expect(restart({ stateDir: identityDir, nemo: { clientId } }).credits(never)).rejects.toMatchObject({
      code: 'auth-missing',
      hint: expect.stringMatching(/NEMO_TOKEN.*seven days/),
    });
    expect(server.count('POST', /anonymous/)).toBe(3);
  });
});

/** 600 bytes that begin like an MP4 and are like no other. */
function film(name: string): Buffer {
  const bytes = Buffer.alloc(600, name);
  bytes.writeUInt32BE(600, 0);
  bytes.write('ftypisom', 4, 'latin1');
  return bytes;
}
