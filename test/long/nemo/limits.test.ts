import PQueue from 'p-queue';
import { describe, expect, it } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import type { Candidate } from '../../../src/core/job.ts';
import type { EngineContext } from '../../../src/engine/engine.ts';
import { sleep } from '../../../src/platform/clock.ts';
import { createLogger } from '../../../src/platform/log.ts';
import { eventually } from '../../support/eventually.ts';
import { type SetUp, setUp, MINUTE } from '../../engine/nemo/support.ts';

/** What the queue does with a job: as many at once as there are slots, and back into the line when told to wait. */
async function runAll(stand: SetUp, count: number, slots: number): Promise<Candidate[]> {
  const queue = new PQueue({ concurrency: slots });
  const done: Candidate[] = [];
  const one = async (n: number) => {
    let records = {};
    for (;;) {
      const work = stand.job({ workDir: `w${n}`, resume: records });
      try {
        done.push(await stand.engine.run(stand.order({ job: `job${n}` }), work.context));
        return;
      } catch (error) {
        if (!isShrinkError(error, 'rate-limited', 'unreachable')) throw error;
        records = work.records;
        await sleep(stand.server.clock, error.retryAfterMs ?? 30_000);
      }
    }
  };
  await queue.addAll(Array.from({ length: count }, (_, n) => () => one(n)));
  return done;
}

/** So many that a probe of the limit that four jobs run into together is well below 2 % of what they ask. */
const JOBS = 60;

describe('against a service that allows so many requests a minute', () => {
  it.each([
    { name: 'that it has to find out', perMinute: undefined, retryAfter: 'seconds' as const },
    { name: 'that it has to find out, told as a date', perMinute: undefined, retryAfter: 'date' as const },
    { name: 'that is configured', perMinute: 60, retryAfter: 'seconds' as const },
  ])('every job gets through, and hardly a request is refused: $name', async ({ perMinute, retryAfter }) => {
    const stand = await setUp({
      speed: 300,
      server: { requestsPerMinute: 60, retryAfter },
      engine: { limits: { requestsPerMinute: perMinute } },
    });
    const began = stand.server.clock.now();
    const done = await runAll(stand, JOBS, 4);
    const { requests } = stand.server;
    const late = requests.filter(({ at }) => at - began > MINUTE);
    const refused = late.filter(({ status }) => status === 429);
    expect(done).toHaveLength(JOBS);
    expect(stand.server.messages).toHaveLength(JOBS);
    expect(stand.server.renders.size).toBe(JOBS);
    expect(refused.length / late.length).toBeLessThanOrEqual(0.02);
    if (perMinute) expect(requests.filter(({ status }) => status === 429)).toEqual([]);
  });

  it('waits out a storm of refusals together: nothing is sent while the service asks for a pause', async () => {
    const stand = await setUp({ speed: 300 });
    await stand.engine.credits(new AbortController().signal);
    const from = stand.server.clock.now();
    stand.server.fault({ match: {}, times: 6, status: 429, body: '{"code":429}' });
    const done = await runAll(stand, 8, 4);
    expect(done).toHaveLength(8);
    expect(stand.server.messages).toHaveLength(8);
    // Those that are on their way together are refused together; then nothing is sent before half a minute is over.
    const { requests } = stand.server;
    const refused = requests.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(6);
    const since = requests.map(({ at }) => at - (refused[0]?.at ?? 0));
    expect(since.filter(ms => ms > 20_000 && ms < 30_000)).toEqual([]);
    expect((refused.at(-1)?.at ?? 0) - from).toBeGreaterThan(30_000);
  });

  it('has no more uploads at once than configured', async () => {
    const stand = await setUp({ speed: 50, engine: { limits: { uploads: 2 } }, content: Buffer.alloc(2_000_000) });
    stand.server.fault({ match: { path: '/api/upload-video' }, times: 99, delayMs: 2000 });
    let most = 0;
    const watch = setInterval(() => {
      const open = stand.server.requests.filter(
        ({ path, status }) => path.startsWith('/api/upload-video') && status === 0,
      );
      most = Math.max(most, open.length);
    }, 5);
    const target = { audio: { kind: 'keep' as const }, quality: 'auto' as const, minSaving: 0 };
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map(name => stand.engine.run(stand.order({ job: name, target }), stand.job().context)),
    );
    clearInterval(watch);
    expect(most).toBe(2);
  });
});

it('every job held up by a 429 without a time says when it asks again, as do the engine and the log (was: opening a session)', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'json', stream: { write: line => void lines.push(line) } });
  const stand = await setUp({ speed: 300, engine: { log } });
  await stand.engine.credits(new AbortController().signal);
  stand.server.fault({ match: {}, times: 1, status: 429, body: '{"code":429}' });
  const held = new Map<number, string>();
  const isOver: boolean[] = [];
  const work = [1, 2, 3].map(async n => {
    const { context } = stand.job({ workDir: `w${n}` });
    const progress: EngineContext['progress'] = news => {
      context.progress(news);
      if (news.held?.note) held.set(n, news.held.note);
      else if ('held' in news) isOver.push(stand.engine.paused() === undefined);
    };
    return stand.engine.run(stand.order({ job: `job${n}` }), { ...context, progress });
  });
  await eventually(() => {
    expect(held.size).toBe(3);
    expect(stand.engine.paused()?.why.text).toMatch(/does not say for how long; asking again at \d\d:\d\d:\d\d$/);
    return true;
  });
  expect([...held.values()].join()).toMatch(
    /^(asking again at [\d:]{8}; waiting for the limit of the service \(HTTP 429\),?){3}$/,
  );
  await Promise.all(work);
  expect(isOver).toEqual(expect.arrayContaining([true]));
  expect(lines.filter(line => line.includes('asking again at'))).toHaveLength(1);
});
