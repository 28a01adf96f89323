import { describe, expect, it } from 'vitest';
import type { Fault } from '../../support/nemo-server/faults.ts';
import type { MessageScript } from '../../support/nemo-server/server.ts';
import { eventually } from '../../support/eventually.ts';
import { setUp, MINUTE, sameBytes, type TestJob } from '../../engine/nemo/support.ts';

const SSE = '/run_sse';

/** Everything that leaves it open whether a message was carried out. */
/** `clear`: a state that was read late may settle it at once. */
const DOUBTFUL: { name: string; script?: MessageScript; fault?: Omit<Fault, 'match'>; clear?: true }[] = [
  { name: 'the connection ends before an answer', fault: { hangUp: 'after' } },
  { name: 'the connection ends before the first event', script: { events: [], end: 'cut' } },
  {
    name: 'the connection ends in the middle of the work',
    script: { events: [{ think: 'hm' }, { call: 'edit_multitrack' }], end: 'cut' },
  },
  {
    name: 'the connection ends in the middle of an event',
    script: { events: [{ raw: 'data: {"type":"te' }], end: 'cut' },
  },
  {
    name: 'the connection ends in the middle of the reply',
    script: { events: [{ say: 'Compr', partial: true }], end: 'cut' },
  },
  {
    name: 'a gateway answers for the service',
    fault: { carryOut: true, status: 502, body: '<html>Bad Gateway</html>' },
  },
  { name: 'a gateway gives up waiting', fault: { carryOut: true, status: 504, body: '' } },
  { name: 'the service gives up waiting', fault: { carryOut: true, status: 408, body: '' } },
  {
    name: 'a web page comes instead of a stream',
    fault: { carryOut: true, body: '<html>hello</html>', headers: { 'content-type': 'text/html' } },
  },
  { name: 'garbage comes instead of a stream', fault: { carryOut: true, garbage: true } },
  {
    name: 'a redirect comes instead of a stream',
    fault: { carryOut: true, status: 307, body: '', headers: { location: 'https://elsewhere.example/' } },
  },
  { name: 'the stream says nothing for fifteen minutes', script: { events: [], end: 'mute' } },
  {
    name: 'only heartbeats come for ten minutes',
    script: { events: [{ call: 'edit_multitrack' }], end: 'hang', heartbeatMs: 20_000 },
  },
  {
    name: 'the stream ends with an error of the framework',
    script: { events: [{ call: 'edit_multitrack' }, { raw: 'data: {"error": "boom "quoted" text"}\n\n' }] },
  },
  { name: 'the stream ends with an error of the model', script: { events: [{ error: 'blocked' }] } },
  {
    name: 'credits run out in the middle of the work',
    script: { events: [{ call: 'edit_multitrack' }, { error: 'no credits', code: 2001 }] },
  },
  {
    name: 'only a temporary issue is reported',
    script: { events: [{ say: 'I encountered a temporary issue. Please try again.' }] },
  },
  { name: 'the stream ends without a word', script: { events: [] }, clear: true },
];

