/**
 * Fifty files wait while the service refuses everything for minutes: how they get through after that, in a shared time that runs
 * hundreds of times as fast. The queue, its backoff, the limiter and the engine are the real ones.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
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
  const rest = new AfterRest({ ledger, stages, log: silentLogger });
  const worker = new JobWorker({ ledger, stages, afterRest: id => rest.cleanUp(id), clock, log: silentLogger });
  const scheduler = new Scheduler({
    ...{ ledger, worker, clock, log: silentLogger, slots: { local: 1, nemo: SLOTS } },
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
  const done = () => [...ledger.all()].filter(({ state }) => state.name === 'done').length;
  await eventually(() => done() === FILES, { withinMs: 150_000, everyMs: 20 });
  await scheduler.stop();
  const from = began + MINUTE;
  const until = from + storm.forMs;
  const during = service.requests.filter(({ at }) => at >= from && at < until);
  const finished = [...ledger.all()].map(({ id, updatedAt }) => ({ id, at: updatedAt }));
  const order = finished.toSorted((a, b) => a.at - b.at).map(({ id }) => Number(id.slice(1)));
  return {
    during: during.length,
    messages: service.messages.length,
    renders: service.renders.size,
    /** How many places a file ended away from its place in line, at most. */
    displaced: Math.max(...order.map((n, place) => Math.abs(n - place))),
  };
}

it.each<[string, Storm, number | undefined]>([
  ['ten minutes of 503', { status: 503, forMs: 10 * MINUTE }, undefined],
  ['five minutes of 429 without a time', { status: 429, forMs: 5 * MINUTE }, undefined],
  [
    'five minutes of 429 that say when they end',
    { status: 429, forMs: 5 * MINUTE, retryAfter: 'when-it-ends' },
    undefined,
  ],
  ['forty minutes of 502', { status: 502, forMs: 40 * MINUTE }, undefined],
  ['five minutes of 503 before a service that takes 60 requests a minute', { status: 503, forMs: 5 * MINUTE }, 60],
])('fifty files get through after %s', async (_, storm, perMinute) => {
  const outcome = await weather(storm, perMinute);
  expect(outcome.messages).toBe(FILES);
  expect(outcome.renders).toBe(FILES);
  // A service that is down is left alone, more and more.
  expect(outcome.during).toBeLessThan(40 + 12 * (storm.forMs / MINUTE));
  // The line stays a line: only those under way or in a wait when it began lose their place.
  expect(outcome.displaced).toBeLessThan(FILES / 2);
});
