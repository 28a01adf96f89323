/** A service that means harm, or a machine in between that does: nothing hangs, grows without end, or is written down as it came. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createAddressPolicy } from '../../../src/engine/nemo/http/address-policy.ts';
import { type Downloaded, download } from '../../../src/engine/nemo/render/download.ts';
import { entriesOf, idAt } from '../../../src/engine/nemo/http/json.ts';
import { hasArrived, snapshotOf } from '../../../src/engine/nemo/session/state.ts';
import { createStreamReader, streamEventsOf } from '../../../src/engine/nemo/message/events.ts';
import { reduceTurn, repliesOf, SILENCE } from '../../../src/engine/nemo/message/turn.ts';
import { sanitizeLine } from '../../../src/engine/nemo/http/sanitize.ts';
import { type Http, type HttpAnswer, networkError, readText } from '../../../src/platform/http.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { eventually } from '../../support/eventually.ts';
import { setUp, onEnd } from './support.ts';

/** Long enough that what takes the square of it never ends (was: the daemon hung in a regular expression for hours). */
const LONG = 1_000_000;

describe('words made to keep us busy for ever', () => {
  it.each([
    ['tags that never end', '<'.repeat(LONG)],
    ['styles that never end', '<style'.repeat(LONG / 5)],
    ['spaces after a bearer', `bearer${' '.repeat(LONG)}x`],
    ['spaces before the end of an error', `${' '.repeat(LONG)}x`],
  ])('are cut before they are searched: %s', (_, said) => {
    expect(sanitizeLine(said).length).toBeLessThanOrEqual(200);
    const turn = reduceTurn(SILENCE, { kind: 'text', text: said, extent: 'whole' });
    expect(repliesOf(turn).length).toBeLessThan(LONG);
    expect(streamEventsOf({ data: `{"error": ${said}` })).toHaveLength(1);
  });

  it('are kept only as far as anybody reads, however many there are', () => {
    let turn = SILENCE;
    for (let n = 0; n < 2000; n += 1) {
      turn = reduceTurn(turn, { kind: 'text', text: `${n} ${'x'.repeat(30_000)}`, extent: n % 2 ? 'whole' : 'part' });
      turn = reduceTurn(turn, { kind: 'tool', phase: 'call', name: `tool ${n}`, id: undefined });
    }
    expect(JSON.stringify(turn).length).toBeLessThan(3_000_000);
    expect(repliesOf(turn)).toContain('1999 x');
  });

  it('about a host that cannot be reached name it, and nothing of the address it was signed with', () => {
    const error = networkError(new Error('gone'), 'https://files.example/film.mp4?signature=planted-5f1e0c');
    expect(error).toMatchObject({ code: 'unreachable', subject: 'files.example' });
    expect(JSON.stringify([String(error), error])).not.toMatch(/planted|film\.mp4/);
  });

  it('about a connection cut after the request was taken do not say that the host cannot be reached', () => {
    const about = (code: string) =>
      String(networkError(Object.assign(new Error(code), { code }), 'https://api.example/x'));
    expect(about('UND_ERR_SOCKET')).toContain('the connection to api.example was cut (UND_ERR_SOCKET)');
    expect(about('UND_ERR_HEADERS_TIMEOUT')).toContain('api.example was reached, but did not answer in time');
    expect(about('ECONNREFUSED')).toContain('api.example cannot be reached (ECONNREFUSED)');
  });

  it('are not collected when an answer that should be short never ends', async () => {
    let sent = 0;
    const body = Readable.from(
      (function* () {
        for (; sent < 1000; sent += 1) yield Buffer.alloc(100_000, 'x');
      })(),
    );
    const answer = { status: 200, headers: {}, body };
    await expect(readText(answer, 'https://api.example/x', 1_000_000)).rejects.toMatchObject({ code: 'bad-answer' });
    expect(sent).toBeLessThan(50);
    expect(body.destroyed).toBe(true);
  });

  it('end the stream when it, or one event, never ends', () => {
    const chunk = Buffer.from(`: ${'x'.repeat((1 << 20) - 3)}\n`);
    const reader = createStreamReader(() => {});
    expect(() => {
      for (let n = 0; n < 300; n += 1) reader.feed(chunk);
    }).toThrow('did not end');
    const other = createStreamReader(() => {});
    const line = Buffer.from('data: '.padEnd(1 << 20, 'x'));
    expect(() => {
      for (let n = 0; n < 32; n += 1) other.feed(line);
    }).toThrow();
  });
});

