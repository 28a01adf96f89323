import { describe, expect, it } from 'vitest';
import type { ControlEvent, StatusView } from '../../src/api/types.ts';
import { DaemonControl } from '../../src/api/daemon-control.ts';
import type { Actions } from '../../src/queue/actions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import type { Scheduler } from '../../src/queue/scheduler.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aJob } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeControl } from '../support/fake-control.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

function setup() {
  const clock = new FakeClock();
  const status: StatusView = new FakeControl().status();
  const ledger = new Ledger(new MemoryJournal(), clock);
  const control = new DaemonControl({
    ledger,
    scheduler: { progressOf: () => undefined } as unknown as Scheduler,
    actions: {} as Actions,
    status: () => structuredClone(status),
    currentMode: () => status.mode,
    isStuck: () => false,
    resting: () => undefined,
    explain: async () => Promise.reject(new Error('not asked for')),
    understood: () => undefined,
    folders: () => [],
    setPaused: async () => {},
    libraries: new FakeControl().libraries,
    log: silentLogger,
    clock,
  });
  const events: ControlEvent[] = [];
  control.subscribe(event => events.push(event));
  return { clock, ledger, status, control, events };
}

describe('what is announced although no job changed', () => {
  it.each<[string, (status: StatusView) => void]>([
    ['an inbox that is away', ({ folders }) => Object.assign(folders[0] ?? {}, { available: false, reason: 'away' })],
    ['an engine that rests', ({ engines }) => Object.assign(engines[0] ?? {}, { ready: false, reason: 'no credits' })],
    ['files that arrive', ({ folders }) => Object.assign(folders[0] ?? {}, { pending: 3 })],
    ['the last job of a drain', status => Object.assign(status, { mode: 'drained' })],
  ])('is %s, within a second or so, once', async (_what, change) => {
    const { clock, status, events } = setup();
    await clock.advance(1500);
    events.length = 0;
    change(status);
    await clock.advance(1000);
    expect(events).toEqual([{ kind: 'status', status }]);
    await clock.advance(5000);
    expect(events).toHaveLength(1);
  });

  it('is not the age of the last scan, and nothing after the end', async () => {
    const { clock, status, events, control } = setup();
    await clock.advance(1500);
    events.length = 0;
    Object.assign(status.folders[0] ?? {}, { last_scan_age_ms: 5000 });
    await clock.advance(2000);
    expect(events).toEqual([]);
    control.close();
    expect(clock.timers).toBe(0);
  });
});

it('gives the codes of a reason to whoever watches the job', async () => {
  const { ledger, events } = setup();
  const { id, ...admitted } = aJob();
  await ledger.commit(id, { event: 'admitted', data: admitted });
  const reason = { code: 'held', text: 'the inbox is full', messages: { text: { code: 'a.full' } } } as const;
  await ledger.commit(id, { event: 'held', data: { reason } });
  const changes = events.filter(event => event.kind === 'job');
  expect(changes.at(-1)).toMatchObject({
    job: { id, state: 'held', reason: 'the inbox is full' },
    live: { messages: { reason: { code: 'a.full' } } },
  });
});
