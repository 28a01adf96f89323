import { describe, expect, it } from 'vitest';
import { type Job, type Sighting, UNREAD } from '../../src/core/job.ts';
import type { JobEvent } from '../../src/core/events.ts';
import { admit, isKnown, type Whereabouts } from '../../src/queue/admission-policy.ts';
import { aJob, aPin, aSighting, REASON, TO_DONE } from '../support/builders.ts';

const words = (text: string) => ({ path: '/in/clip.mp4.txt', text });
const started: JobEvent = { event: 'started', data: { engine: 'local', step: 'preparing' } };
const held: JobEvent = { event: 'held', data: { reason: REASON } };
const failed: JobEvent = { event: 'failed', data: { reason: REASON } };
const cancelled: JobEvent = { event: 'cancelled', data: { reason: REASON } };

interface Row {
  what: string;
  here?: Job[];
  twins?: Job[];
  sighting?: Partial<Sighting>;
  fingerprint?: string;
  contentHash?: string;
  /** Where the files of the twins are now. */
  whereabouts?: Whereabouts;
  expected: { kind: string; version?: number; replaced?: number };
}

const moved = aPin({ ino: '11', ctimeNs: '200' });
const rewritten = aPin({ sizeBytes: 2_000_000, mtimeNs: '300', ctimeNs: '300' });

/** Larger than what a fingerprint covers entirely. */
const LARGE = 20_000_000;
const large = aPin({ sizeBytes: LARGE });
const editedInPlace = aPin({ sizeBytes: LARGE, mtimeNs: '5000000000', ctimeNs: '5000000000' });