describe('a message whose fate is unknown is never sent again', () => {
  it.each(DOUBTFUL)('carried out: $name', async ({ script, fault, clear }) => {
    const { engine, server, order, job } = await setUp({ speed: 1500 });
    if (fault) server.fault({ match: { path: SSE }, ...fault });
    server.scripts.push({ ...script, applyAfterMs: 10_000 });
    const work = job();
    const candidate = await engine.run(order(), work.context);
    expect(server.messages).toHaveLength(1);
    expect(server.renders.size).toBe(1);
    expect(await sameBytes(candidate.path, [...server.renders.values()][0]?.path)).toBe(true);
    if (clear && work.doubts.length === 0) return;
    expect(work.doubts).toHaveLength(1);
    expect(work.doubts[0]).toMatchObject({
      code: 'outcome-unknown',
      text: expect.stringContaining('nothing is sent again'),
    });
  });

  it.each(DOUBTFUL)('not carried out: $name', async ({ script, fault }) => {
    const { engine, server, order, job } = await setUp({ speed: 1500 });
    if (fault) server.fault({ match: { path: SSE }, ...fault });
    server.scripts.push({ ...script, apply: false });
    const work = job();
    await expect(engine.run(order(), work.context)).rejects.toMatchObject({
      code: 'unconfirmed',
      hint: expect.stringMatching(/^Retry to send it again/),
    });
    expect(server.messages).toHaveLength(1);
    expect(server.renders.size).toBe(0);
  });

  it('is asked about after 30 s, then every minute, five times in all', async () => {
    const { engine, server, order, job } = await setUp({ speed: 500 });
    server.scripts.push({ apply: false, events: [{ call: 'x' }], end: 'cut' });
    await engine.run(order(), job().context).catch(() => {});
    const message = server.requests.find(({ path }) => path === SSE)?.at ?? 0;
    const asked = server.requests
      .filter(({ path, at }) => path.startsWith('/api/state') && at > message)
      .map(({ at }) => (at - message) / 1000);
    expect(asked).toHaveLength(5);
    expect(asked[0]).toBeGreaterThanOrEqual(30);
    // A busy machine may be late with each of them, never early.
    for (const [n, at] of asked.entries()) if (n > 0) expect(at - (asked[n - 1] ?? 0)).toBeGreaterThanOrEqual(55);
  });

  it('is asked about after ten minutes of nothing but heartbeats, not only after fifteen', async () => {
    const { engine, server, order, job } = await setUp({ speed: 60 });
    server.scripts.push({ events: [{ call: 'edit_multitrack' }], end: 'hang', heartbeatMs: 20_000 });
    await engine.run(order(), job().context);
    const message = server.requests.find(({ path }) => path === SSE)?.at ?? 0;
    const asked = server.requests.find(({ path, at }) => path.startsWith('/api/state') && at > message)?.at ?? 0;
    expect(asked - message).toBeGreaterThanOrEqual(10.5 * MINUTE);
    expect(asked - message).toBeLessThan(15 * MINUTE);
  });

  it('is waited for until what changed has settled: an edit may come in two stages', async () => {
    const { engine, server, order, job } = await setUp({ speed: 500 });
    server.scripts.push({ apply: false, events: [{ call: 'x' }], end: 'cut' });
    const work = job();
    const ran = engine.run(order(), work.context);
    await eventually(() => work.doubts.length > 0, { everyMs: 5 });
    const [session] = server.sessions.values();
    const draft = (name: string) =>
      `{"t":[{"tt":0,"sg":[{"name":"${name}","d":1000}]}],"m":{"wish":{"mute":false,"file":"x"}}}`;
    if (session) session.draft = draft('raw');
    server.clock.after(MINUTE, () => {
      if (session) session.draft = draft('finished');
    });
    const candidate = await ran;
    expect(candidate.how).toContain('Video: finished');
  });

  it('does not count readings that failed', async () => {
    const { engine, server, order, job } = await setUp({ speed: 300 });
    server.scripts.push({ events: [{ call: 'x' }], end: 'cut', applyAfterMs: 8 * MINUTE });
    // Each reading is tried three times: four readings fail.
    server.fault({ match: { path: /^\/api\/state/ }, nth: 2, times: 12, hangUp: 'before' });
    await engine.run(order(), job().context);
    expect(server.messages).toHaveLength(1);
  });

  it('waits in the queue while the service cannot be reached, and keeps asking after that', async () => {
    const { engine, server, restart, order, job } = await setUp({ speed: 1500 });
    server.scripts.push({ events: [{ call: 'x' }], end: 'cut' });
    server.fault({ match: { path: /^\/api\/state/ }, nth: 2, times: 999, hangUp: 'before' });
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(), first.context)).rejects.toMatchObject({ code: 'unreachable' });
    server.faults.clear();
    await restart().run(order(), job({ workDir: 'w', resume: first.records }).context);
    expect(server.messages).toHaveLength(1);
  });
});

