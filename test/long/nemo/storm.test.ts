/**
 * Fifty files wait while the service refuses everything for minutes: how they get through after that, in a shared time that runs
 * hundreds of times as fast. The queue, its backoff, the limiter and the engine are the real ones.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { StateName } from '../../../src/core/job.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { AfterRest } from '../../../src/queue/after-rest.ts';
import { Ledger } from '../../../src/queue/ledger.ts';
import { Scheduler } from '../../../src/queue/scheduler.ts';
import { JobWorker } from '../../../src/queue/worker.ts';
import { MINUTE, setUp } from '../../engine/nemo/support.ts';
import { aDecision, aPin } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeStages } from '../../support/fake-stages.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import type { Storm } from '../../support/nemo-server/storms.ts';

vi.setConfig({ testTimeout: 200_000 });

const FILES = 50;
const SLOTS = 4;

/** The real queue before the real engine, and fifty files in line. */
async function fiftyFiles(perMinute?: number) {
  const server = {
    renderMs: 30_000,
    ...(perMinute === undefined ? {} : { requestsPerMinute: perMinute, retryAfter: 'none' as const }),
  };
  const { server: service, engine, dir, source } = await setUp({ speed: 400, server });
  const { clock } = service;
  const ledger = new Ledger(new MemoryJournal(), clock);
  const stages = new FakeStages();
  stages.engines = { nemo: engine };
  stages.decide = job => job.decision;
  stages.openWorkDir = async id => {
    mkdirSync(join(dir, id), { recursive: true });
    return join(dir, id);
  };
  const rest = new AfterRest({ ledger, stages, clock, log: silentLogger });
  const worker = new JobWorker({ ledger, stages, afterRest: id => rest.cleanUp(id), clock, log: silentLogger });
  const scheduler = new Scheduler({
    ...{ ledger, worker, clock, log: silentLogger, slots: { local: 1, nemo: SLOTS, fleet: 1 } },
    onFatal: error => {
      throw error;
    },
    onProgress: () => {},
  });
  for (let n = 0; n < FILES; n += 1) {
    const id = `f${String(n).padStart(2, '0')}`;
    const pin = aPin({ ino: String(n), sizeBytes: 5000 });
    const decision = aDecision({
      engine: 'nemo',
      target: { size: { kind: 'bytes', bytes: 4000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
    });
    const file = {
      arrival: ledger.nextArrival(),
      inbox: '/in',
      path: source,
      relative: id,
      pin,
      fingerprint: id,
      version: 1,
      decision,
    };
    const job = await ledger.commit(id, { event: 'admitted', data: file });
    if (job) scheduler.consider(job);
  }
  return { service, clock, ledger, scheduler };
}

/** What happened: counts only, since a busy machine stretches the shared time. */
async function weather(storm: Storm, perMinute?: number) {
  const { service, clock, ledger, scheduler } = await fiftyFiles(perMinute);
  // The first files are under way by then.
  clock.after(MINUTE, () => service.storm(storm));
  const began = clock.now();
  scheduler.start();
  const resting = (...names: StateName[]) => [...ledger.all()].filter(({ state }) => names.includes(state.name));
  await eventually(() => resting('done', 'held').length === FILES, { withinMs: 150_000, everyMs: 20 });
  await scheduler.stop();
  const from = began + MINUTE;
  const until = from + storm.forMs;
  const during = service.requests.filter(({ at }) => at >= from && at < until);
  const finished = resting('done').toSorted((a, b) => a.updatedAt - b.updatedAt);
  const line = finished.map(({ id }) => id).toSorted();
  return {
    during: during.length,
    messages: service.messages.length,
    renders: service.renders.size,
    held: resting('held').map(({ state }) => ('reason' in state ? state.reason.code : '')),
    /** By how many places a file ended behind its place in line, at most. */
    overtaken: Math.max(...finished.map(({ id }, place) => place - line.indexOf(id))),
  };
}

/** One file asks again after 30 s, 60 s, 120 s, ...: so many times while it lasts. */
const attempts = ({ forMs }: Storm) => Math.ceil(1 + Math.log2(1 + forMs / 30_000));

it.each<[string, Storm, number | undefined]>([
  ['ten minutes of 503', { status: 503, forMs: 10 * MINUTE }, undefined],
  ['five minutes of 429 without a time', { status: 429, forMs: 5 * MINUTE }, undefined],
  [
    'five minutes of 429 that say when they end',
    { status: 429, forMs: 5 * MINUTE, retryAfter: 'when-it-ends' },
    undefined,
  ],
  [
    'five minutes of 200 whose body says 429',
    { status: 200, forMs: 5 * MINUTE, body: '{"code":429,"message":"too many requests"}' },
    undefined,
  ],
  ['forty minutes of 502', { status: 502, forMs: 40 * MINUTE }, undefined],
  ['five minutes of 503 before a service that takes 60 requests a minute', { status: 503, forMs: 5 * MINUTE }, 60],
])('fifty files get through after %s', async (_, storm, perMinute) => {
  const { during, messages, renders, held, overtaken } = await weather(storm, perMinute);
  const isLimit = storm.status < 500;
  // A 5xx leaves open whether a message was taken: one that was on its way when the storm began may be held for a person.
  expect(held.length).toBeLessThanOrEqual(isLimit ? 0 : SLOTS);
  expect(held.every(code => code === 'unconfirmed')).toBe(true);
  expect(messages).toBe(FILES - held.length);
  expect(renders).toBe(FILES - held.length);
  // All wait for the same 429. A service that is down is asked on behalf of each file, ever less often, and about each render.
  const most = isLimit ? 2 * SLOTS + attempts(storm) : 3 * FILES * attempts(storm) + (2 * SLOTS * storm.forMs) / MINUTE;
  expect(during).toBeLessThanOrEqual(most);
  // The line stays a line: whoever was in a wait when the others went on is let in again at once.
  expect(overtaken).toBeLessThanOrEqual(3 * SLOTS);
});
