/** The service is away for an hour, from any moment of a job on: what only time can mend is waited for, and nothing is paid twice. */
import { describe, expect, it } from 'vitest';
import { adviceFor, backoffMs, isShrinkError } from '../../../src/core/errors.ts';
import type { Candidate, Order } from '../../../src/core/job.ts';
import { sleep } from '../../../src/platform/clock.ts';
import { type SetUp, setUp, MINUTE, sameBytes } from '../../engine/nemo/support.ts';

const HOUR = 60 * MINUTE;

/** From the first request that matches on (its answer included) nobody answers for an hour, at either host. */
function goesAway({ server }: SetUp, from: RegExp): { since(): number } {
  let since = Number.POSITIVE_INFINITY;
  for (const faults of [server.faults, server.fetchFaults]) {
    const usual = faults.take.bind(faults);
    faults.take = (method, path) => {
      const now = server.clock.now();
      if (since > now && from.test(`${method} ${path}`)) since = now;
      return now < since + HOUR && now >= since ? { match: {}, hangUp: 'before' } : usual(method, path);
    };
  }
  return { since: () => since };
}

/** Runs a job as the queue does: back into the line where only time can help, out of it where a person has to act. */
async function asTheQueue(stand: SetUp, changes: Partial<Order> = {}, resume = {}) {
  let records = resume;
  for (let waits = 0; ; waits += 1) {
    const work = stand.job({ workDir: 'w', resume: records });
    const ended: Candidate | unknown = await stand.engine.run(stand.order(changes), work.context).catch(error => error);
    records = work.records;
    if (!(ended instanceof Error)) return { candidate: ended as Candidate, records };
    if (!isShrinkError(ended)) throw ended;
    const advice = adviceFor(ended.code);
    if (advice.kind !== 'wait') return { held: ended, records };
    await sleep(stand.server.clock, ended.retryAfterMs ?? backoffMs(advice, waits));
  }
}

describe('a service that is away for an hour', () => {
  it.each([
    ['before a token is had', /anonymous-token/],
    ['before there is a session', /with-session/],
    ['at the upload', /upload-video/],
    ['before the instruction is sent', /GET .*\/state/],
    ['at the render', /POST .*lambda$/],
    // Was: held after half an hour as a render that never ends, though nobody could be asked.
    ['while it renders', /GET .*lambda\/render/],
    ['at the download', /render-result/],
  ])('%s: the job is done after that, with one upload, one message and one render', async (_, from) => {
    const stand = await setUp({ speed: 2000 });
    const { server } = stand;
    const { since } = goesAway(stand, from);
    const { candidate, held } = await asTheQueue(stand);
    expect(held).toBeUndefined();
    expect(server.clock.now() - since()).toBeGreaterThan(HOUR);
    expect(server.messages).toHaveLength(1);
    expect(server.renders.size).toBe(1);
    expect([...server.sessions.values()].flatMap(({ files }) => files)).toHaveLength(1);
    expect(await sameBytes(candidate?.path ?? '', [...server.renders.values()][0]?.path)).toBe(true);
  });

  it('with a message under way: nothing is sent again before a person says so', async () => {
    const stand = await setUp({ speed: 2000 });
    goesAway(stand, /run_sse/);
    const { held, records } = await asTheQueue(stand);
    expect(held).toMatchObject({ code: 'unconfirmed' });
    expect(stand.server.count('POST', /run_sse/)).toBe(1);
    const { candidate } = await asTheQueue(stand, { retryCount: 1 }, records);
    expect(candidate?.bytes).toBe(2048);
    expect(stand.server.messages).toHaveLength(1);
  });

  it('is not asked more often than once a minute meanwhile', async () => {
    const stand = await setUp({ speed: 1000 });
    const { since } = goesAway(stand, /with-session/);
    await asTheQueue(stand);
    const asked = stand.server.requests.filter(({ at }) => at >= since() && at < since() + HOUR);
    expect(asked.length).toBeLessThan(60);
  });

  it('a render that is not done when it is back is given its whole time again', async () => {
    const stand = await setUp({ speed: 2000 });
    const { server } = stand;
    server.holdRenders = true;
    const { since } = goesAway(stand, /GET .*lambda\/render/);
    server.clock.after(80 * MINUTE, () => server.finishRenders());
    const { candidate } = await asTheQueue(stand);
    expect(candidate?.bytes).toBe(2048);
    expect(server.clock.now() - since()).toBeGreaterThan(HOUR);
    expect(server.renders.size).toBe(1);
  });
});
