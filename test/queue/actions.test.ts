import { describe, expect, it } from 'vitest';
import { type ErrorCode, ShrinkError } from '../../src/core/errors.ts';
import { say } from '../../src/messages/say.ts';
import type { EngineName, Job } from '../../src/core/job.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { Actions, type ActionsOptions } from '../../src/queue/actions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

/** Nothing outside happens. */
const NOTHING: Omit<ActionsOptions, 'ledger' | 'refine'> = {
  clock: new FakeClock(),
  scheduler: {
    abort: () => false,
    consider: () => {},
    keepingOut: (_, act) => act(),
    progressOf: () => undefined,
    resumeEngine: () => {},
    moved: () => {},
    rest: () => {},
    wake: () => {},
  },
  restoreOriginal: async () => '/in/clip.mp4',
  mustBeThere: async () => {},
  afterRest: async () => {},
  removeWorkDir: async () => {},
  removeReport: async () => {},
  resight: () => {},
};

/** One job with something reached already, and what was done to the outside. */
async function setup(engine: EngineName, ...events: JobEvent[]) {
  const clock = new FakeClock();
  const ledger = new Ledger(new MemoryJournal(), clock);
  const done: string[] = [];
  const place = { inbox: '/in', path: '/in/clip.mp4', relative: 'clip.mp4' };
  const data = { ...place, arrival: 1, pin: aPin(), fingerprint: 'f', version: 1, decision: aDecision({ engine }) };
  await ledger.commit('job1', { event: 'admitted', data }, ...events);
  const actions = new Actions({
    ledger,
    clock,
    scheduler: {
      abort: id => running && done.push(`abort ${id}`) > 0,
      consider: job => void done.push(`consider ${job.state.name}`),
      keepingOut: async (_, act) => (running ? undefined : act()),
      progressOf: () => undefined,
      resumeEngine: name => void done.push(`resume ${name}`),
      moved: job => void done.push(`moved ${job.id}`),
      rest: id => void done.push(`rest ${id}`),
      wake: job => void done.push(`wake ${job.id}`),
    },
    restoreOriginal: async () => '/in/clip.mp4',
    mustBeThere: async () => {},
    afterRest: async id => void done.push(`after rest ${id}`),
    removeWorkDir: async id => void done.push(`remove work of ${id}`),
    removeReport: async () => void done.push('remove report'),
    resight: job => void done.push(`resight ${job.relative}`),
    refine: async job => job,
  });
  const running = ledger.expect('job1').state.name === 'running';
  return { actions, clock, ledger, done, job: (): Job => ledger.expect('job1') };
}

const reached = (engine: EngineName): JobEvent[] => [
  { event: 'started', data: { engine, step: 'asking the agent' } },
  { event: 'checkpoint', data: { key: 'message.1', value: 'sent' } },
];
const ended = (event: 'held' | 'failed', code: ErrorCode): JobEvent => ({
  event,
  data: { reason: { code, text: `${code} happened` } },
});
const waits: JobEvent = { event: 'waiting', data: { until: 99, reason: { code: 'no-space', text: 'full' } } };

describe('retry', () => {
  it.each<[string, EngineName, JobEvent, boolean]>([
    ['a cloud job that failed', 'nemo', ended('failed', 'render-failed'), true],
    ['a cloud job held because nobody knows what became of its message', 'nemo', ended('held', 'unconfirmed'), true],
    ['a cloud job held over its result', 'nemo', ended('held', 'verify-failed'), true],
    ['a local job held for a reason outside of it', 'local', ended('held', 'denied'), true],
    ['a job that waits', 'local', waits, true],
    ['a local job that failed', 'local', ended('failed', 'child-failed'), false],
    ['a local job held over its size', 'local', ended('held', 'cannot-fit'), false],
  ])('%s: what was reached (and may have been paid for) is kept or not', async (_what, engine, end, kept) => {
    const { actions, job, done } = await setup(engine, ...reached(engine), end);
    expect(await actions.retry('job1')).toMatchObject({ ok: true });
    expect(job().state.name).toBe('queued');
    expect(job().checkpoints).toEqual(kept ? { 'message.1': 'sent' } : {});
    expect(job().retried).toBe(1);
    expect(done).toEqual([`resume ${engine}`, 'consider queued']);
  });

  it('of a job that is done or under way is refused, and nothing happens', async () => {
    const finished = await setup('local', ...TO_DONE);
    expect(await finished.actions.retry('job1')).toMatchObject({ ok: false, problem: 'not-now' });
    const under = await setup('nemo', ...reached('nemo'));
    expect(await under.actions.retry('job1')).toMatchObject({ ok: false, problem: 'not-now' });
    expect([...finished.done, ...under.done]).toEqual([]);
    expect(under.job().checkpoints).toEqual({ 'message.1': 'sent' });
  });
});