const ROWS: Row[] = [
  { what: 'a file never seen', expected: { kind: 'new', version: 1, replaced: 0 } },
  { what: 'the very file of a queued job', here: [aJob()], expected: { kind: 'nothing' } },
  { what: 'the very file of a failed job', here: [aJob({}, failed)], expected: { kind: 'nothing' } },
  {
    what: 'the same content under a new inode (remount, restore)',
    here: [aJob({}, ...TO_DONE)],
    sighting: { pin: moved },
    expected: { kind: 'repin' },
  },
  {
    what: 'other content at the place of a done job',
    here: [aJob({}, ...TO_DONE)],
    sighting: { pin: rewritten },
    fingerprint: 'content-2',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'other content at the place of a running job',
    here: [aJob({}, started)],
    sighting: { pin: rewritten },
    fingerprint: 'content-2',
    expected: { kind: 'new', version: 1, replaced: 1 },
  },
  {
    what: 'other content at the place of a held job',
    here: [aJob({}, held)],
    sighting: { pin: rewritten },
    fingerprint: 'content-2',
    expected: { kind: 'new', version: 1, replaced: 1 },
  },
  {
    what: 'a done file under another name, the old name gone',
    twins: [aJob({ relative: 'old.mp4' }, ...TO_DONE)],
    expected: { kind: 'repin' },
  },
  {
    what: 'a copy of a done file that is still there',
    twins: [aJob({ relative: 'old.mp4' }, ...TO_DONE)],
    whereabouts: 'there',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a queued file renamed before its turn',
    twins: [aJob({ relative: 'old.mp4' })],
    expected: { kind: 'repin' },
  },
  {
    what: 'the same content dropped again after its original was archived',
    twins: [aJob({ relative: 'old.mp4', original: { kind: 'archived', path: '/ar/old.mp4', at: 3 } }, ...TO_DONE)],
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'the same content under another name while the original is being archived',
    twins: [aJob({ relative: 'old.mp4' }, ...TO_DONE.slice(0, -1))],
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'the same content in another inbox that is there, gone from its place',
    twins: [aJob({ inbox: '/other', relative: 'clip.mp4' }, ...TO_DONE)],
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a done file whose inbox is configured under another path now',
    twins: [aJob({ inbox: '/other', relative: 'clip.mp4' }, ...TO_DONE)],
    whereabouts: 'inbox-removed',
    expected: { kind: 'repin' },
  },
  {
    what: 'a done file whose inbox is now configured one level up',
    twins: [aJob({ inbox: '/other', relative: 'clip.mp4' }, ...TO_DONE)],
    sighting: { relative: 'films/clip.mp4', path: '/in/films/clip.mp4' },
    whereabouts: 'inbox-removed',
    expected: { kind: 'repin' },
  },
  {
    what: 'the same content under another name where an inbox was removed from the configuration',
    twins: [aJob({ inbox: '/other', relative: 'old.mp4' }, ...TO_DONE)],
    whereabouts: 'inbox-removed',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a file that the rules of a removed inbox skipped',
    twins: [aJob({ inbox: '/other' }, { event: 'skipped', data: { reason: REASON } })],
    whereabouts: 'inbox-removed',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a drive that is plugged in elsewhere: its other inbox is away',
    twins: [aJob({ inbox: '/other', relative: 'clip.mp4' }, ...TO_DONE)],
    sighting: { pin: aPin({ dev: '2', ino: '11', ctimeNs: '200' }) },
    whereabouts: 'inbox-away',
    expected: { kind: 'repin' },
  },
  {
    what: 'the same content with another date while the other inbox that has it is away',
    twins: [aJob({ inbox: '/other', relative: 'clip.mp4' }, ...TO_DONE)],
    sighting: { pin: aPin({ ino: '11', mtimeNs: '5000000000', ctimeNs: '200' }) },
    whereabouts: 'inbox-away',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'an archived film put into another inbox after its own was removed',
    twins: [aJob({ inbox: '/other', original: { kind: 'archived', path: '/ar/clip.mp4', at: 3 } }, ...TO_DONE)],
    whereabouts: 'inbox-removed',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a file renamed so late that its job had ended with "removed before it was done"',
    twins: [
      aJob({ relative: 'old.mp4' }, { event: 'cancelled', data: { reason: { code: 'replaced', text: 'removed' } } }),
    ],
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a large file with another date, not yet read whole',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, started)],
    sighting: { pin: editedInPlace },
    expected: { kind: 'compare' },
  },
  {
    what: 'a large file touched while it is encoded',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, started)],
    sighting: { pin: editedInPlace },
    contentHash: 'whole-1',
    expected: { kind: 'repin' },
  },
  {
    what: 'a large file touched before its turn: nothing was made of what it held',
    here: [aJob({ pin: large })],
    sighting: { pin: editedInPlace },
    expected: { kind: 'repin' },
  },
  {
    what: 'a large file touched while it is read whole for the first time',
    here: [aJob({ pin: large }, started)],
    sighting: { pin: editedInPlace },
    expected: { kind: 'later' },
  },
  {
    what: 'a large file touched after a failure: it would fail again',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, started, failed)],
    sighting: { pin: editedInPlace },
    contentHash: 'whole-1',
    expected: { kind: 'repin' },
  },
  {
    what: 'a large file whose job was cancelled before its turn, touched',
    here: [aJob({ pin: large }, cancelled)],
    sighting: { pin: editedInPlace },
    expected: { kind: 'repin' },
  },
  {
    what: 'a large file edited in place, between the samples of its fingerprint, while it is encoded',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, started)],
    sighting: { pin: editedInPlace },
    contentHash: 'whole-2',
    expected: { kind: 'new', version: 1, replaced: 1 },
  },
  {
    what: 'a large file edited in place after delivery',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: editedInPlace },
    contentHash: 'whole-2',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a large file with another date, done by a version that kept no hash of it',
    here: [aJob({ pin: large }, ...TO_DONE)],
    sighting: { pin: editedInPlace },
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a large damaged file copied again with its date: only the damage between the samples differs',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, started, failed)],
    sighting: { pin: aPin({ sizeBytes: LARGE, ino: '11', ctimeNs: '200' }) },
    contentHash: 'whole-2',
    expected: { kind: 'new', version: 1, replaced: 1 },
  },
  // Was: a film with other bytes between the samples and the date of somebody else's, done and taken away, stood for theirs.
  {
    what: 'a large file under another name, with the samples and the date of one that is gone',
    twins: [aJob({ relative: 'old.mp4', pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: aPin({ sizeBytes: LARGE, ino: '11', ctimeNs: '200' }) },
    expected: { kind: 'compare' },
  },
  {
    what: 'the same, read whole: other bytes between the samples',
    twins: [aJob({ relative: 'old.mp4', pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: aPin({ sizeBytes: LARGE, ino: '11', ctimeNs: '200' }) },
    contentHash: 'whole-2',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'the same, of one that was mostly holes and that nobody read',
    twins: [aJob({ relative: 'old.mp4', pin: large, contentHash: UNREAD }, ...TO_DONE)],
    sighting: { pin: aPin({ sizeBytes: LARGE, ino: '11', ctimeNs: '200' }) },
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  // Was: a job went on with somebody else's film, of which nothing was made, and deleted it.
  {
    what: 'the same, while its job reads it whole',
    twins: [aJob({ relative: 'old.mp4', pin: large, attempts: 1 }, started)],
    sighting: { pin: aPin({ sizeBytes: LARGE, ino: '11', ctimeNs: '200' }) },
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'a large file that was edited in place and keeps its date',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: aPin({ sizeBytes: LARGE, ctimeNs: '200' }) },
    expected: { kind: 'compare' },
  },
  {
    what: 'a large file after a remount that numbers its inodes anew',
    here: [aJob({ pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: aPin({ sizeBytes: LARGE, dev: '2', ino: '11' }) },
    expected: { kind: 'repin' },
  },
  {
    what: 'a large file after a remount, or brought back from an archive that keeps no nanoseconds',
    here: [aJob({ pin: large }, ...TO_DONE)],
    sighting: { pin: aPin({ sizeBytes: LARGE, dev: '2', ino: '11', mtimeNs: '999', ctimeNs: '200' }) },
    expected: { kind: 'repin' },
  },
  {
    what: 'a large file with another date and name, the old name gone',
    twins: [aJob({ relative: 'old.mp4', pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: editedInPlace },
    expected: { kind: 'compare' },
  },
  {
    what: 'a large file of equal samples and other bytes under another name, the old name gone',
    twins: [aJob({ relative: 'old.mp4', pin: large, contentHash: 'whole-1' }, ...TO_DONE)],
    sighting: { pin: editedInPlace },
    contentHash: 'whole-2',
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'the same file dropped again at the same place after its original was deleted',
    here: [aJob({ original: { kind: 'deleted', at: 3 } }, ...TO_DONE)],
    sighting: { pin: moved },
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'words that arrive before the turn',
    here: [aJob()],
    sighting: { sidecar: words('720p') },
    expected: { kind: 'redecide' },
  },
  {
    what: 'words that answer a held job',
    here: [aJob({}, held)],
    sighting: { sidecar: words('720p') },
    expected: { kind: 'redecide' },
  },
  {
    what: 'words that change after a failure',
    here: [aJob({}, failed)],
    sighting: { sidecar: words('720p') },
    expected: { kind: 'redecide' },
  },
  {
    what: 'words that arrive while it is encoded',
    here: [aJob({}, started)],
    sighting: { sidecar: words('720p') },
    expected: { kind: 'later' },
  },
  {
    what: 'words that change after delivery: a refinement',
    here: [aJob({}, ...TO_DONE)],
    sighting: { sidecar: words('720p') },
    expected: { kind: 'new', version: 2, replaced: 0 },
  },
  {
    what: 'words that change after the second version',
    here: [aJob({}, ...TO_DONE), aJob({ id: 'bbbb', version: 2, sidecar: words('720p') }, ...TO_DONE)],
    sighting: { sidecar: words('480p') },
    expected: { kind: 'new', version: 3, replaced: 0 },
  },
  {
    what: 'words taken away after delivery',
    here: [aJob({ sidecar: words('720p') }, ...TO_DONE)],
    expected: { kind: 'nothing' },
  },
  {
    what: 'words that change after a cancel',
    here: [aJob({}, cancelled)],
    sighting: { sidecar: words('720p') },
    expected: { kind: 'nothing' },
  },
  {
    what: 'a file that was gone (unmounted, deleted) and is back as it was',
    here: [aJob({}, { event: 'cancelled', data: { reason: { code: 'replaced', text: 'the file was removed' } } })],
    expected: { kind: 'new', version: 1, replaced: 0 },
  },
  {
    what: 'an incomplete file that grew: the failure needs nobody any more',
    here: [aJob({ fingerprint: '' }, failed)],
    sighting: { pin: rewritten },
    fingerprint: 'content-2',
    expected: { kind: 'new', version: 1, replaced: 1 },
  },
];

describe('what a sighting means', () => {
  it.each(ROWS)(
    '$what -> $expected.kind',
    ({ here = [], twins = [], sighting, fingerprint = 'content-1', contentHash, whereabouts = 'moved', expected }) => {
      const admission = admit({
        sighting: aSighting(sighting),
        fingerprint,
        contentHash,
        here,
        twins,
        whereabouts: () => whereabouts,
      });
      const said =
        admission.kind === 'new' ? { ...admission, replaced: admission.replaced.length } : { kind: admission.kind };
      expect(said).toEqual(expected);
    },
  );
});

describe('a folder that holds one file twice and was renamed', () => {
  const twin = (id: string, ino: string) =>
    aJob({ id, path: `/in/old/${id}.mp4`, relative: `old/${id}.mp4`, pin: aPin({ ino }) }, ...TO_DONE);
  const twins = [twin('a', '11'), twin('b', '12')];
  const sighted = (name: string, ino: string, isThere: (job: Job) => boolean = () => false) => {
    const whereabouts = (job: Job) => (isThere(job) ? 'there' : 'moved');
    const sighting = aSighting({
      path: `/in/new/${name}`,
      relative: `new/${name}`,
      pin: aPin({ ino, ctimeNs: '200' }),
    });
    const admission = admit({ sighting, fingerprint: 'content-1', here: [], twins, whereabouts });
    return admission.kind === 'repin' ? admission.jobs[0]?.id : admission.kind;
  };

  it('keeps the record of each file with its inode, or with its name where the disk numbers anew', () => {
    expect([sighted('a.mp4', '11'), sighted('b.mp4', '12')]).toEqual(['a', 'b']);
    expect([sighted('other.mp4', '11'), sighted('another.mp4', '12')]).toEqual(['a', 'b']);
    expect([sighted('a.mp4', '91'), sighted('b.mp4', '92')]).toEqual(['a', 'b']);
  });

  it('has nothing done again although the newest of the two is where it was', () => {
    expect(sighted('a.mp4', '91', job => job.id === 'b')).toBe('a');
    expect(sighted('other.mp4', '91', job => job.id === 'b')).toBe('a');
    expect(sighted('a.mp4', '91', () => true)).toBe('new');
  });
});

it('all versions of a file move with their inbox, the newest first', () => {
  const versions = [1, 2, 3].map(version => aJob({ id: `v${version}`, inbox: '/old', version }, ...TO_DONE));
  const sighting = aSighting();
  const facts = { sighting, fingerprint: 'content-1', here: [], twins: versions };
  const admission = admit({ ...facts, whereabouts: () => 'inbox-removed' });
  expect(admission.kind === 'repin' && admission.jobs.map(({ id }) => id)).toEqual(['v3', 'v2', 'v1']);
});

describe('isKnown', () => {
  it('is true only for the very file with the very words of the newest job', () => {
    const jobs = [aJob({ sidecar: words('720p') })];
    expect(isKnown(jobs, aPin(), words('720p'))).toBe(true);
    expect(isKnown(jobs, aPin(), words('480p'))).toBe(false);
    expect(isKnown(jobs, aPin(), undefined)).toBe(false);
    expect(isKnown(jobs, aPin({ ctimeNs: '101' }), words('720p'))).toBe(false);
    expect(isKnown([], aPin(), undefined)).toBe(false);
  });
});

describe('words that differ only in case or spacing are the same (was: another version, which the cloud charges for)', () => {
  it.each([
    ['make it under 50MB', 'Make it  under 50mb\r\n'],
    ['压缩到 50MB', '压缩到50MB'],
    ['add the title "Holiday"', 'ADD the  title "Holiday"'],
  ])('%j, %j', (before, after) => {
    const job = aJob({ sidecar: words(before) }, ...TO_DONE);
    expect(isKnown([job], job.pin, words(after))).toBe(true);
    const sighting = aSighting({ sidecar: words(after) });
    expect(
      admit({ sighting, fingerprint: job.fingerprint, here: [job], twins: [], whereabouts: () => 'there' }).kind,
    ).toBe('nothing');
  });

  it.each([
    ['make it under 50MB', 'make it under 5 0MB'],
    ['add the title "Holiday"', 'add the title "HOLIDAY"'],
    ['加上标题“Holiday”', '加上标题“holiday”'],
  ])('others are not: %j, %j', (before, after) => {
    const job = aJob({ sidecar: words(before) }, ...TO_DONE);
    expect(isKnown([job], job.pin, words(after))).toBe(false);
  });
});
