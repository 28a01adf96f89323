import { describe, expect, it } from 'vitest';
import type { Sighting } from '../../src/core/job.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Admissions } from '../../src/queue/admissions.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin, aSighting, TO_DONE } from '../support/builders.ts';
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
    whereabouts: async () => 'there',
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
  return { admissions, clock, ledger, reading, readPaths, read, fatal, resighted };
}

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