describe('a state made to fill the journal', () => {
  it('is read as deep as it comes (was: a stack overflow, and the job failed as a bug)', () => {
    const deep = '['.repeat(LONG / 10) + ']'.repeat(LONG / 10);
    expect(snapshotOf(`{"data":{"state":{"draft":{"t":[]},"video_infos":[${deep}]}}}`).assets).toHaveLength(1);
  });

  it('leaves a record of a size that can be kept', () => {
    const many = snapshotOf(`{"data":{"state":{"video_infos":[${'1,'.repeat(LONG / 10)}2]}}}`);
    expect(JSON.stringify(many.assets).length).toBeLessThan(50_000);
  });

  it('shows assets apart whose ids differ beyond 2^53 (was: an upload that never seemed to arrive)', () => {
    const before = snapshotOf('{"data":{"state":{"video_infos":[{"id":9007199254740992}]}}}');
    const after = snapshotOf(
      '{"data":{"state":{"video_infos":{"a":{"id":9007199254740992},"b":{"id":9007199254740993}}}}}',
    );
    expect(hasArrived(before.assets, after)).toBe(true);
  });

  it('has entries only where it is a list or a map', () => {
    expect(entriesOf(' [1, {"a":[2]}]', 9)).toEqual(['1', '{"a":[2]}']);
    expect(entriesOf('{"a":1,"b":"]"}', 1)).toEqual(['1']);
    expect(entriesOf('"text"', 9)).toEqual([]);
  });
});

describe('ids and tokens', () => {
  it.each(['..', '.', 'a/b', 'a?b', 'a b', 'x'.repeat(201), 'a\nb', ''])('%j is no id', id => {
    expect(idAt(JSON.stringify({ id }), 'id')).toBeUndefined();
  });

  it.each(['5529798706024415232', 'task_1', 'anon_abc', 'a-b.c:d~e', 'me@example.com'])('%j is one', id => {
    expect(idAt(JSON.stringify({ id }), 'id')).toBe(id);
  });

  it.each(['nmv_usr_a\nX-Evil: 1', 'schlüssel', '', 'x'.repeat(5000)])(
    'a token no header can carry is not kept: %#',
    async token => {
      const { engine, server } = await setUp();
      server.fault({
        match: { path: '/api/auth/anonymous-token' },
        times: 9,
        body: JSON.stringify({ code: 0, data: { token } }),
      });
      const error = await engine.credits(new AbortController().signal).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'bad-answer', message: expect.stringContaining('contains no token') });
    },
  );

  it('the same session for two files at once would give one the video of the other: the second is held', async () => {
    const { engine, server, order, job } = await setUp();
    server.holdRenders = true;
    const first = engine.run(order(), job().context);
    await eventually(() => server.sessions.size > 0, { everyMs: 5 });
    const [id] = server.sessions.keys();
    server.fault({
      match: { path: '/api/tasks' },
      body: JSON.stringify({ code: 0, data: { session_id: id, task_id: 't' } }),
    });
    const second = engine.run(order({ job: 'job2' }), job().context);
    await expect(second).rejects.toMatchObject({ code: 'bad-answer' });
    server.holdRenders = false;
    server.finishRenders();
    await eventually(() => server.renders.size > 0, { everyMs: 5 });
    server.finishRenders();
    await first;
    expect(server.messages).toHaveLength(1);
  });
});

