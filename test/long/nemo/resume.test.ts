import { describe, expect, it } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import type { Candidate } from '../../../src/core/job.ts';
import type { NemoEngine } from '../../../src/engine/nemo/engine.ts';
import type { NemoServerOptions } from '../../support/nemo-server/server.ts';
import { type SetUp, setUp, Killed, type TestJob, sameBytes } from '../../engine/nemo/support.ts';

/** Runs a job that is killed after its n-th journal record, restarts it, and asks again as a person would where it is held. */
async function killedAfter(
  stand: SetUp,
  n: number,
  lost = false,
): Promise<{ first: TestJob; candidate: Candidate; asked: number }> {
  const first = stand.job({ workDir: 'w', dieAfter: n, lost });
  const died = await stand
    .restart()
    .run(stand.order(), first.context)
    .then(
      () => false,
      (error: unknown) => error instanceof Killed || isShrinkError(error, 'cancelled'),
    );
  if (!died) throw new Error(`it was not killed at record ${n}`);
  let records = first.records;
  for (let asked = 0; asked < 3; asked += 1) {
    const work = stand.job({ workDir: 'w', resume: records });
    try {
      return { first, candidate: await stand.restart().run(stand.order({ retryCount: asked }), work.context), asked };
    } catch (error) {
      if (!isShrinkError(error, 'unconfirmed')) throw error;
      records = work.records;
    }
  }
  throw new Error('asking again did not help');
}

async function recordsOf(engine: NemoEngine, stand: SetUp): Promise<string[]> {
  const whole = stand.job();
  await engine.run(stand.order(), whole.context);
  return whole.journal;
}

describe('a job killed after any of its journal records', () => {
  it.each<[string, NemoServerOptions]>([
    ['shape A', { shape: 'A' }],
    ['shape B, silent for the ids', { shape: 'B', numericIds: true }],
  ])('goes on with one message, one render and the same bytes (%s)', async (_, options) => {
    const whole = await setUp({ speed: 1500, server: options });
    const journal = await recordsOf(whole.engine, whole);
    expect(journal.length).toBeGreaterThan(15);
    for (let n = 1; n <= journal.length; n += 1) {
      const stand = await setUp({ speed: 1500, server: options });
      const { server } = stand;
      const { first, candidate, asked } = await killedAfter(stand, n);
      const where = `killed after ${first.journal.at(-1)} (${n} of ${journal.length})`;
      const after = [...server.sessions.values()].filter(session => session.messages.length > 0);
      expect(
        after.map(session => session.messages.length),
        where,
      ).toEqual([1]);
      expect(server.renders.size, where).toBe(1);
      expect(await sameBytes(candidate.path, [...server.renders.values()][0]?.path), where).toBe(true);
      if (first.journal.includes('checkpoint:result.1')) expect(server.fetches.length, where).toBe(1);
      // Only between the intent and the reply nobody can know: there, and nowhere else, a person is asked.
      const message = first.records['message.1'] as object | undefined;
      const isUnknown = message && !('outcome' in message) && !('heard' in message);
      expect(asked, where).toBe(first.journal.at(-1) === 'checkpoint:message.1' && isUnknown ? 1 : 0);
    }
  });

  it('continues when the record itself was lost: the session shows its outcome', async () => {
    const whole = await setUp({ speed: 1500 });
    const journal = await recordsOf(whole.engine, whole);
    for (let n = 1; n <= journal.length; n += 1) {
      if (!journal[n - 1]?.startsWith('checkpoint:')) continue;
      const stand = await setUp({ speed: 1500 });
      const { server } = stand;
      const { first, candidate, asked } = await killedAfter(stand, n, true);
      const where = `killed before ${first.journal.at(-1)} (${n} of ${journal.length}) was kept`;
      const sessions = [...server.sessions.values()];
      // At worst an empty session is left, which costs nothing.
      const used = sessions.filter(({ messages }) => messages.length > 0);
      expect(
        used.map(({ messages, files }) => [messages.length, files.length]),
        where,
      ).toEqual([[1, 1]]);
      expect(server.renders.size, where).toBe(1);
      expect(server.count('POST', /lambda$/), where).toBe(1);
      expect(asked, where).toBe(0);
      expect(await sameBytes(candidate.path, [...server.renders.values()][0]?.path), where).toBe(true);
    }
  });

  it('continues with the follow-up on size as well', async () => {
    const scripted = (stand: SetUp) => stand.server.scripts.push({ oversize: true });
    const whole = await setUp({ speed: 1500 });
    scripted(whole);
    const journal = await recordsOf(whole.engine, whole);
    const from = journal.indexOf('checkpoint:result.1');
    expect(from).toBeGreaterThan(0);
    for (let n = from + 1; n <= journal.length; n += 1) {
      const stand = await setUp({ speed: 1500 });
      scripted(stand);
      const { first, candidate } = await killedAfter(stand, n);
      const where = `killed after ${first.journal.at(-1)} (${n} of ${journal.length})`;
      expect(stand.server.messages, where).toHaveLength(2);
      expect(stand.server.renders.size, where).toBe(2);
      expect(candidate.bytes, where).toBeLessThanOrEqual(4000);
    }
  });
});

describe('a service killed half-way through an answer', () => {
  it.each([
    '/api/tasks',
    '/api/upload-video',
    '/api/state',
    '/run_sse',
    '/api/render/proxy/lambda',
    '/api/auth/claim-token',
  ])('does not make %s happen twice in effect', async path => {
    const stand = await setUp({ speed: 1500 });
    stand.server.fault({ match: { path }, hangUp: 'after' });
    const work = stand.job({ workDir: 'w' });
    let candidate: Candidate | undefined;
    let records = work.records;
    for (let tries = 0; tries < 3 && !candidate; tries += 1) {
      const job = tries === 0 ? work : stand.job({ workDir: 'w', resume: records });
      candidate = await stand.engine.run(stand.order(), job.context).catch(error => {
        if (!isShrinkError(error, 'unreachable')) throw error;
        records = job.records;
        return undefined;
      });
    }
    expect(candidate?.bytes).toBe(2048);
    expect(stand.server.messages).toHaveLength(1);
    expect(stand.server.renders.size).toBe(1);
    expect([...stand.server.sessions.values()].flatMap(session => session.files)).toHaveLength(1);
  });
});