describe('once a person asked for another try', () => {
  async function unconfirmed(script: MessageScript) {
    const stand = await setUp({ speed: 1500 });
    stand.server.scripts.push(script);
    const work = stand.job({ workDir: 'w' });
    await expect(stand.engine.run(stand.order(), work.context)).rejects.toMatchObject({ code: 'unconfirmed' });
    return { ...stand, records: work.records };
  }

  it('a message that was carried out late after all is not sent again', async () => {
    const { server, restart, order, job, records } = await unconfirmed({
      events: [],
      end: 'cut',
      applyAfterMs: 25 * MINUTE,
    });
    await new Promise<void>(resolve => void server.clock.after(25 * MINUTE, resolve));
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: records }).context);
    expect(server.messages).toHaveLength(1);
  });

  it('a message that never was carried out is sent again, in the same session', async () => {
    const { server, restart, order, job, records } = await unconfirmed({ events: [], end: 'cut', apply: false });
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: records }).context);
    expect(server.messages).toHaveLength(2);
    expect(server.sessions.size).toBe(1);
    expect(server.count('POST', /upload-video/)).toBe(1);
  });

  it('and only then: a restart alone asks again and sends nothing', async () => {
    const { server, restart, order, job, records } = await unconfirmed({ events: [], end: 'cut', apply: false });
    await expect(restart().run(order(), job({ workDir: 'w', resume: records }).context)).rejects.toMatchObject({
      code: 'unconfirmed',
    });
    expect(server.messages).toHaveLength(1);
  });
});

describe('a daemon that is stopped while the agent speaks', () => {
  const slow = { betweenMs: 4000 };
  const untilItSpeaks = async (work: TestJob) => {
    await eventually(() => work.notes.includes('editing the timeline'), { everyMs: 2 });
  };

  it('waits for its end, and continues without doubt or another message (was: in doubt after every restart)', async () => {
    const { engine, server, restart, order, job } = await setUp({ speed: 100 });
    server.scripts.push(slow);
    const first = job({ workDir: 'w' });
    const ran = engine.run(order(), first.context);
    await untilItSpeaks(first);
    first.stop.abort({ kind: 'stopping' });
    await expect(ran).rejects.toMatchObject({ code: 'cancelled' });
    expect(first.records['message.1']).toMatchObject({ heard: true, reply: expect.stringContaining('Compressed') });
    const second = job({ workDir: 'w', resume: first.records });
    await restart().run(order(), second.context);
    expect(server.messages).toHaveLength(1);
    expect(second.doubts).toEqual([]);
    expect(second.facts['agent']).toContain('Compressed');
  });

  it('does not wait for an agent that takes minutes: the session then shows the outcome', async () => {
    const { engine, server, restart, order, job } = await setUp({ speed: 300 });
    server.scripts.push({ events: [{ call: 'edit_multitrack' }], end: 'hang', heartbeatMs: 20_000 });
    const first = job({ workDir: 'w' });
    const ran = engine.run(order(), first.context);
    await untilItSpeaks(first);
    const stoppedAt = server.clock.now();
    first.stop.abort({ kind: 'stopping' });
    await expect(ran).rejects.toMatchObject({ code: 'cancelled' });
    expect(server.clock.now() - stoppedAt).toBeGreaterThanOrEqual(60_000);
    expect(first.records['message.1']).not.toHaveProperty('heard');
    const second = job({ workDir: 'w', resume: first.records });
    await restart().run(order(), second.context);
    expect(second.doubts).toHaveLength(1);
    expect(server.messages).toHaveLength(1);
  });

  it('of a job a person cancelled nothing is waited for', async () => {
    const { engine, server, order, job } = await setUp({ speed: 1 });
    server.scripts.push({ events: [{ call: 'edit_multitrack' }], end: 'hang' });
    const work = job();
    const ran = engine.run(order(), work.context);
    await untilItSpeaks(work);
    work.stop.abort({ kind: 'cancelled' });
    await expect(ran).rejects.toMatchObject({ code: 'cancelled' });
  });
});

