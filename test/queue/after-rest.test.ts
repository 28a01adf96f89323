import { expect, it } from 'vitest';
import type { JobEvent } from '../../src/core/events.ts';
import { say } from '../../src/messages/say.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { AfterRest } from '../../src/queue/after-rest.ts';
import { cancelledByPerson, queuedBecause } from '../../src/queue/decisions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeStages } from '../support/fake-stages.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const PLACE = { inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4', pin: aPin(), fingerprint: 'f' };

/** A ledger with versions 1, 2, ... of one file, and what cleans up after them. */
async function setup(versions: number) {
  const clock = new FakeClock();
  const ledger = new Ledger(new MemoryJournal(), clock);
  const stages = new FakeStages();
  for (let version = 1; version <= versions; version += 1) {
    const data = { ...PLACE, arrival: version, version, decision: aDecision() };
    await ledger.commit(`job${version}`, { event: 'admitted', data });
  }
  return { clock, ledger, stages, rest: new AfterRest({ ledger, stages, clock, log: silentLogger }) };
}

it('what was held is settled by what was asked for instead, once that is delivered (was: it needed you for ever)', async () => {
  const { ledger, rest } = await setup(4);
  await ledger.commit('job1', ...TO_DONE);
  await ledger.commit('job2', { event: 'held', data: { reason: REASON } });
  await ledger.commit('job4', { event: 'held', data: { reason: REASON } });
  await rest.cleanUp('job3');
  expect(ledger.expect('job2').state.name).toBe('held');
  await ledger.commit('job3', ...TO_DONE);
  await rest.cleanUp('job3');
  expect(ledger.expect('job2').state).toMatchObject({
    name: 'cancelled',
    reason: { text: expect.stringMatching(/^what was asked for instead is delivered: .+ \(job job3\)$/) },
  });
  // What was asked for later still waits for its answer.
  expect(ledger.expect('job4').state.name).toBe('held');
  expect(ledger.expect('job1').state.name).toBe('done');
});

it('the working files of a cancelled job stay until nobody can take that back any more, or space is needed', async () => {
  const { clock, ledger, stages, rest } = await setup(3);
  const cancel = async (id: string) => {
    const running: JobEvent = { event: 'started', data: { engine: 'local', step: 'pass 1' } };
    await ledger.commit(id, running);
    await ledger.commit(id, cancelledByPerson(ledger.expect(id), clock.now()));
    await rest.cleanUp(id);
  };
  await cancel('job1');
  await clock.advance(5 * 60_000);
  await cancel('job2');
  await cancel('job3');
  await ledger.commit('job3', queuedBecause(say('queue.cancel-undone')));
  expect(await rest.sweep()).toBe(false);
  expect(stages.done).toEqual([]);
  await clock.advance(5 * 60_000);
  expect(await rest.sweep()).toBe(true);
  expect(stages.done).toEqual(['removed work of job1']);
  expect(await rest.sweep({ isSpaceNeeded: true })).toBe(true);
  expect(await rest.sweep({ isSpaceNeeded: true })).toBe(false);
  // The third is at work again.
  expect(stages.done).toEqual(['removed work of job1', 'removed work of job2']);
  // A restart finds what is left, and the time is over by then.
  const afterRestart = new AfterRest({ ledger, stages, clock, log: silentLogger });
  await clock.advance(5 * 60_000);
  await afterRestart.cleanUp('job2');
  expect(stages.done).toHaveLength(3);
});
