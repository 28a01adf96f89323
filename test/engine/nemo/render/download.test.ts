import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.ts';
import type { Fault } from '../../../support/nemo-server/faults.ts';
import { MINUTE, setUp, sameBytes } from '../support.ts';

const POLL = /\/lambda\/render_/;

/**
 * More comes before a cut than the client holds in memory (64 kB twice): what it could not take yet waits in the system and is not lost
 * with the connection, however long the client is kept from reading.
 */
const BIG = { tinyBytes: 1_600_000 };

const CUT = { atByte: 400_000 };

const wide = {
  target: {
    size: { kind: 'bytes' as const, bytes: 4_000_000 },
    audio: { kind: 'keep' as const },
    quality: 'auto' as const,
    minSaving: 0,
  },
};

const RESULT = /render-result/;

describe('a download', () => {
  it('continues where it was cut, each time', async () => {
    const { engine, server, order, job } = await setUp({ server: BIG });
    server.fetchFaults.add({ match: { path: RESULT }, hangUp: CUT });
    server.fetchFaults.add({ match: { path: RESULT }, nth: 2, hangUp: CUT });
    const candidate = await engine.run(order(wide), job().context);
    expect(await sameBytes(candidate.path, [...server.renders.values()][0]?.path)).toBe(true);
    const ranges = server.fetches.map(({ headers }) => headers.range);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every(range => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
    expect(ranges).toHaveLength(3);
  });

  it('continues where it stopped after a restart', async () => {
    const { engine, server, restart, order, job } = await setUp({ server: BIG });
    server.fetchFaults.add({ match: { path: RESULT }, hangUp: CUT });
    server.fetchFaults.add({ match: { path: RESULT }, nth: 2, times: 3, hangUp: 'before' });
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(wide), first.context)).rejects.toMatchObject({ code: 'unreachable' });
    await restart().run(order(wide), job({ workDir: 'w', resume: first.records }).context);
    expect(server.fetches.at(-1)?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(server.renders.size).toBe(1);
  });

  it.each([
    ['the file at the address is another one by now', /"validator":"\\"[^"]*\\""/, '"validator":"\\"other\\""'],
    ['what was begun is of another render', /"of":"[^"]*"/, '"of":"http://127.0.0.1/other.mp4"'],
    ['nothing says what it was', /"validator":/, '"forgotten":'],
  ])('starts again when %s', async (_, what, instead) => {
    const { engine, server, restart, order, job, dir } = await setUp({ server: BIG });
    server.fetchFaults.add({ match: { path: RESULT }, hangUp: CUT });
    server.fetchFaults.add({ match: { path: RESULT }, nth: 2, times: 3, hangUp: 'before' });
    const first = job({ workDir: 'w' });
    await engine.run(order(wide), first.context).catch(() => {});
    const part = join(dir, 'w', 'result-1.mp4.part');
    const note = await readFile(`${part}.json`, 'utf8');
    expect(note).toMatch(what);
    await writeFile(`${part}.json`, note.replace(what, instead));
    // It still begins like a video.
    const begun = await readFile(part);
    await writeFile(part, begun.fill('?', 32));
    const candidate = await restart().run(order(wide), job({ workDir: 'w', resume: first.records }).context);
    expect(await sameBytes(candidate.path, [...server.renders.values()][0]?.path)).toBe(true);
  });

  it('leaves nothing but the result and the draft behind', async () => {
    const { engine, order, job, dir } = await setUp();
    await engine.run(order(), job({ workDir: 'w' }).context);
    expect((await readdir(join(dir, 'w'))).sort()).toEqual(['draft-1.json', 'result-1.mp4']);
  });

  it('that ends early without saying so is noticed', async () => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({ match: { path: RESULT }, body: '', headers: { 'content-type': 'video/mp4' } });
    const candidate = await engine.run(order(), job().context);
    expect(candidate.bytes).toBe(2048);
  });

  it('that ends early and says that this was all is fetched again by itself (was: held for a person)', async () => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({ match: { path: RESULT }, truncated: 1000 });
    expect((await engine.run(order(), job().context)).bytes).toBe(2048);
    expect(server.renders.size).toBe(1);
  });

  it('starts again when the range that comes is one of another file', async () => {
    const { engine, server, order, job } = await setUp({ server: BIG });
    server.fetchFaults.add({ match: { path: RESULT }, hangUp: CUT });
    server.fetchFaults.add({ match: { path: RESULT }, nth: 2, headers: { etag: '"another"' } });
    const candidate = await engine.run(order(wide), job().context);
    expect(await sameBytes(candidate.path, [...server.renders.values()][0]?.path)).toBe(true);
    expect(server.fetches.map(({ headers }) => headers.range !== undefined)).toEqual([false, true, false]);
  });

  it.each<[string, Omit<Fault, 'match'>]>([
    ['a web page', { body: '<html>expired</html>', headers: { 'content-type': 'text/html' } }],
    ['garbage', { garbage: true, headers: { 'content-type': 'video/mp4' } }],
    ['trouble', { status: 503, body: '', headers: { 'retry-after': '2' } }],
    ['a pause', { status: 429, body: '' }],
  ])('of %s instead of the file is tried again', async (_, fault) => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({ match: { path: RESULT }, ...fault });
    const candidate = await engine.run(order(), job().context);
    expect(candidate.bytes).toBe(2048);
  });

  it('of something that never is a video is held', async () => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({
      match: { path: RESULT },
      times: 99,
      body: 'x'.repeat(100),
      headers: { 'content-type': 'video/mp4' },
    });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'bad-answer' });
  });

  it.each([
    ['a still picture, not a video', 'PNG', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    ['a still picture, not a video', 'JPEG', Buffer.from('\xff\xd8\xff\xe0', 'latin1')],
    ['a still picture, not a video', 'GIF', Buffer.from('GIF89a')],
    ['a still picture, not a video', 'WebP', Buffer.from('RIFF\x24\x00\x00\x00WEBPVP8 ', 'latin1')],
    ['a file with sound but no picture', 'MP3 with tags', Buffer.from('ID3\x04')],
    ['a file with sound but no picture', 'bare MP3', Buffer.from('\xff\xfb\x90\x64', 'latin1')],
    ['a file with sound but no picture', 'WAV', Buffer.from('RIFF\x24\x00\x00\x00WAVEfmt ', 'latin1')],
    ['something that is not a video', 'RIFF of another kind', Buffer.from('RIFF\x24\x00\x00\x00ACONanih', 'latin1')],
  ])('says that the service made %s (%s)', async (said, _, start) => {
    const { engine, server, order, job } = await setUp();
    const headers = { 'content-type': 'application/octet-stream' };
    const bytes = Buffer.concat([start, Buffer.alloc(200)]);
    server.fetchFaults.add({ match: { path: RESULT }, times: 99, body: bytes as unknown as string, headers });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining(said),
    });
    expect(server.messages).toHaveLength(1);
  });

  it('is asked for again when its host said so, and not before', async () => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({ match: { path: RESULT }, status: 429, body: '', headers: { 'retry-after': '40' } });
    await engine.run(order(), job().context);
    const [refused, taken] = server.fetches;
    expect((taken?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(40_000);
  });

  it.each([403, 404, 410])('from an address that ran out (%d) gets a fresh one', async status => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({ match: { path: RESULT }, status, body: '' });
    await engine.run(order(), job().context);
    const [refused, taken] = server.fetches;
    const asked = server.requests.findLast(({ path }) => POLL.test(path));
    expect(asked?.at).toBeGreaterThan(refused?.at ?? Number.POSITIVE_INFINITY);
    expect(asked?.at).toBeLessThan(taken?.at ?? 0);
  });

  it.each(['A', 'B'] as const)(
    'without an address takes the service’s own route, and the token stays at home (shape %s)',
    async shape => {
      const { engine, server, order, job } = await setUp({ server: { shape } });
      server.resultUrl = () => undefined;
      const candidate = await engine.run(order(), job().context);
      expect(candidate.bytes).toBe(2048);
      expect(server.count('GET', /\/download$/)).toBe(1);
      expect(server.requests.find(({ path }) => path.endsWith('/download'))?.authorization).toMatch(/^Bearer /);
      expect(server.fetches[0]?.authorization).toBeUndefined();
      expect(server.unattributed).toEqual([]);
    },
  );

  it('whose own route answers with an address goes there', async () => {
    const { engine, server, order, job } = await setUp();
    server.resultUrl = () => undefined;
    const ran = engine.run(order(), job().context);
    await eventually(() => server.renders.size > 0, { everyMs: 2 });
    const [render] = server.renders.values();
    server.fault({
      match: { path: /\/download$/ },
      body: JSON.stringify({
        output: { url: `${server.filesUrl}/render-result/${render?.id}.mp4` },
        status: 'completed',
      }),
    });
    expect((await ran).bytes).toBe(2048);
  });

  it.each(['api', 'relative', 'redirected', 'files-host'] as const)(
    'from an address of the kind "%s" is fetched, and the token goes to the API alone',
    async resultsAt => {
      const { engine, server, order, job } = await setUp({ server: { resultsAt } });
      expect((await engine.run(order(), job().context)).bytes).toBe(2048);
      const own = server.requests.filter(({ path }) => RESULT.test(path));
      expect(own.length).toBe(resultsAt === 'files-host' ? 0 : 1);
      for (const { authorization } of own) expect(authorization).toMatch(/^Bearer /);
      expect(server.fetches.length).toBe(resultsAt === 'api' || resultsAt === 'relative' ? 0 : 1);
      for (const { authorization, attributed } of server.fetches)
        expect([authorization, attributed]).toEqual([undefined, false]);
      expect(server.renders.size).toBe(1);
    },
  );

  it.each(['poll', 'download'] as const)(
    'interrupted until its signed address ran out asks for another by %s; nothing is rendered again',
    async signedAgainBy => {
      const signedForMs = 20 * MINUTE;
      const stand = await setUp({ server: { signedForMs, signedAgainBy, tinyBytes: 60_000 }, speed: 5000 });
      const { engine, server, restart, order, job } = stand;
      server.fetchFaults.add({ match: { path: RESULT }, hangUp: { atByte: 10_000 } });
      server.fetchFaults.add({ match: { path: RESULT }, nth: 2, times: 99, delayMs: 10_000_000 * MINUTE });
      const first = job({ workDir: 'w' });
      const ran = engine.run(order(wide), first.context).catch(() => {});
      await eventually(() => server.fetches.length === 2, { everyMs: 2 });
      first.stop.abort({ kind: 'stopping' });
      await ran;
      server.fetchFaults.clear();
      await new Promise<void>(resolve => void server.clock.after(30 * MINUTE, resolve));
      const again = job({ workDir: 'w', resume: first.records });
      expect((await restart().run(order(wide), again.context)).bytes).toBe(60_000);
      expect(server.renders.size).toBe(1);
      expect(server.messages).toHaveLength(1);
    },
  );

  it.each([
    'http://127.0.0.2:1/x.mp4',
    'http://10.0.0.1/x.mp4',
    'http://[::1]:1/x.mp4',
    'file:///etc/passwd',
    'http://localhost:1/x',
  ])('never goes to %s because the service says so', async url => {
    const { engine, server, order, job } = await setUp();
    server.resultUrl = () => url;
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: expect.stringMatching(/bad-answer|unreachable/),
    });
    server.resultUrl = undefined;
    expect(server.fetches).toEqual([]);
  });

  it('never follows a redirect into a private network', async () => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({
      match: { path: RESULT },
      times: 99,
      status: 302,
      body: '',
      headers: { location: 'http://169.254.169.254/latest/meta-data' },
    });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining('private network'),
    });
  });

  it('does not go round in circles', async () => {
    const { engine, server, order, job } = await setUp();
    server.fetchFaults.add({
      match: { path: RESULT },
      times: 999,
      status: 302,
      body: '',
      headers: { location: '/render-result/again.mp4' },
    });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining('too often'),
    });
  });

  it('that only drips is cut and gone on with', async () => {
    const { engine, server, order, job } = await setUp({ server: { tinyBytes: 60_000 } });
    server.fetchFaults.add({
      match: { path: RESULT },
      body: 'x'.repeat(1000),
      slowDrip: { bytes: 1, everyMs: 60_000 },
      headers: { 'content-type': 'video/mp4', 'content-length': '60000' },
    });
    expect((await engine.run(order(wide), job().context)).bytes).toBe(60_000);
  });
});