describe('restore', () => {
  it('asked for twice at once is one act, whose two halves cannot meet in one file', async () => {
    const archived: JobEvent = { event: 'disposed', data: { kind: 'archived', to: '/archive/clip.mp4' } };
    const { ledger, clock, job } = await setup('local', ...TO_DONE.slice(0, -1), archived, ...TO_DONE.slice(-1));
    let brought = 0;
    let end = () => {};
    const restoreOriginal = () => {
      brought += 1;
      return new Promise<string>(resolve => {
        end = () => resolve('/in/clip.mp4');
      });
    };
    const actions = new Actions({ ...NOTHING, ledger, clock, restoreOriginal, refine: async same => same });
    const both = [actions.restore('job1'), actions.restore('job1')];
    await new Promise(setImmediate);
    end();
    expect(await Promise.all(both)).toMatchObject([{ ok: true }, { ok: true }]);
    expect([brought, job().original]).toEqual([1, undefined]);
    expect(await actions.restore('job1')).toMatchObject({ ok: false, problem: 'not-now' });
  });
});

it('a restore while the archive was away was carried out at the next start, as a surprise', async () => {
  const archived: JobEvent = { event: 'disposed', data: { kind: 'archived', to: '/archive/clip.mp4' } };
  const { ledger, clock, job } = await setup('local', ...TO_DONE.slice(0, -1), archived, ...TO_DONE.slice(-1));
  const film = { ...ledger.expect('job1'), library: true };
  const away = new ShrinkError('unavailable', 'the archive is not mounted');
  const find = () => film;
  const options = { ...NOTHING, ledger: Object.assign(ledger, { find }), clock, refine: async (same: Job) => same };
  const actions = new Actions({ ...options, mustBeThere: () => Promise.reject(away) });
  await expect(actions.restore('job1')).rejects.toBe(away);
  expect(job().restoring).toBeUndefined();
});

describe('cancel', () => {
  it('of a running job asks its slot and leaves the ledger to it', async () => {
    const { actions, job, done } = await setup('local', ...reached('local'));
    expect(await actions.cancel('job1')).toMatchObject({ ok: true });
    expect(done).toEqual(['abort job1']);
    expect(job().state.name).toBe('running');
  });

  it('of one that waits is done here', async () => {
    const { actions, job, done } = await setup('local', waits);
    expect(await actions.cancel('job1')).toMatchObject({ ok: true });
    expect(job().state).toMatchObject({ name: 'cancelled', reason: { text: 'cancelled by a person' } });
    expect(done).toEqual(['consider cancelled', 'after rest job1']);
  });

  it('of one that is done changes nothing', async () => {
    const { actions, job } = await setup('local', ...TO_DONE);
    expect(await actions.cancel('job1')).toMatchObject({ ok: false, problem: 'not-now' });
    expect(job().state.name).toBe('done');
  });
});

