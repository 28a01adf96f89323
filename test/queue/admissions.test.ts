import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/core/events.ts';
import { type Job, nameVersionOf, type Sighting } from '../../src/core/job.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Admissions } from '../../src/queue/admissions.ts';
import type { Whereabouts } from '../../src/queue/admission-policy.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin, aSighting, REASON, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

/** Admissions of a real ledger; reading a file takes until the test says what it holds. */
function setup() {
  const clock = new FakeClock();
  const ledger = new Ledger(new MemoryJournal(), clock);
  const reading: ((fingerprint: string) => void)[] = [];
  const readPaths: string[] = [];
  const fatal: unknown[] = [];
  const resighted: string[] = [];
  const where: { now: Whereabouts } = { now: 'there' };
  const admissions = new Admissions({
    ledger,
    clock,
    log: silentLogger,
    decide: () => aDecision(),
    fingerprint: ({ path }) => {
      readPaths.push(path);
      return new Promise(resolve => reading.push(resolve));
    },
    lookAt: () => 'file',
    readWhole: async () => ({ contentHash: '', pin: aPin() }),
    whereabouts: async () => where.now,
    abort: () => false,
    resight: job => void resighted.push(job.id),
    changed: async () => {},
    onFatal: error => void fatal.push(error),
  });
  /** The file being read for the longest holds this. */
  const read = async (fingerprint: string) => {
    await expect.poll(() => reading.length).toBeGreaterThan(0);
    reading.shift()?.(fingerprint);
  };
  return { admissions, clock, ledger, reading, readPaths, read, fatal, resighted, where };
}

it('a version that was never delivered leaves its number to the next words (was: a v3 and no v2)', async () => {
  const { admissions, ledger, read } = setup();
  admissions.offer(aSighting());
  await read('content');
  await admissions.onIdle();
  const [first] = ledger.all();
  if (!first) throw new Error('one was admitted');
  const held: JobEvent = { event: 'held', data: { reason: REASON } };
  await ledger.commit(first.id, { event: 'fact', data: { key: 'nemo session', value: 's' } }, held);
  const second = await admissions.refine(ledger.expect(first.id), 'make it brighter');
  await ledger.commit(second.id, { event: 'fact', data: { key: 'nemo session', value: 's' } }, held);
  const third = await admissions.refine(ledger.expect(second.id), 'make it a bit brighter');
  await ledger.commit(third.id, ...TO_DONE);
  const fourth = await admissions.refine(ledger.expect(third.id), 'and louder');
  expect([first, second, third, fourth].map(({ version }) => version)).toEqual([1, 2, 2, 3]);
  // Nobody looks for a clip.v2.mp4 where there is no clip.mp4.
  expect([first, second, third, fourth].map(nameVersionOf)).toEqual([1, 1, 1, 2]);
  const earlier = (job: Job) => ledger.earlierVersions(job).map(({ id }) => id);
  expect([first, second, third, fourth].map(earlier)).toEqual([
    [],
    [first.id],
    [first.id, second.id],
    [first.id, second.id, third.id],
  ]);
  // Of those that were never delivered, whoever is tried again comes after what is there.
  const again = (job: Job | undefined) => admissions.renamed(ledger.expect(job?.id ?? ''));
  expect(again(first)).toMatchObject([{ event: 'decided', data: { nameVersion: 2 } }]);
  expect(again(third)).toEqual([]);
  // Another film under the same name has a history of its own.
  admissions.offer(aSighting({ pin: aPin({ ino: '12', sizeBytes: 2_000_000 }) }));
  await read('another content');
  await admissions.onIdle();
  const other = [...ledger.all()].at(-1);
  if (!other) throw new Error('it was admitted');
  expect([other.version, earlier(other)]).toEqual([1, []]);
  await ledger.commit(other.id, ...TO_DONE);
  expect(earlier(await admissions.refine(ledger.expect(other.id), 'louder'))).toEqual([other.id]);
});

