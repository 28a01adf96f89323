import { describe, expect, it } from 'vitest';
import type { ControlEvent, StatusView } from '../../src/api/types.ts';
import { DaemonControl } from '../../src/api/daemon-control.ts';
import type { Actions } from '../../src/queue/actions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import type { Scheduler } from '../../src/queue/scheduler.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeControl } from '../support/fake-control.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

function setup() {
  const clock = new FakeClock();
  const status: StatusView = new FakeControl().status();
  const control = new DaemonControl({
    ledger: new Ledger(new MemoryJournal(), clock),
    scheduler: {} as Scheduler,
    actions: {} as Actions,
    status: () => structuredClone(status),
    resting: () => undefined,
    explain: async () => Promise.reject(new Error('not asked for')),
    setPaused: async () => {},
    clock,
  });
  const events: ControlEvent[] = [];
  control.subscribe(event => events.push(event));
  return { clock, status, control, events };
}

describe('what is told without a job having changed', () => {
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
