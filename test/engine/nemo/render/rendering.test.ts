import { describe, expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.ts';
import type { Fault } from '../../../support/nemo-server/faults.ts';
import { setUp, MINUTE, sameBytes } from '../support.ts';

const SUBMIT = /\/lambda$/;

const POLL = /\/lambda\/render_/;

describe('a render', () => {
  it('is asked about every half minute, with a little jitter, under one id', async () => {
    const { engine, server, order, job } = await setUp();
    server.holdRenders = true;
    const ran = engine.run(order(), job().context);
    await eventually(() => server.count('GET', POLL) >= 4, { everyMs: 5 });
    server.finishRenders();
    await ran;
    const polls = server.requests.filter(({ path }) => POLL.test(path));
    // One poll may arrive late and the next one in time: on average they keep their distance.
    expect(((polls.at(-1)?.at ?? 0) - (polls[0]?.at ?? 0)) / (polls.length - 1)).toBeGreaterThanOrEqual(28_000);
    expect(server.renders.size).toBe(1);
  });

  it.each<[string, Omit<Fault, 'match'>]>([
    ['no answer', { hangUp: 'before' }],
    ['an answer cut short', { hangUp: { atByte: 10 } }],
    ['408', { status: 408, body: '' }],
    ['429', { status: 429, body: '', headers: { 'retry-after': '5' } }],
    ['502 with a web page', { status: 502, body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['garbage', { garbage: true }],
    ['a web page', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['not found, so soon', { status: 404, body: '{"detail":"render not found"}' }],
  ])('is not given up because of trouble on the way: %s', async (_, fault) => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: POLL }, times: 3, ...fault });
    await engine.run(order(), job().context);
    expect(server.renders.size).toBe(1);
  });

  it('that failed is asked for once more under a new id', async () => {
    const { engine, server, order, job } = await setUp();
    server.failRenders = 1;
    await engine.run(order(), job().context);
    expect([...server.renders.values()].map(({ status }) => status)).toEqual(['failed', 'completed']);
    expect(server.messages).toHaveLength(1);
  });

  it('that failed twice is for a person, and costs nothing when they try again', async () => {
    const { engine, server, restart, order, job } = await setUp();
    server.failRenders = 2;
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(), first.context)).rejects.toMatchObject({
      code: 'render-failed',
      message: expect.stringContaining('lambda ran out of memory'),
    });
    await expect(restart().run(order(), job({ workDir: 'w', resume: first.records }).context)).rejects.toMatchObject({
      code: 'render-failed',
    });
    expect(server.renders.size).toBe(2);
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: first.records }).context);
    expect(server.messages).toHaveLength(1);
    expect(server.renders.size).toBe(3);
  });

  it('that fails in words of an envelope has failed', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: POLL }, body: '{"success":false,"error":"composition failed"}' });
    await engine.run(order(), job().context);
    expect(server.renders.size).toBe(2);
  });

  it('that the service forgot is asked for again', async () => {
    const { engine, server, order, job } = await setUp({ server: { renderMs: 5 * MINUTE } });
    server.fault({ match: { path: POLL }, nth: 2, times: 4, status: 404, body: '{"detail":"render not found"}' });
    const ran = engine.run(order(), job().context);
    await ran;
    expect(server.renders.size).toBe(2);
    expect(server.messages).toHaveLength(1);
  });

  it('rejected by a check is rendered again when a person retries, without another message', async () => {
    const { engine, server, restart, order, job } = await setUp();
    const first = job({ workDir: 'w' });
    const before = await engine.run(order(), first.context);
    const again = await restart().run(order(), job({ workDir: 'w', resume: first.records }).context);
    expect(again.path).toBe(before.path);
    expect(server.renders.size).toBe(1);
    const asked = job({ workDir: 'w', resume: first.records });
    const after = await restart().run(order({ retryCount: 1 }), asked.context);
    expect(server.renders.size).toBe(2);
    expect(await sameBytes(after.path, [...server.renders.values()][1]?.path)).toBe(true);
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: asked.records }).context);
    expect(server.renders.size).toBe(2);
    expect(server.messages).toHaveLength(1);
  });

  it('keeps its id where the download, not the render, was at fault (was: rendered again)', async () => {
    const { engine, server, restart, order, job } = await setUp();
    // As long as the real one, and begun like it.
    server.fetchFaults.add({
      match: { path: RESULT },
      body: `\0\0\u0008\0ftypisom${'x'.repeat(2036)}`,
      headers: { 'content-type': 'video/mp4' },
    });
    const first = job({ workDir: 'w' });
    const spoiled = await engine.run(order(), first.context);
    expect(spoiled.bytes).toBe(2048);
    const again = await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: first.records }).context);
    expect(server.renders.size).toBe(1);
    expect(server.fetches).toHaveLength(2);
    expect(await sameBytes(again.path, [...server.renders.values()][0]?.path)).toBe(true);
  });

  it('rendered again is rendered once, wherever shrinkbox is killed meanwhile (was: one more at every start)', async () => {
    for (let n = 1; ; n += 1) {
      const { engine, server, restart, order, job } = await setUp({ speed: 1500 });
      const first = job({ workDir: 'w' });
      await engine.run(order(), first.context);
      const killed = job({ workDir: 'w', resume: first.records, dieAfter: n });
      const died = await restart()
        .run(order({ retryCount: 1 }), killed.context)
        .then(
          () => false,
          () => true,
        );
      const { path } = await restart().run(
        order({ retryCount: 1 }),
        job({ workDir: 'w', resume: killed.records }).context,
      );
      const where = `killed after ${killed.journal.at(-1)}`;
      expect(server.renders.size, where).toBe(2);
      expect(server.messages, where).toHaveLength(1);
      expect(await sameBytes(path, [...server.renders.values()][1]?.path), where).toBe(true);
      if (!died) break;
      expect(n).toBeLessThan(50);
    }
  });

  it('that is done but withheld is fetched again when a person retries, and then rendered again (was: held for ever)', async () => {
    const { engine, server, restart, order, job } = await setUp();
    const first = job({ workDir: 'w' });
    const ran = engine.run(order(), first.context);
    await eventually(() => server.renders.size > 0, { everyMs: 1 });
    const [id] = server.renders.keys();
    server.fetchFaults.add({ match: { path: new RegExp(`${id}`) }, times: 99, status: 404, body: '' });
    await expect(ran).rejects.toMatchObject({ code: 'bad-answer', hint: expect.stringContaining('kept') });
    // Was: no word of the 404 or of who said it.
    await expect(ran).rejects.toThrow(/does not provide the file \([\w.]+:\d+: HTTP 404\)/);
    await expect(restart().run(order(), job({ workDir: 'w', resume: first.records }).context)).rejects.toMatchObject({
      code: 'bad-answer',
    });
    expect(server.renders.size).toBe(1);
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: first.records }).context);
    expect(server.renders.size).toBe(2);
    expect(server.messages).toHaveLength(1);
  });

  it('that the service takes back after it was done is asked for once more', async () => {
    const { engine, server, order, job } = await setUp();
    server.resultUrl = () => undefined;
    const ran = engine.run(order(), job().context);
    await eventually(() => server.renders.size > 0, { everyMs: 1 });
    const [render] = server.renders.values();
    await eventually(() => (render?.polls ?? 0) > 0, { everyMs: 1 });
    server.resultUrl = undefined;
    Object.assign(render ?? {}, { status: 'failed', error: 'the bucket was lost' });
    await ran;
    expect(server.renders.size).toBe(2);
    expect(server.messages).toHaveLength(1);
  });

  it('longer than the limit is held with its id kept, and taken up again from there', async () => {
    const { engine, server, restart, order, job } = await setUp({ speed: 3000 });
    server.holdRenders = true;
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(), first.context)).rejects.toMatchObject({
      code: 'still-rendering',
      hint: expect.stringContaining('same render'),
    });
    const second = job({ workDir: 'w', resume: first.records });
    await expect(restart().run(order(), second.context)).rejects.toMatchObject({ code: 'still-rendering' });
    server.finishRenders();
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: second.records }).context);
    expect(server.renders.size).toBe(1);
    expect(server.messages).toHaveLength(1);
  });

  it('with an id that is taken gets another one', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: SUBMIT }, status: 409, body: '{"success":false,"error":"duplicate id"}' });
    await engine.run(order(), job().context);
    const ids = server.requests
      .filter(({ path }) => SUBMIT.test(path))
      .map(({ body }) => (JSON.parse(body || '{"id":0}') as { id: string }).id);
    expect(ids).toHaveLength(2);
  });

  it('under the id the service gave is asked about under that id', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({
      match: { path: SUBMIT },
      carryOut: true,
      body: '{"success":true,"data":{"render_id":"other-1","status":"pending"}}',
    });
    server.fault({
      match: { path: '/api/render/proxy/lambda/other-1' },
      times: 9,
      body: '{"success":true,"data":{"status":"failed","error":"x"}}',
    });
    await engine.run(order(), job().context);
    expect(server.count('GET', /other-1$/)).toBe(1);
  });

  it('blocked by the plan stops the engine, not just the job, and speaks of the plan', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: SUBMIT }, status: 402, body: '{"detail":"export requires account"}' });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'plan-blocked',
      hint: expect.stringContaining('Register or upgrade your plan to unlock export'),
    });
  });

  it('of an empty timeline is not asked for', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ apply: false, say: 'I looked at the file.' });
    const ran = engine.run(order(), job().context);
    const [session] = await waitForSession(server);
    if (session) session.draft = '{"t":[{"tt":0,"sg":[]}]}';
    await expect(ran).rejects.toMatchObject({ code: 'cannot-do', message: expect.stringMatching(/nothing/) });
    expect(server.renders.size).toBe(0);
  });
});

async function waitForSession(server: Awaited<ReturnType<typeof setUp>>['server']) {
  await eventually(() => server.messages.length > 0, { everyMs: 2 });
  return [...server.sessions.values()];
}

const RESULT = /render-result/;