it('a held job takes other words itself (was: it stayed held for ever, and the result was a v2 without a v1)', async () => {
  const { admissions, ledger, read } = setup();
  admissions.offer(aSighting());
  await read('content');
  await admissions.onIdle();
  const [{ id } = { id: '' }] = ledger.all();
  for (const event of ['held', 'failed'] as const) {
    await ledger.commit(id, { event, data: { reason: REASON } });
    const again = await admissions.refine(ledger.expect(id), `instead of ${event}`);
    expect(again).toMatchObject({ id, version: 1, state: { name: 'queued' }, words: `instead of ${event}` });
  }
  await ledger.commit(id, { event: 'held', data: { reason: REASON } });
  expect((await admissions.refine(ledger.expect(id), 'who knows by whom', true)).wordsByAnybody).toBe(true);
  await ledger.commit(id, { event: 'held', data: { reason: REASON } });
  expect((await admissions.refine(ledger.expect(id), 'by the owner')).wordsByAnybody).toBeUndefined();
  await ledger.commit(id, { event: 'held', data: { reason: REASON } });
  // What was written last counts: words beside the file now replace those a person typed before.
  admissions.offer(aSighting({ sidecar: { path: '/in/clip.mp4.txt', text: 'to 20 MB' } }));
  await read('content');
  await admissions.onIdle();
  expect(ledger.expect(id)).toMatchObject({ state: { name: 'queued' }, words: undefined });
  await ledger.commit(id, ...TO_DONE);
  expect(await admissions.refine(ledger.expect(id), 'louder')).toMatchObject({ version: 2 });
  expect(ledger.size).toBe(2);
});

it('a job that waits for its turn takes other words itself (was: ask again when it is done)', async () => {
  const { admissions, ledger, read } = setup();
  admissions.offer(aSighting());
  await read('content');
  await admissions.onIdle();
  const [{ id } = { id: '' }] = ledger.all();
  expect(await admissions.refine(ledger.expect(id), 'at most 8 MB')).toMatchObject({
    ...{ id, version: 1, state: { name: 'queued' }, words: 'at most 8 MB' },
  });
  await ledger.commit(id, { event: 'waiting', data: { until: 99, reason: REASON } });
  expect(await admissions.refine(ledger.expect(id), 'mute')).toMatchObject({
    id,
    state: { name: 'queued' },
    words: 'mute',
  });
  expect(ledger.size).toBe(1);
});

it('a job that is held for a file which was moved away does not go on asking for something', async () => {
  const { admissions, ledger, read, where } = setup();
  admissions.offer(aSighting());
  await read('content');
  await admissions.onIdle();
  const [{ id } = { id: '' }] = ledger.all();
  await ledger.commit(id, { event: 'held', data: { reason: REASON } });
  const state = async () => {
    await admissions.endMissing();
    return ledger.expect(id).state;
  };
  expect(await state()).toMatchObject({ name: 'held' });
  // Away and back, and away twice in a row.
  for (const now of ['moved', 'there', 'inbox-away', 'inbox-away', 'moved'] as const) {
    where.now = now;
    expect(await state()).toMatchObject({ name: 'held' });
  }
  expect(await state()).toMatchObject({
    name: 'cancelled',
    reason: { text: 'the file was removed before it was done' },
  });
  // Back again: a job of its own, that looks at the file as it is.
  admissions.offer(aSighting());
  await read('content');
  await admissions.onIdle();
  expect([...ledger.all()].map(job => job.state.name)).toEqual(['cancelled', 'queued']);
});

const words: Partial<Sighting> = { sidecar: { path: '/in/clip.mp4.txt', text: 'to 20 MB' } };