describe('a cancellation taken back', () => {
  it.each<EngineName>(['local', 'nemo'])(
    'of a %s job has it go on from where it was (was: it began anew, and paid anew)',
    async engine => {
      const { actions, clock, job } = await setup(engine, ...reached(engine), waits);
      await actions.cancel('job1');
      await clock.advance(9 * 60_000);
      expect(await actions.retry('job1')).toMatchObject({ ok: true });
      expect(job()).toMatchObject({ state: { name: 'queued' }, checkpoints: { 'message.1': 'sent' } });
      // It is no wish to repeat a paid step that nobody knows the outcome of.
      expect(job().retried).toBe(0);
    },
  );

  it('brings a finished candidate back', async () => {
    const { actions, job } = await setup('local', ...TO_DONE.slice(0, 2), waits);
    expect(job().state).toMatchObject({ from: { name: 'verifying' } });
    await actions.cancel('job1');
    await actions.retry('job1');
    expect(job().state).toMatchObject({ name: 'verifying' });
  });

  it('too late begins anew, but repeats nothing that was paid for', async () => {
    for (const engine of ['local', 'nemo'] as const) {
      const { actions, clock, job } = await setup(engine, ...reached(engine), waits);
      await actions.cancel('job1');
      await clock.advance(10 * 60_000);
      await actions.retry('job1');
      expect(job()).toMatchObject({ retried: 1, checkpoints: engine === 'nemo' ? { 'message.1': 'sent' } : {} });
    }
  });

  it('leaves nothing of an attempt of this machine that had failed', async () => {
    const { actions, job } = await setup('local', ...reached('local'), ended('failed', 'child-failed'));
    await actions.cancel('job1');
    expect(job()).toMatchObject({ state: { name: 'cancelled' }, checkpoints: {} });
  });
});

describe('forget', () => {
  it('takes a file that was done for new', async () => {
    const { actions, ledger, done } = await setup('local', ...TO_DONE);
    expect(await actions.forget('job1')).toMatchObject({ ok: true });
    expect(ledger.size).toBe(0);
    expect(done).toEqual(['remove work of job1', 'resight clip.mp4']);
  });

  it('of a job under way is refused: its working files are in use', async () => {
    const { actions, ledger, done } = await setup('local', ...reached('local'));
    expect(await actions.forget('job1')).toMatchObject({ ok: false, problem: 'not-now' });
    expect([ledger.size, done]).toEqual([1, []]);
  });
});

describe('an id', () => {
  it('may be shortened to three letters where that is enough', async () => {
    const { actions, ledger } = await setup('local', waits);
    expect(ledger.find('job1')?.id).toBe('job1');
    expect(await actions.cancel('job')).toMatchObject({ ok: true, job: { id: 'job1' } });
    expect(await actions.retry('jo')).toMatchObject({ ok: false, problem: 'unknown' });
    expect(await actions.retry('nope')).toMatchObject({
      ok: false,
      problem: 'unknown',
      message: { text: 'there is no job nope; "shrinkbox jobs" lists them' },
    });
  });
});

it('an export that is bound to be refused was queued all the same: it is refused at once, with the reason and what to do', async () => {
  const { ledger } = await setup('nemo', ...TO_DONE);
  const error = new ShrinkError('cannot-do', say('nemo.session-gone'), {
    hint: say('nemo.session-gone-done-hint', { job: 'job1' }),
  });
  const asked: string[] = [];
  const actions = new Actions({
    ...NOTHING,
    ledger,
    mayNotRefine: async (_, words) => (words === 'export' ? error : undefined),
    refine: async (job, words) => {
      asked.push(words);
      return job;
    },
  });
  expect(await actions.refine('job1', 'export')).toMatchObject({
    ok: false,
    problem: 'not-now',
    message: {
      code: 'queue.not-now',
      text: expect.stringMatching(
        /^job job1 \(clip\.mp4\): the service no longer knows .* with it\. There is nothing to retry/,
      ),
    },
  });
  expect(await actions.refine('job1', 'make it brighter')).toMatchObject({ ok: true });
  expect(asked).toEqual(['make it brighter']);
});

describe('other words for a job that is not at rest', () => {
  const paid: JobEvent = { event: 'checkpoint', data: { key: 'message.1', value: 'sent' } };
  const again: JobEvent = { event: 'queued', data: { because: 'again' } };
  it.each<[string, EngineName, JobEvent[], boolean]>([
    ['one in line', 'local', [], true],
    ['one that waits', 'local', [waits], true],
    ['one that runs', 'local', reached('local'), false],
    [
      'one in line again that was paid for',
      'nemo',
      [{ event: 'started', data: { engine: 'nemo', step: 's' } }, paid, again],
      false,
    ],
  ])('%s', async (_, engine, events, taken) => {
    const { actions } = await setup(engine, ...events);
    const outcome = await actions.refine('job1', 'mute');
    expect(outcome.ok).toBe(taken);
    if (!outcome.ok)
      expect(outcome.message.text).toMatch(/^job job1 \(clip\.mp4\): it is (running|queued); ask again when/);
  });
});