describe('a download', () => {
  it.each(['http://[', 'file:///etc/passwd', 'http://169.254.169.254/latest/meta-data', 'javascript:alert(1)'])(
    'redirected to %s is refused (was: some of them failed the job as a bug)',
    async location => {
      const { engine, server, order, job } = await setUp();
      server.fetchFaults.add({ match: {}, times: 99, status: 302, body: '', headers: { location } });
      await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'bad-answer' });
      expect(server.messages).toHaveLength(1);
    },
  );

  const headers = { 'content-type': 'video/mp4', 'content-length': '64', etag: '"1"' };
  const whole = () => Readable.from([Buffer.alloc(64, '\0\0\0@ftypisom')]);

  it('that is cut before anybody reads it is gone on with (was: it hung for ever)', async () => {
    const reset = new Readable({ read() {} }).on('error', () => {});
    const cut = new Promise(resolve => void reset.once('close', resolve));
    reset.destroy(new Error('reset'));
    const found = await fetched([
      { status: 200, headers, body: reset, after: cut },
      { status: 200, headers, body: whole() },
    ]);
    expect(found).toEqual({ kind: 'file', bytes: 64 });
  });

  it('that comes with a range nobody requested is closed (was: its connection stayed open)', async () => {
    const other = new Readable({ read() {} });
    const found = await fetched([
      { status: 206, headers: { ...headers, 'content-range': 'bytes 7-63/64' }, body: other },
      { status: 200, headers, body: whole() },
    ]);
    expect(found).toEqual({ kind: 'file', bytes: 64 });
    expect(other.destroyed).toBe(true);
  });

  it('that ends well before the length it said is fetched again, also where the film itself does not tell', async () => {
    // Matroska may end anywhere.
    const film = Buffer.alloc(64);
    film.writeUInt32BE(0x1a45dfa3);
    const found = await fetched([
      { status: 200, headers, body: Readable.from([film.subarray(0, 40)]) },
      { status: 200, headers, body: Readable.from([film]) },
    ]);
    expect(found).toEqual({ kind: 'file', bytes: 64 });
  });

  it('that never ends is too large, not a full disk', async () => {
    const { engine, server, order, job } = await setUp();
    const sent = await endless(server);
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'cannot-fit' });
    expect(sent()).toBeLessThan(100_000_000);
  });

  it('that says of itself to be absurdly large is not begun', async () => {
    const { engine, server, order, job } = await setUp();
    const sent = await endless(server, { 'content-length': '99999999999' });
    const target = { audio: { kind: 'keep' as const }, quality: 'auto' as const, minSaving: 0 };
    await expect(engine.run(order({ target }), job().context)).rejects.toMatchObject({
      code: 'bad-answer',
      message: expect.stringContaining('far more than the job can need'),
    });
    expect(sent()).toBeLessThan(100_000_000);
  });

  it('and every other answer is asked for as it is: what comes packed could unpack to any size', async () => {
    const { engine, server, order, job } = await setUp();
    await engine.run(order(), job().context);
    const asked = [...server.requests, ...server.fetches].map(({ path, headers: sent }) => [
      path,
      sent['accept-encoding'],
    ]);
    expect(asked.length).toBeGreaterThan(5);
    expect(asked).toEqual(asked.map(([path]) => [path, 'identity']));
  });

  it('from the API’s own host waits for its turn like every other request, and bears the token and who asks', async () => {
    const { engine, server, order, job } = await setUp();
    server.resultUrl = () => `${server.url}/own/result.mp4`;
    server.fault({ match: { path: '/own' }, status: 429, body: '', headers: { 'retry-after': '20' } });
    await engine.run(order(), job().context).catch(() => {});
    const asked = server.requests.filter(({ path }) => path.startsWith('/own'));
    expect(asked[0]?.authorization).toMatch(/^Bearer nmv_usr_/);
    expect(server.unattributed).toEqual([]);
    const after = server.requests.find(({ n }) => n > (asked[0]?.n ?? 0));
    expect((after?.at ?? 0) - (asked[0]?.at ?? 0)).toBeGreaterThanOrEqual(20_000);
  });
});

/** Downloads from a host that gives these answers, one after the other; all of them are used. */
async function fetched(answers: (HttpAnswer & { after?: Promise<unknown> })[]): Promise<Downloaded> {
  const { server, dir } = await setUp();
  const http: Http = {
    async request() {
      const answer = answers.shift();
      await answer?.after;
      if (!answer) throw new Error('asked too often');
      return answer;
    },
    close: async () => {},
  };
  const found = await download({
    ...{ url: `${server.url}/x.mp4`, what: 'render_1', path: join(dir, 'x.mp4'), http, atMost: 1e9, silenceMs: 60_000 },
    ...{ policy: createAddressPolicy(server.url), apiOrigin: 'https://api.example', clock: server.clock },
    ...{ openOwn: () => Promise.reject(new Error('not ours')), signal: new AbortController().signal },
    ...{ log: silentLogger, onProgress: () => {} },
  });
  expect(answers).toEqual([]);
  return found;
}

/** Has results come from a host that sends a video without end; gives the bytes it sent so far. */
async function endless(server: { resultUrl: unknown }, headers: Record<string, string> = {}): Promise<() => number> {
  const piece = Buffer.alloc(1 << 16);
  piece.writeUInt32BE(24);
  piece.write('ftypisom', 4, 'latin1');
  let sent = 0;
  const host = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', ...headers });
    const more = () => {
      do sent += piece.length;
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  }).listen(0, '127.0.0.1');
  onEnd(async () => {
    host.closeAllConnections();
    host.close();
  });
  await once(host, 'listening');
  server.resultUrl = () => `http://127.0.0.1:${(host.address() as AddressInfo).port}/endless.mp4`;
  return () => sent;
}