describe('a file', () => {
  // Was: on a disk that takes a second to read it, a film and the words beside it became two jobs, and two results.
  it('whose instruction arrives while it is read gets one job, with that instruction', async () => {
    const { admissions, ledger, reading, read, fatal } = setup();
    admissions.offer(aSighting());
    await expect.poll(() => reading.length).toBe(1);
    admissions.offer(aSighting(words));
    admissions.offer(aSighting({ relative: 'other.mp4', path: '/in/other.mp4', pin: aPin({ ino: '11' }) }));
    await expect.poll(() => reading.length).toBe(2);
    await read('content');
    await read('another content');
    await read('content');
    await admissions.onIdle();
    expect(reading).toEqual([]);
    const jobs = ledger.atPlace('/in', 'clip.mp4');
    expect(jobs.map(({ sidecar }) => sidecar?.text)).toEqual(['to 20 MB']);
    expect(ledger.size).toBe(2);
    expect(admissions.idle).toBe(true);
    expect(fatal).toEqual([]);
  });

  it('replaced while it is read leaves no job about the bytes that are no more', async () => {
    const { admissions, ledger, reading, read } = setup();
    admissions.offer(aSighting());
    await expect.poll(() => reading.length).toBe(1);
    const pin = aPin({ ino: '12', sizeBytes: 2_000_000 });
    admissions.offer(aSighting({ pin }));
    await read('content');
    await read('another content');
    await admissions.onIdle();
    const [old, next] = ledger.atPlace('/in', 'clip.mp4');
    expect(next).toMatchObject({ state: { name: 'queued' }, pin });
    expect(old?.state).toMatchObject({ name: 'cancelled', reason: { code: 'replaced' } });
  });

  it('sighted again and again as it is gets nothing more', async () => {
    const { admissions, ledger, read, reading } = setup();
    admissions.offer(aSighting());
    await read('content');
    await admissions.onIdle();
    admissions.offer(aSighting());
    await admissions.onIdle();
    expect(ledger.size).toBe(1);
    expect(reading).toEqual([]);
  });

  // Was: what was seen meanwhile was acted on later, however old, and asked for a second version.
  it('whose instruction comes and goes during processing is checked again only afterwards', async () => {
    const { admissions, ledger, read, resighted } = setup();
    admissions.offer(aSighting());
    await read('content');
    await admissions.onIdle();
    const [id = ''] = [...ledger.all()].map(job => job.id);
    const [started, ...toDone] = TO_DONE;
    if (started) await ledger.commit(id, started);
    admissions.offer(aSighting(words));
    await read('content');
    await admissions.onIdle();
    // The watcher keeps quiet about a file that is known as it is now: without words again.
    const { inbox, relative, pin } = aSighting();
    expect(admissions.isKnown(inbox, relative, pin, undefined)).toBe(true);
    await ledger.commit(id, ...toDone);
    admissions.rested(ledger.expect(id));
    await admissions.onIdle();
    expect([...ledger.all()].map(({ version }) => version)).toEqual([1]);
    expect(resighted).toEqual([id]);
  });
});

it('the words of one file do not decide that an equal one, which its job went on with, is deleted', async () => {
  const { admissions, ledger, read, where } = setup();
  admissions.offer(aSighting({ sidecar: { path: '/in/clip.mp4.txt', text: '144p' } }));
  await read('content');
  await admissions.onIdle();
  const [first] = ledger.all();
  if (!first) throw new Error('one was admitted');
  await ledger.commit(first.id, { event: 'started', data: { engine: 'local', step: 'preparing' } });
  where.now = 'moved';
  const elsewhere = { relative: 'hers.mp4', path: '/in/hers.mp4' };
  admissions.offer(aSighting({ ...elsewhere, pin: aPin({ ino: '12', ctimeNs: '200' }) }));
  await read('content');
  await admissions.onIdle();
  expect(ledger.expect(first.id)).toMatchObject({ ...elsewhere, sidecar: { text: '144p', byStranger: true } });
});

describe('stopping', () => {
  it('takes nothing more, and does not wait for a disk (was: two files that could not be read kept the daemon from ending)', async () => {
    const { admissions, ledger, read, reading } = setup();
    admissions.offer(aSighting());
    await expect.poll(() => reading.length).toBe(1);
    admissions.offer(aSighting(words));
    await admissions.stop();
    await read('content');
    expect([...ledger.all()]).toEqual([]);
    expect(admissions.idle).toBe(true);
  });
});

it('a file that cannot be read in time makes room for others, and is tried again', async () => {
  const { admissions, clock, ledger, read, reading } = setup();
  admissions.offer(aSighting());
  await expect.poll(() => reading.length).toBe(1);
  await clock.advance(3 * 60_000);
  await expect.poll(() => admissions.pending()).toHaveLength(1);
  expect(admissions.pending()[0]?.why.text).toMatch(/clip\.mp4 could not be read in time; it is tried again/);
  await clock.advance(10_000);
  await expect.poll(() => reading.length).toBe(2);
  await read('late');
  await read('content');
  await expect.poll(() => [...ledger.all()].map(job => job.fingerprint)).toEqual(['content']);
});

it('folders take turns being read (was: a thousand new files in one kept a single one in another waiting)', async () => {
  const { admissions, read, readPaths } = setup();
  const offer = (inbox: string, relative: string) =>
    admissions.offer(aSighting({ inbox, relative, path: `${inbox}/${relative}`, pin: aPin({ ino: relative }) }));
  for (const name of ['1', '2', '3', '4', '5']) offer('/a', name);
  offer('/b', '6');
  for (const content of ['1', '2', '3', '4', '5', '6']) await read(content);
  await admissions.onIdle();
  expect(readPaths).toEqual(['/a/1', '/a/2', '/b/6', '/a/3', '/a/4', '/a/5']);
});
