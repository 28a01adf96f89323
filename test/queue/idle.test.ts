import { expect, it } from 'vitest';
import type { JobEvent } from '../../src/core/events.ts';
import type { EngineName, Reason } from '../../src/core/job.ts';
import { OPEN_GATE } from '../../src/platform/pause-gate.ts';
import { isBusy, untilIdle } from '../../src/queue/idle.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

function admitted(relative: string, engine: EngineName, fallback: 'none' | 'local' = 'none'): JobEvent {
  const decision = aDecision({ engine, fallback });
  const place = { inbox: '/in', path: `/in/${relative}`, relative };
  return {
    event: 'admitted',
    data: { ...place, arrival: 1, pin: aPin(), fingerprint: relative, version: 1, decision },
  };
}

const waits = (reason: Reason): JobEvent => ({ event: 'waiting', data: { until: 3_600_000, reason } });
const NO_CREDITS: Reason = {
  code: 'out-of-credits',
  text: 'no credits',
  hint: 'Register.',
  action: { code: 'register' },
};

it('run --once waited for an hour where the account has no credits: what waits for a person is not waited for', async () => {
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  await ledger.commit('one', admitted('one.mp4', 'nemo'), {
    event: 'started',
    data: { engine: 'nemo', step: 'asking' },
  });
  await ledger.commit('two', admitted('two.mp4', 'nemo'));
  expect(isBusy(ledger, OPEN_GATE)).toBe(true);
  let isIdle = false;
  const idle = untilIdle(ledger, OPEN_GATE).then(() => (isIdle = true));
  await ledger.commit('one', waits(NO_CREDITS));
  await idle;
  expect(isIdle).toBe(true);
  // Work of this machine goes on, its own and what it does in the place of the cloud.
  await ledger.commit('three', admitted('three.mp4', 'local'));
  expect(isBusy(ledger, OPEN_GATE)).toBe(true);
  await ledger.commit('three', { event: 'cancelled', data: { reason: { code: 'cancelled', text: 'no' } } });
  expect(isBusy(ledger, OPEN_GATE)).toBe(false);
  await ledger.commit('four', admitted('four.mp4', 'nemo', 'local'));
  expect(isBusy(ledger, OPEN_GATE)).toBe(true);
});

it('what passes by itself is waited for', async () => {
  const ledger = new Ledger(new MemoryJournal(), new FakeClock());
  await ledger.commit('one', admitted('one.mp4', 'nemo'), waits({ code: 'rate-limited', text: 'later' }));
  await ledger.commit('two', admitted('two.mp4', 'nemo'));
  expect(isBusy(ledger, OPEN_GATE)).toBe(true);
});
