import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import perfHooks from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DiskMeter, type DiskPath } from '../../src/monitor/disk-space.ts';
import { Metrics } from '../../src/monitor/metrics.ts';
import { type Files, nodeFiles } from '../../src/platform/files/files.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { stepLabel } from '../../src/core/steps.ts';
import { aDecision, aPin, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { aWorker, FakeControl } from '../support/fake-control.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

let clock: FakeClock;
let ledger: Ledger;
let metrics: Metrics;
const PLACES: DiskPath[] = [{ path: tmpdir(), labels: { place: 'inbox', folder: '0' } }];

const admitted = (relative: string, engine: 'local' | 'nemo' = 'local'): JobEvent => ({
  event: 'admitted',
  data: {
    arrival: 1,
    inbox: '/home/kim/secret inbox',
    path: `/home/kim/secret inbox/${relative}`,
    relative,
    pin: aPin(),
    fingerprint: relative,
    version: 1,
    decision: aDecision({ engine }),
  },
});

function create(): Metrics {
  return new Metrics({
    version: '1.2.3',
    clock,
    files: nodeFiles,
    ledger,
    journal: { fsyncStats: () => ({ count: 7, totalMs: 70, lastMs: 12, pendingMs: 0 }), size: 4096 },
    places: () => PLACES,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  ledger = new Ledger(new MemoryJournal(), clock);
  metrics = create();
});
afterEach(() => metrics.close());

/** Value of a series, written as Prometheus shows it. */
async function valueOf(series: string, control = new FakeControl()): Promise<number | undefined> {
  const { text } = await metrics.render(control.status());
  const line = text.split('\n').find(each => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('jobs', () => {
  it('are counted by state and engine, as they change and as they were at the start', async () => {
    await ledger.commit('a', admitted('a.mp4'));
    await ledger.commit('b', admitted('b.mp4', 'nemo'), { event: 'failed', data: { reason: REASON } });
    expect(await valueOf('shrinkbox_jobs{state="queued",engine="local"}')).toBe(1);
    expect(await valueOf('shrinkbox_jobs{state="failed",engine="nemo"}')).toBe(1);
    await ledger.commit('a', ...TO_DONE);
    await ledger.commit('b', { event: 'forgotten', data: { by: 'a person' } });
    expect(await valueOf('shrinkbox_jobs{state="queued",engine="local"}')).toBe(0);
    expect(await valueOf('shrinkbox_jobs{state="done",engine="local"}')).toBe(1);
    expect(await valueOf('shrinkbox_jobs{state="failed",engine="nemo"}')).toBe(0);
    metrics.close();
    metrics = create();
    expect(await valueOf('shrinkbox_jobs{state="done",engine="local"}')).toBe(1);
  });

  it('done bring bytes in, out and saved', async () => {
    await ledger.commit('a', admitted('a.mp4'), ...TO_DONE);
    expect(await valueOf('shrinkbox_source_bytes_total{engine="local"}')).toBe(1_000_000);
    expect(await valueOf('shrinkbox_output_bytes_total{engine="local"}')).toBe(400_000);
    expect(await valueOf('shrinkbox_saved_bytes_total{engine="local"}')).toBe(600_000);
    expect(await valueOf('shrinkbox_done_saved_bytes')).toBe(600_000);
    expect(await valueOf('shrinkbox_job_ends_total{state="done",engine="local"}')).toBe(1);
  });

  it('have the time of each step measured, and their age in the queue', async () => {
    await ledger.commit('a', admitted('a.mp4'));
    await clock.advance(90_000);
    expect(await valueOf('shrinkbox_queue_age_seconds')).toBe(90);
    await ledger.commit('a', { event: 'started', data: { engine: 'local', step: 'pass 1 of 2' } });
    expect(await valueOf('shrinkbox_queue_age_seconds')).toBe(0);
    await clock.advance(10_000);
    await ledger.commit('a', { event: 'step', data: { engine: 'local', step: 'pass 2 of 2' } });
    await clock.advance(20_000);
    await ledger.commit('a', { event: 'failed', data: { reason: REASON } });
    await ledger.commit('a', { event: 'queued', data: { because: 'a person asked for another try' } });
    await clock.advance(5_000);
    expect(await valueOf('shrinkbox_queue_age_seconds')).toBe(5);
    const sum = (step: string) => valueOf(`shrinkbox_step_duration_seconds_sum{engine="local",step="${step}"}`);
    expect([await sum('queued'), await sum('pass-1'), await sum('pass-2')]).toEqual([90, 10, 20]);
  });
});

it('counts from 0 on, so that the first time is an increase to an alert', async () => {
  for (const series of [
    'shrinkbox_job_ends_total{state="failed",engine="local"}',
    'shrinkbox_job_ends_total{state="failed",engine="nemo"}',
    'shrinkbox_notifications_total{outcome="dropped"}',
    'shrinkbox_cloud_streams_total{outcome="unknown"}',
    'shrinkbox_cloud_rate_limited_total',
  ])
    expect([series, await valueOf(series)]).toEqual([series, 0]);
});

it('names no file, folder or path', async () => {
  await ledger.commit('a', admitted('private.mp4'), ...TO_DONE);
  const { text } = await metrics.render(new FakeControl().status());
  for (const word of ['private', 'kim', tmpdir(), '/out']) expect(text).not.toContain(word);
});

it('counts what passes by: the API, the cloud, webhooks; and tells of the journal and the disks', async () => {
  metrics.answered('tcp', 403);
  metrics.requested(200);
  metrics.requested(429);
  metrics.requested('none');
  metrics.streamed('unknown');
  metrics.notified('failed');
  const { bsize, blocks } = await statfs(tmpdir());
  for (const [series, value] of [
    ['shrinkbox_http_requests_total{via="tcp",code="403"}', 1],
    ['shrinkbox_cloud_requests_total{code="none"}', 1],
    ['shrinkbox_cloud_rate_limited_total', 1],
    ['shrinkbox_cloud_streams_total{outcome="unknown"}', 1],
    ['shrinkbox_notifications_total{outcome="failed"}', 1],
    ['shrinkbox_journal_fsyncs_total', 7],
    ['shrinkbox_journal_fsync_seconds_total', 0.07],
    ['shrinkbox_journal_fsync_last_seconds', 0.012],
    ['shrinkbox_disk_size_bytes{place="inbox",folder="0"}', bsize * blocks],
    ['shrinkbox_info{version="1.2.3"}', 1],
  ] as const)
    expect([series, await valueOf(series)]).toEqual([series, value]);
});

it('tells of a fleet where there is one, and has no series of it elsewhere', async () => {
  expect(await valueOf('shrinkbox_fleet_queue_up')).toBeUndefined();
  const fleet = metrics.fleet();
  const control = new FakeControl();
  control.fleet = {
    queue: { up: true, since: 1, why: null },
    ...{ queued: 3, leased: 2, films: [] },
    workers: [aWorker('desk', 'working'), aWorker('attic', 'away'), aWorker('cellar', 'away')],
  };
  fleet.joined('desk');
  fleet.leaseLost('attic', 'lost');
  fleet.fenced();
  fleet.rung(4);
  fleet.moved('out', 1000);
  fleet.dispatched(40);
  for (const [series, value] of [
    ['workers{state="working"}', 1],
    ['workers{state="away"}', 2],
    ['workers{state="benched"}', 0],
    ['tasks{state="queued"}', 3],
    ['tasks{state="leased"}', 2],
    ['queue_up', 1],
    ['leases_lost_total{worker="desk",cause="failed"}', 0],
    ['leases_lost_total{worker="attic",cause="lost"}', 1],
    ['fenced_total', 1],
    ['rung_total', 4],
    ['bytes_total{dir="out"}', 1000],
    ['bytes_total{dir="in"}', 0],
    ['dispatch_seconds_bucket{le="0.05"}', 1],
  ] as const)
    expect([series, await valueOf(`shrinkbox_fleet_${series}`, control)]).toEqual([series, value]);
});

it('asks a disk that hangs once, and shows the others', async () => {
  let asked = 0;
  const answers: Promise<unknown>[] = [];
  const files = {
    ...nodeFiles,
    statfs: (path: string) => {
      if (path !== '/hangs') {
        const answer = nodeFiles.statfs(path);
        answers.push(answer);
        return answer;
      }
      asked += 1;
      return new Promise<never>(() => {});
    },
  } as Files;
  const meter = new DiskMeter(files, clock);
  const diskPaths: DiskPath[] = [...PLACES, { path: '/hangs', labels: { place: 'outbox', folder: '0' } }];
  for (let scrape = 0; scrape < 3; scrape += 1) {
    const reading = meter.read(diskPaths);
    // The time it is given passes once the others have answered.
    await Promise.allSettled(answers);
    await clock.advance(1_000);
    expect((await reading).map(({ path }) => path)).toContain(tmpdir());
  }
  expect(asked).toBe(1);
});

it.each([
  ['preparing', 'preparing'],
  ['pass 2 of 2, try 3', 'pass-2'],
  ['a sentence of an engine to come', 'other'],
])('the step "%s" is labelled %s', (step, label) => {
  expect(stepLabel({ name: 'running', engine: 'local', step, since: 1 })).toBe(label);
});

it('does not wake an idle daemon a hundred times a second to sample the event loop', async () => {
  const sampling = vi.spyOn(perfHooks, 'monitorEventLoopDelay');
  metrics.close();
  metrics = create();
  expect(sampling).toHaveBeenCalledOnce();
  expect(sampling.mock.lastCall?.[0]?.resolution).toBeGreaterThan(3_600_000);
  // What was never sampled is not shown as a number; what is measured when asked stays.
  const { text } = await metrics.render(new FakeControl().status());
  expect(text.match(/^nodejs_eventloop_lag\w+/gm)).toEqual(['nodejs_eventloop_lag_seconds']);
});