it('a message goes over a connection of its own: into one that is just being closed it would be in doubt', async () => {
  const { engine, server, order, job } = await setUp();
  await engine.run(order(), job().context);
  const [message] = server.requests.filter(({ path }) => path === SSE);
  const others = server.requests.filter(({ path }) => path !== SSE);
  expect(message?.port).toBeGreaterThan(0);
  expect(others.map(({ port }) => port)).not.toContain(message?.port);
  // Others do share theirs.
  expect(new Set(others.map(({ port }) => port)).size).toBeLessThan(others.length);
});

it('an upload that the state shows late is not taken for something the message did', async () => {
  const { engine, server, order, job } = await setUp({ speed: 1500 });
  server.fault({
    match: { path: /^\/api\/state/ },
    body: '{"code":0,"data":{"state":{"video_infos":[],"draft":null}}}',
  });
  server.scripts.push({ apply: false, events: [{ call: 'x' }], end: 'cut' });
  await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'unconfirmed' });
});

describe('a message that certainly was not taken', () => {
  const pause = { 'retry-after': '10' };
  it.each<[string, number, Omit<Fault, 'match'>]>([
    ['after a 429, once the pause is over', 10_000, { status: 429, body: '{"code":429}', headers: pause }],
    ['after a 429 that only the body speaks of', 10_000, { status: 200, body: '{"code":429}', headers: pause }],
    ['after a 429 that names no pause, in the body', 30_000, { status: 200, body: '{"code":429}' }],
    ['after a refused token', 0, { status: 401, body: '{"code":1001}' }],
  ])('is sent once more: %s', async (_, afterMs, fault) => {
    const { engine, server, order, job } = await setUp({ server: { oneTokenPerClient: false } });
    server.fault({ match: { path: SSE }, ...fault });
    const work = job();
    await engine.run(order(), work.context);
    const [first, second] = server.requests.filter(({ path }) => path === SSE);
    expect(server.count('POST', /run_sse/)).toBe(2);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(afterMs);
    expect(server.messages).toHaveLength(1);
    expect(work.doubts).toEqual([]);
  });

  it('is sent once more with a new token when the old one is refused inside the stream', async () => {
    const { engine, server, order, job } = await setUp({ server: { oneTokenPerClient: false } });
    server.scripts.push({ apply: false, events: [{ error: 'token expired', code: 1001 }] });
    const work = job();
    await engine.run(order(), work.context);
    expect(server.count('POST', /anonymous-token/)).toBe(2);
    expect(server.count('POST', /run_sse/)).toBe(2);
    expect(work.doubts).toEqual([]);
  });

  it('is not sent more than once more for that', async () => {
    const { engine, server, order, job } = await setUp({ server: { oneTokenPerClient: false } });
    for (let n = 0; n < 3; n += 1) server.scripts.push({ apply: false, events: [{ error: 'expired', code: 1001 }] });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'auth-expired' });
    expect(server.count('POST', /run_sse/)).toBe(2);
  });

  it('is sent later, when the service asks for a pause twice', async () => {
    const { engine, server, restart, order, job } = await setUp();
    server.fault({ match: { path: SSE }, times: 2, status: 429, body: '' });
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(), first.context)).rejects.toMatchObject({ code: 'rate-limited' });
    await restart().run(order(), job({ workDir: 'w', resume: first.records }).context);
    expect(server.messages).toHaveLength(1);
    expect(first.doubts).toEqual([]);
  });

  it('is sent later, when nobody was there to take it', async () => {
    const { engine, server, order, job } = await setUp();
    const first = job({ workDir: 'w' });
    const { context } = first;
    // The service goes away between the upload and the message.
    const record = context.record;
    const away: typeof record = async (key, value) => {
      await record(key, value);
      if (key === 'message.1') await server.stop();
    };
    await expect(engine.run(order(), { ...context, record: away })).rejects.toMatchObject({ code: 'unreachable' });
    expect(first.doubts).toEqual([]);
    expect(first.records['message.1']).toMatchObject({ outcome: 'refused' });
  });
});
