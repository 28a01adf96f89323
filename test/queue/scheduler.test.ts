import type { Reason } from '../../src/core/job.ts';
import { describe, expect, it } from 'vitest';
import type { Decision, EngineName } from '../../src/core/job.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { OPEN_GATE, type PauseGate } from '../../src/platform/pause-gate.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import type { StopReason } from '../../src/engine/engine.ts';
import { type Outcome, Scheduler } from '../../src/queue/scheduler.ts';
import { aDecision, aPin, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const NO_CREDITS: Reason = { code: 'out-of-credits', text: 'no credits' };

interface Turn {
  id: string;
  signal: AbortSignal;
  gate: PauseGate;
  end(outcome?: Outcome): Promise<void>;
}

/** A worker whose turns end when the test says so. */
function setup(slots: Record<EngineName, number> = { local: 1, nemo: 1, fleet: 1 }) {
  const clock = new FakeClock();
  const ledger = new Ledger(new MemoryJournal(), clock);
  const turns: Turn[] = [];
  const fatal: unknown[] = [];
  const waiting: { count: number; tell: () => void }[] = [];
  const worker = {
    runLocallyInstead: async (id: string) => {
      const decision = aDecision({ engine: 'local', fallback: 'local' });
      await ledger.commit(id, { event: 'decided', data: { decision, sidecar: null } });
    },
    run: (id: string, signal: AbortSignal, _progress: unknown, gate: PauseGate = OPEN_GATE) =>
      new Promise<Outcome>(resolve => {
        const end = async (outcome: Outcome = { kind: 'rested' }) => {
          resolve(outcome);
          await new Promise(done => setImmediate(done));
        };
        turns.push({ id, signal, gate, end });
        for (const one of waiting) if (turns.length >= one.count) one.tell();
      }),
  };
  const scheduler = new Scheduler({
    ledger,
    worker,
    clock,
    log: silentLogger,
    slots,
    onFatal: error => fatal.push(error),
    onProgress: () => {},
  });
  const add = (id: string, engine: EngineName = 'local', ...events: JobEvent[]) => addTo('/in', id, engine, ...events);
  const addTo = async (inbox: string, id: string, engine: EngineName = 'local', ...events: JobEvent[]) => {
    const arrival = ledger.nextArrival();
    const data = {
      arrival,
      inbox,
      path: `${inbox}/${id}`,
      relative: id,
      pin: aPin(),
      fingerprint: id,
      version: 1,
      decision: aDecision({ engine }),
    };
    const job = await ledger.commit(id, { event: 'admitted', data }, ...events);
    if (job) scheduler.consider(job);
  };
  /** A job that rules of another day decided not to work at. */
  const addHeld = async (id: string, decision: Decision) => {
    await add(id, 'local', { event: 'decided', data: { decision, sidecar: null } });
  };
  const rest = async (turn: Turn | undefined) => {
    if (!turn) throw new Error('no such turn');
    await ledger.commit(turn.id, { event: 'failed', data: { reason: REASON } });
    await turn.end();
  };
  /** Resolves once that many turns have begun. */
  const begun = (count: number) =>
    new Promise<void>(tell => (turns.length >= count ? tell() : waiting.push({ count, tell })));
  return { clock, ledger, scheduler, turns, add, addTo, addHeld, rest, begun, fatal };
}

const ids = (turns: Turn[]) => turns.map(turn => turn.id);
/** Every promise that can settle without outside help has. */
const settled = () => new Promise(resolve => setImmediate(resolve));

describe('slots', () => {
  it('are given by arrival, as many at once as the engine has', async () => {
    const { scheduler, add, turns, rest, begun } = setup({ local: 2, nemo: 1, fleet: 1 });
    for (const id of ['a', 'b', 'c', 'd']) await add(id);
    scheduler.start();
    await begun(2);
    await settled();
    expect(ids(turns)).toEqual(['a', 'b']);
    await rest(turns[1]);
    await begun(3);
    expect(ids(turns)).toEqual(['a', 'b', 'c']);
  });

  it('are given to a job that a person retries although it was decided not to be processed', async () => {
    const { scheduler, addHeld, turns, begun } = setup();
    await addHeld('held', { kind: 'hold', rule: 'r', engine: 'nemo', reason: 'cannot', hint: 'change it' });
    await addHeld('skipped', { kind: 'skip', reason: 'no video' });
    scheduler.start();
    await begun(2);
    expect(ids(turns).sort()).toEqual(['held', 'skipped']);
  });

  it('of one engine do not wait for the other', async () => {
    const { scheduler, add, turns, begun } = setup();
    await add('a');
    await add('b');
    await add('c', 'nemo');
    scheduler.start();
    await begun(2);
    expect(ids(turns).sort()).toEqual(['a', 'c']);
  });

  it('go to the oldest first even when it came in last (a restart)', async () => {
    const { scheduler, add, turns, rest, begun, ledger, clock } = setup();
    await add('a');
    await add('b');
    await add('c');
    scheduler.start();
    await begun(1);
    await ledger.commit('a', { event: 'waiting', data: { until: 0, reason: REASON } });
    await turns[0]?.end({ kind: 'again' });
    await clock.advance(1);
    await begun(2);
    // a is due at once and older than c, which was listed long before.
    await rest(turns[1]);
    await begun(3);
    expect(ids(turns)).toEqual(['a', 'b', 'a']);
  });
});

describe('folders', () => {
  /** Has every job fail until `count` have had a slot. */
  const failAll = async ({ turns, rest, begun }: ReturnType<typeof setup>, count: number) => {
    for (let n = 1; n <= count; n += 1) {
      await begun(n);
      await rest(turns[n - 1]);
    }
    return ids(turns);
  };

  it('take turns (was: a folder of crafted files held the only slot until the last of them was refused)', async () => {
    const box = setup();
    for (const id of ['a1', 'a2', 'a3', 'a4']) await box.addTo('/a', id);
    for (const id of ['b1', 'b2']) await box.addTo('/b', id);
    box.scheduler.start();
    expect(await failAll(box, 6)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('that were quiet get the next turn, and no more than that', async () => {
    const box = setup();
    for (const id of ['a1', 'a2', 'a3', 'a4']) await box.addTo('/a', id);
    box.scheduler.start();
    await box.begun(1);
    for (const id of ['b1', 'b2', 'b3']) await box.addTo('/b', id);
    expect(await failAll(box, 7)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4']);
  });

  it('wait for what was half done before a restart', async () => {
    const box = setup();
    await box.addTo('/a', 'a1');
    await box.addTo('/b', 'b1', 'local', { event: 'started', data: { engine: 'local', step: 'x' } });
    await box.addTo('/b', 'b2');
    box.scheduler.start();
    expect(await failAll(box, 3)).toEqual(['b1', 'a1', 'b2']);
  });
});

describe('waiting', () => {
  it('ends at its due time, also one that was journaled before a restart', async () => {
    const { scheduler, add, turns, clock, ledger, begun } = setup();
    await add('a', 'local', { event: 'waiting', data: { until: clock.now() + 60_000, reason: REASON } });
    scheduler.start();
    await clock.advance(59_000);
    expect(ledger.get('a')?.state.name).toBe('waiting');
    await clock.advance(1_001);
    await begun(1);
    expect(ids(turns)).toEqual(['a']);
  });

  it('does not last for days because the wall clock was set back meanwhile', async () => {
    const { scheduler, add, turns, clock, begun } = setup();
    await add('a', 'local', { event: 'waiting', data: { until: clock.now() + 60_000, reason: REASON } });
    scheduler.start();
    clock.jump(-2 * 86_400_000);
    await clock.advance(59_000);
    expect(turns).toEqual([]);
    await clock.advance(1_001);
    await begun(1);
  });

  it('does not last for days because the wall clock was set back before a restart', async () => {
    const { scheduler, add, turns, clock, begun } = setup();
    await add('a', 'local', { event: 'waiting', data: { until: clock.now() + 60_000, reason: REASON } });
    clock.jump(-2 * 86_400_000);
    scheduler.start();
    await clock.advance(59_000);
    expect(turns).toEqual([]);
    await clock.advance(1_001);
    await begun(1);
  });

  it('is over after a restart that came later than its due time', async () => {
    const { scheduler, add, clock, begun } = setup();
    await add('a', 'local', { event: 'waiting', data: { until: clock.now() + 60_000, reason: REASON } });
    clock.jump(2 * 86_400_000);
    scheduler.start();
    await clock.advance(1);
    await begun(1);
  });
});

describe('pauses', () => {
  it('start nothing new until resumed', async () => {
    const { scheduler, add, turns, ledger, begun } = setup();
    await ledger.setPaused(true);
    await add('a');
    scheduler.start();
    await settled();
    expect(turns).toEqual([]);
    await ledger.setPaused(false);
    scheduler.setMode({ draining: false });
    await begun(1);
  });

  it('of an engine end by themselves and leave the other engine alone', async () => {
    const { scheduler, add, turns, rest, clock, begun } = setup();
    await add('a', 'nemo');
    await add('b', 'nemo');
    scheduler.start();
    await begun(1);
    await turns[0]?.end({ kind: 'engine-paused', forMs: 3_600_000, reason: NO_CREDITS });
    await settled();
    expect(scheduler.enginePause('nemo')?.reason).toEqual(NO_CREDITS);
    await add('c');
    await begun(2);
    await rest(turns[1]);
    expect(ids(turns)).toEqual(['a', 'c']);
    await clock.advance(3_600_001);
    await begun(3);
    expect(scheduler.enginePause('nemo')).toBeUndefined();
  });

  it('of the cloud give what may be done here to this machine, and nothing else (was: each of them was uploaded first)', async () => {
    const { scheduler, add, turns, rest, ledger, begun } = setup();
    const mayFallBack: JobEvent = {
      event: 'decided',
      data: { decision: aDecision({ engine: 'nemo', fallback: 'local' }), sidecar: null },
    };
    const begunThere: JobEvent[] = [
      { event: 'started', data: { engine: 'nemo', step: 'x' } },
      { event: 'checkpoint', data: { key: 'upload', value: true } },
      { event: 'queued', data: { because: 'a restart' } },
    ];
    await add('first', 'nemo');
    await add('b', 'nemo', mayFallBack);
    await add('c', 'nemo', mayFallBack, ...begunThere);
    await add('d', 'nemo');
    scheduler.start();
    await begun(1);
    await turns[0]?.end({ kind: 'engine-paused', forMs: 3_600_000, reason: NO_CREDITS });
    await begun(2);
    await rest(turns[1]);
    await add('e', 'nemo', mayFallBack);
    await begun(3);
    await rest(turns[2]);
    expect(ids(turns)).toEqual(['first', 'b', 'e']);
    expect(ledger.get('b')?.decision).toMatchObject({ engine: 'local' });
    scheduler.resumeEngines();
    await begun(4);
    expect(turns[3]?.id).not.toBe('b');
  });

  it('of the cloud are over for those that wait because of it when a person says so (was: they waited for an hour)', async () => {
    const { scheduler, add, ledger, clock, begun, turns } = setup();
    const waiting: JobEvent = {
      event: 'waiting',
      data: { until: clock.now() + 3_600_000, reason: { code: 'out-of-credits', text: 'no credits are left' } },
    };
    scheduler.start();
    scheduler.pauseEngine('nemo', 3_600_000, NO_CREDITS);
    await add('a', 'nemo', { event: 'started', data: { engine: 'nemo', step: 'x' } }, waiting);
    await settled();
    expect(turns).toEqual([]);
    scheduler.resumeEngines();
    await begun(1);
    expect(ledger.get('a')?.state.name).toBe('queued');
  });

  it('of draining finish what runs and take nothing new', async () => {
    const { scheduler, add, turns, rest, begun } = setup();
    await add('a');
    await add('b');
    scheduler.start();
    await begun(1);
    scheduler.setMode({ draining: true });
    await rest(turns[0]);
    await settled();
    expect(scheduler.running()).toEqual([]);
    expect(ids(turns)).toEqual(['a']);
  });
});

describe('stopping', () => {
  it('aborts what runs, waits until it has left, and starts nothing', async () => {
    const { scheduler, add, turns, begun, clock } = setup();
    await add('a');
    await add('b');
    await add('c', 'local', { event: 'waiting', data: { until: clock.now() + 1000, reason: REASON } });
    scheduler.start();
    await begun(1);
    const stopped = scheduler.stop();
    expect(turns[0]?.signal.reason).toEqual({ kind: 'stopping' } satisfies StopReason);
    let isStopped = false;
    void stopped.then(() => (isStopped = true));
    await settled();
    expect(isStopped).toBe(false);
    await turns[0]?.end({ kind: 'again' });
    await stopped;
    expect(ids(turns)).toEqual(['a']);
    expect(clock.timers).toBe(0);
  });

  it('a bug in the worker is reported as fatal', async () => {
    const { ledger, clock } = setup();
    const fatal: unknown[] = [];
    const broken = { run: () => Promise.reject(new Error('bug')), runLocallyInstead: async () => {} };
    const told = new Promise<void>(resolve => {
      const onFatal = (error: unknown) => {
        fatal.push(error);
        resolve();
      };
      const scheduler = new Scheduler({
        ledger,
        worker: broken,
        clock,
        log: silentLogger,
        slots: { local: 1, nemo: 1, fleet: 1 },
        onFatal,
        onProgress: () => {},
      });
      const data = {
        arrival: 1,
        inbox: '/in',
        path: '/in/a',
        relative: 'a',
        pin: aPin(),
        fingerprint: 'a',
        version: 1,
        decision: aDecision(),
      };
      void ledger.commit('a', { event: 'admitted', data }).then(() => scheduler.start());
    });
    await told;
    expect(fatal).toHaveLength(1);
  });
});

describe('jobs that wait for the other side of their engine', () => {
  const away: Reason = { code: 'unreachable', text: 'no answer' };
  const waits = (reason: Reason): JobEvent => ({
    event: 'waiting',
    data: { until: Date.UTC(2026, 0, 1) + 900_000, reason },
  });

  it('wait no longer once another job of it is done, and go in their order (was: up to a quarter of an hour)', async () => {
    const { scheduler, turns, ledger, add, begun, rest } = setup();
    await add('first', 'nemo', waits(away));
    await add('second', 'nemo', waits({ code: 'rate-limited', text: 'a pause' }));
    await add('disk', 'nemo', waits({ code: 'no-space', text: 'full' }));
    await add('here', 'local', waits(away));
    await add('through', 'nemo');
    scheduler.start();
    await begun(1);
    await toDone(ledger, 'through');
    await turns[0]?.end();
    await begun(2);
    await rest(turns[1]);
    await begun(3);
    expect(turns.map(({ id }) => id)).toEqual(['through', 'first', 'second']);
    expect(ledger.get('disk')?.state.name).toBe('waiting');
    expect(ledger.get('here')?.state.name).toBe('waiting');
  });

  it('wait on where the other job ended in some other way', async () => {
    const { scheduler, turns, ledger, add, rest } = setup();
    await add('first', 'nemo', waits(away));
    await add('other', 'nemo');
    scheduler.start();
    await rest(turns[0]);
    expect(ledger.get('first')?.state.name).toBe('waiting');
  });
});

async function toDone(ledger: Ledger, id: string): Promise<void> {
  await ledger.commit(id, ...TO_DONE);
}

describe('a person', () => {
  it('has a waiting job go before all folders, which take turns after it', async () => {
    const { scheduler, ledger, addTo, turns, rest, begun } = setup();
    for (const id of ['a1', 'a2', 'a3']) await addTo('/a', id);
    for (const id of ['b1', 'b2']) await addTo('/b', id);
    const place = { line: 'first', rank: 0 } as const;
    const moved = await ledger.commit('a3', { event: 'placed', data: { place } });
    if (moved) scheduler.moved(moved);
    expect(scheduler.line()).toEqual(['a3', 'b1', 'a1', 'b2', 'a2']);
    scheduler.start();
    for (let n = 1; n <= 5; n += 1) {
      await begun(n);
      await rest(turns[n - 1]);
    }
    expect(ids(turns)).toEqual(['a3', 'b1', 'a1', 'b2', 'a2']);
  });

  it('sorts the queue by what will be saved, and back', async () => {
    const { scheduler, ledger, add } = setup();
    for (const id of ['small', 'large']) await add(id);
    const pin = aPin({ sizeBytes: 9_000_000 });
    await ledger.commit('large', { event: 'repinned', data: { path: '/in/large', relative: 'large', pin } });
    await ledger.setOrder('largest-saving');
    scheduler.reordered();
    expect(scheduler.line()).toEqual(['large', 'small']);
    await ledger.setOrder('arrival');
    scheduler.reordered();
    expect(scheduler.line()).toEqual(['small', 'large']);
  });

  const pauseOf = async ({ scheduler, ledger }: ReturnType<typeof setup>, id: string) => {
    await ledger.commit(id, { event: 'paused', data: { by: 'a person' } });
    scheduler.rest(id);
  };
  const resumeOf = async ({ scheduler, ledger }: ReturnType<typeof setup>, id: string) => {
    const job = await ledger.commit(id, { event: 'resumed', data: { by: 'a person' } });
    if (job) scheduler.wake(job);
  };

  it('pauses a waiting job: others pass it, and it has its old place when it is resumed', async () => {
    const box = setup();
    const { scheduler, add, turns, rest, begun } = box;
    for (const id of ['a', 'b', 'c', 'd']) await add(id);
    await pauseOf(box, 'b');
    scheduler.start();
    await begun(1);
    await rest(turns[0]);
    await begun(2);
    await resumeOf(box, 'b');
    await rest(turns[1]);
    await begun(3);
    expect(ids(turns)).toEqual(['a', 'c', 'b']);
  });

  it('pauses a job at work: it stops where it is, another takes its slot, and it goes on when that one is done', async () => {
    const box = setup();
    const { scheduler, add, turns, rest, begun } = box;
    for (const id of ['a', 'b', 'c']) await add(id);
    scheduler.start();
    await begun(1);
    await pauseOf(box, 'a');
    expect(turns[0]?.gate.closed).toBe(true);
    await begun(2);
    await settled();
    expect(ids(turns)).toEqual(['a', 'b']);
    await resumeOf(box, 'a');
    // This machine has one slot, and b is in it.
    expect(turns[0]?.gate.closed).toBe(true);
    await rest(turns[1]);
    expect(turns[0]?.gate.closed).toBe(false);
    await settled();
    expect(ids(turns)).toEqual(['a', 'b']);
    await rest(turns[0]);
    await begun(3);
    expect(ids(turns)).toEqual(['a', 'b', 'c']);
  });

  it('resumes at once where the slot is free, and a paused job can be cancelled', async () => {
    const box = setup();
    const { scheduler, add, turns, begun } = box;
    await add('a');
    scheduler.start();
    await begun(1);
    await pauseOf(box, 'a');
    await resumeOf(box, 'a');
    expect(turns[0]?.gate.closed).toBe(false);
    await pauseOf(box, 'a');
    expect(scheduler.abort('a', { kind: 'cancelled' })).toBe(true);
    expect(turns[0]?.signal.aborted).toBe(true);
  });

  it('finds a paused job resting in line after a restart', async () => {
    const { scheduler, ledger, add, turns } = setup();
    await add(
      'a',
      'local',
      { event: 'started', data: { engine: 'local', step: 'preparing' } },
      { event: 'paused', data: { by: 'a person' } },
    );
    scheduler.start();
    await settled();
    expect(turns).toEqual([]);
    expect(ledger.expect('a')).toMatchObject({ state: { name: 'queued' }, paused: true });
  });
});

it('a job that is asked for something else begins only afterwards; one that has begun is left alone', async () => {
  const { scheduler, ledger, turns, add } = setup();
  await add('first');
  await add('second');
  await add('third');
  scheduler.start();
  expect(turns.map(({ id }) => id)).toEqual(['first']);
  expect(await scheduler.keepingOut('first', async () => 'done')).toBeUndefined();
  let finish = () => {};
  const changing = scheduler.keepingOut('second', () => new Promise(resolve => (finish = () => resolve('done'))));
  // Its turn comes while it is being changed: the next one has it.
  await ledger.commit('first', ...TO_DONE);
  await turns[0]?.end();
  expect(turns.map(({ id }) => id)).toEqual(['first', 'third']);
  expect(await scheduler.keepingOut('second', async () => 'twice')).toBeUndefined();
  finish();
  expect(await changing).toBe('done');
  await ledger.commit('third', ...TO_DONE);
  await turns[1]?.end();
  expect(turns.map(({ id }) => id)).toEqual(['first', 'third', 'second']);
});
