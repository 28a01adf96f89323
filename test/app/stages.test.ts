import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config, Library } from '../../src/config/load.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import type { Job, PublishIntent } from '../../src/core/job.ts';
import { FolderMounts } from '../../src/app/folder-mounts.ts';
import { Folders } from '../../src/app/folders.ts';
import { nodeFiles, pinOf } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import type { Mount } from '../../src/platform/files/mounts.ts';
import { SpaceBook } from '../../src/platform/files/space.ts';
import { LateWriters, SURELY_OVER_MS } from '../../src/app/late-writers.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { JobStages, spaceNeeded, type StagesOptions } from '../../src/app/stages.ts';
import { aCandidate, aDecision, aJob, aPin, TO_DONE } from '../support/builders.ts';
import { aVerified, filesBelow } from '../support/delivery.ts';
import { OPEN_GATE } from '../../src/platform/pause-gate.ts';

/** The stages as the daemon builds them, over real folders: each is handed what it needs to keep its promise. */

let dir: string;
let at: { inbox: string; outbox: string; work: string };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-stages-'));
  at = { inbox: join(dir, 'in'), outbox: join(dir, 'out'), work: join(dir, 'state/work') };
  for (const path of Object.values(at)) mkdirSync(path, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true }));

interface Given extends Partial<StagesOptions> {
  originals?: 'keep' | 'delete' | 'archive';
  reports?: 'never' | 'always';
  freeBytes?: number;
  mounts?: () => Mount[];
  libraries?: Library[];
}

function stagesWith(options: Given = {}) {
  const { originals = 'keep', reports = 'never', freeBytes = 1e12, mounts, libraries = [], ...given } = options;
  const { inbox, outbox } = at;
  const config = {
    stateDir: join(dir, 'state'),
    folders: [{ inbox, outbox, originals, reports, ...(originals === 'archive' && { archive: dir }) }],
    libraries,
  };
  const statfs = async (path: string) => {
    const real = await nodeFiles.statfs(path);
    return Object.assign(real, { bsize: 1, blocks: 1e12, bavail: freeBytes });
  };
  const files = { ...nodeFiles, statfs };
  const folders = new Folders(config as unknown as Config, files, new FolderMounts({ mounts }));
  const stages = new JobStages({
    folders,
    engines: {},
    gate: OPEN_GATE,
    tools: {} as StagesOptions['tools'],
    files,
    space: new SpaceBook({ files, minFree: { bytes: 0, share: 0 } }),
    forbidden: () => [],
    workRoot: at.work,
    log: silentLogger,
    decide: job => job.decision,
    resight: () => {},
    makeRoom: async () => false,
    lateWriters: new LateWriters(systemClock),
    ...given,
  });
  return { stages, folders };
}

const jobOf = (id: string, more: Partial<Job> = {}): Job =>
  aJob({ id, inbox: at.inbox, path: join(at.inbox, 'clip.mp4'), decision: aDecision(), pin: aPin(), ...more });

/** Of a source of 1 MB that is to have 500 kB: three times that to work with, and the copy in the outbox. */
const NEEDED = { work: 1_500_000, outbox: 500_000 };

const MB = 1e6;

it.each([
  ['three times the size asked for, and once in the outbox', 4000 * MB, 50 * MB, { work: 150 * MB, outbox: 50 * MB }],
  ['never more than the source', 10 * MB, 50 * MB, { work: 3 * 10_165_536, outbox: 10_165_536 }],
  ['the source, where no size is asked for', 10 * MB, undefined, { work: 3 * 10_165_536, outbox: 10_165_536 }],
])('a job needs %s', (_what, source, cap, needed) => {
  expect(spaceNeeded(source, cap)).toEqual(needed);
});

describe('space', () => {
  it('is set aside for work and outbox before a job begins, counted by the others, and given back', async () => {
    const { stages } = stagesWith({ freeBytes: NEEDED.work + NEEDED.outbox + 100_000 });
    const release = await stages.reserve(jobOf('aaaa'));
    await expect(stages.reserve(jobOf('bbbb'))).rejects.toMatchObject({ code: 'no-space' });
    release();
    (await stages.reserve(jobOf('bbbb')))();
  });

  it('that cancelled jobs still take up is given to a job that needs it', async () => {
    const disk = { freeBytes: NEEDED.work + NEEDED.outbox - 1 };
    const statfs = async (path: string) =>
      Object.assign(await nodeFiles.statfs(path), { bsize: 1, blocks: 1e12, bavail: disk.freeBytes });
    const files = { ...nodeFiles, statfs };
    const makeRoom = async () => {
      disk.freeBytes += 1;
      return true;
    };
    const space = new SpaceBook({ files, minFree: { bytes: 0, share: 0 } });
    const { stages } = stagesWith({ space, makeRoom });
    (await stages.reserve(jobOf('aaaa')))();
    expect(disk.freeBytes).toBe(NEEDED.work + NEEDED.outbox);
  });

  it('that is missing in the outbox keeps nothing set aside elsewhere', async () => {
    const { stages } = stagesWith({ freeBytes: NEEDED.work + NEEDED.outbox - 1 });
    for (const id of ['aaaa', 'bbbb']) {
      await expect(stages.reserve(jobOf(id))).rejects.toMatchObject({
        code: 'no-space',
        message: expect.stringContaining(at.outbox),
      });
    }
  });

  it('in an outbox that cannot be written to is reported before hours of work, and the space given back', async () => {
    const { stages, folders } = stagesWith({ freeBytes: NEEDED.work + NEEDED.outbox });
    const { mustBeWritable } = folders;
    folders.mustBeWritable = path => {
      throw new ShrinkError('denied', `nothing can be put into ${path}`);
    };
    await expect(stages.reserve(jobOf('aaaa'))).rejects.toMatchObject({ code: 'denied' });
    folders.mustBeWritable = mustBeWritable;
    (await stages.reserve(jobOf('bbbb')))();
  });
});

describe('an archive on another disk', () => {
  it('was filled to its last byte by an original: its room is set aside too', async () => {
    const { stages } = stagesWith({ originals: 'archive', freeBytes: NEEDED.work + NEEDED.outbox });
    await expect(stages.reserve(jobOf('aaaa'))).rejects.toMatchObject({
      code: 'no-space',
      subject: dir,
    });
  });

  // Was: ENOSPC once the film was encoded, without the amount.
  it('of a library has to have room before the film is encoded', async () => {
    const library = { library: join(dir, 'films'), archive: dir, originals: 'archive' as const, minAge: 0, rules: [] };
    mkdirSync(library.library);
    const decision = aDecision();
    const needed = spaceNeeded(aPin().sizeBytes, NEEDED.outbox);
    const { stages } = stagesWith({ libraries: [library], freeBytes: needed.work + needed.outbox });
    const film = jobOf('aaaa', { inbox: library.library, decision, library: true });
    await expect(stages.reserve(film)).rejects.toMatchObject({
      ...{ code: 'no-space', subject: dir, message: expect.stringContaining('short') },
    });
  });

  it('on the same one needs none: the original only moves', async () => {
    const { stages } = stagesWith({ originals: 'archive', freeBytes: NEEDED.work + NEEDED.outbox });
    const pin = { ...aPin(), dev: String(statSync(dir).dev) };
    (await stages.reserve(jobOf('aaaa', { pin })))();
  });
});

describe('working files', () => {
  it('are not begun in the mount point of a state directory that is away', async () => {
    const { stages } = stagesWith();
    rmSync(at.work, { recursive: true });
    await expect(stages.openWorkDir('aaaa')).rejects.toMatchObject({ code: 'unavailable' });
    expect(existsSync(at.work)).toBe(false);
  });

  it('are for their owner alone', async () => {
    const { stages } = stagesWith();
    const path = await stages.openWorkDir('aaaa');
    expect(await stages.openWorkDir('aaaa')).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('with another size than they were made with are not the finished file', async () => {
    const { stages } = stagesWith();
    const candidate = aCandidate({ path: join(at.work, 'out.mp4'), bytes: 10 });
    expect(await stages.isIntact(candidate)).toBe(false);
    writeFileSync(candidate.path, 'only half');
    expect(await stages.isIntact(candidate)).toBe(false);
    writeFileSync(candidate.path, 'all of it.');
    expect(await stages.isIntact(candidate)).toBe(true);
  });
});

describe('a delivery', () => {
  const deliver = (stages: ReturnType<typeof stagesWith>['stages']) => {
    const content = Buffer.from('a film, verified');
    writeFileSync(join(at.work, 'out.mp4'), content);
    const intents: PublishIntent[] = [];
    return stages.deliver(jobOf('aaaa'), aVerified(join(at.work, 'out.mp4'), content), {
      signal: new AbortController().signal,
      source: undefined,
      onIntent: async intent => void intents.push(intent),
    });
  };

  it('carries the date of its source', async () => {
    const { stages } = stagesWith();
    await deliver(stages);
    expect(filesBelow(at.outbox)).toEqual(['clip.mp4: 16']);
    expect(statSync(join(at.outbox, 'clip.mp4')).mtimeMs).toBe(0);
  });

  it('never goes into a folder that is watched, or the state directory', async () => {
    const { stages } = stagesWith({ forbidden: () => [at.outbox] });
    await expect(deliver(stages)).rejects.toMatchObject({ code: 'denied' });
    expect(filesBelow(at.outbox)).toEqual([]);
  });

  it('does not go into the mount point of a disk that is away', async () => {
    const root: Mount = { point: '/', type: 'ext4', source: 'sda', device: '8:1' };
    let mounts = [root, { point: at.outbox, type: 'ext4', source: 'sdb', device: '8:17' }];
    const { stages, folders } = stagesWith({ mounts: () => mounts });
    await folders.rememberMounts(silentLogger);
    mounts = [root];
    await expect(deliver(stages)).rejects.toMatchObject({ code: 'unavailable' });
    expect(filesBelow(at.outbox)).toEqual([]);
  });
});

describe('an original', () => {
  it('is deleted as the folder says, but not the one that took its place', async () => {
    const { stages } = stagesWith({ originals: 'delete' });
    const path = join(at.inbox, 'clip.mp4');
    writeFileSync(path, 'first');
    const pin = await pinOf(path);
    rmSync(path);
    writeFileSync(path, 'another film');
    await expect(stages.dispose(jobOf('aaaa', { pin }), async () => {})).rejects.toMatchObject({
      code: 'changed-underneath',
    });
    expect(existsSync(path)).toBe(true);
    const now = await pinOf(path);
    expect(await stages.dispose(jobOf('aaaa', { pin: now }), async () => {})).toEqual({ kind: 'deleted', to: path });
    expect(existsSync(path)).toBe(false);
  });
});

// Was: whoever moved an original away in time made the journal say that it had been deleted.
it('an original that somebody moved away is not said to be deleted, unless an earlier try may have done it', async () => {
  const { stages } = stagesWith({ originals: 'delete' });
  const path = join(at.inbox, 'clip.mp4');
  const content = Buffer.from('a film, verified');
  writeFileSync(path, content);
  writeFileSync(join(at.work, 'out.mp4'), content);
  const job = jobOf('aaaa', { pin: await pinOf(path) });
  const signal = new AbortController().signal;
  await stages.deliver(job, aVerified(join(at.work, 'out.mp4'), content), {
    signal,
    source: undefined,
    onIntent: async () => {},
  });
  renameSync(path, join(dir, 'elsewhere.mp4'));
  expect(await stages.dispose(job, async () => {})).toBeUndefined();
  expect(await stages.dispose(job, async () => {})).toEqual({ kind: 'deleted', to: path });
});

it('a report says which rule and which engine it was', async () => {
  const { stages } = stagesWith({ reports: 'always' });
  const job = aJob({ id: 'aaaa', inbox: at.inbox, decision: aDecision({ rule: 'mail', engine: 'local' }) }, ...TO_DONE);
  const path = await stages.report(job);
  expect(readFileSync(path ?? '', 'utf8')).toMatch(/^Rule {8}mail\nEngine {6}local$/m);
});

// Was: a recorder of another user paused for 40 s; the half was delivered, the original deleted, and the rest lost with it.
// The same where the file was the daemon's own, and its writer outside of the container or a Samba server.
it('the original of a recording that a hidden program may go on with goes only when nothing was added for ten minutes', async () => {
  const clock = { now: 0, monotonic: () => clock.now };
  const stages = (originals: 'delete' | 'keep') =>
    stagesWith({ originals, lateWriters: new LateWriters(clock, () => true) }).stages;
  const path = join(at.inbox, 'clip.mp4');
  // Nothing in it says where it ends.
  writeFileSync(path, 'a recording');
  const job = jobOf('aaaa', { pin: await pinOf(path) });
  const dispose = stages('delete');
  const again = () => dispose.dispose(job, async () => {});
  await expect(again()).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: SURELY_OVER_MS });
  clock.now += SURELY_OVER_MS - 1;
  await expect(again()).rejects.toMatchObject({ retryAfterMs: 1 });
  expect(existsSync(path)).toBe(true);
  clock.now += 1;
  expect(await again()).toEqual({ kind: 'deleted', to: path });
});

it('the ten minutes count from when the job began, as long as the file stays as it was', async () => {
  const clock = { now: 0, monotonic: () => clock.now };
  const { stages } = stagesWith({ originals: 'delete', lateWriters: new LateWriters(clock, () => true) });
  const path = join(at.inbox, 'clip.mp4');
  writeFileSync(path, 'a recording');
  const job = jobOf('aaaa', { relative: 'clip.mp4', pin: await pinOf(path) });
  await (await stages.openSource(job)).close();
  clock.now += SURELY_OVER_MS;
  expect(await stages.dispose(job, async () => {})).toEqual({ kind: 'deleted', to: path });
});

const box = (name: string) => Buffer.concat([Buffer.from([0, 0, 0, 8]), Buffer.from(name)]);

it('the original of a film with an end, or one that nobody can write to unseen, goes at once', async () => {
  const path = join(at.inbox, 'clip.mp4');
  for (const [hides, content] of [
    [true, 'whole film'],
    [false, 'a recording'],
  ] as const) {
    writeFileSync(path, content === 'whole film' ? Buffer.concat(['ftyp', 'moov', 'mdat'].map(box)) : content);
    const { stages } = stagesWith({ originals: 'delete', lateWriters: new LateWriters(systemClock, () => hides) });
    const job = jobOf('aaaa', { pin: await pinOf(path) });
    expect(await stages.dispose(job, async () => {})).toEqual({ kind: 'deleted', to: path });
  }
});

describe('an original that waited to be deleted (was: also when its result was gone meanwhile)', () => {
  const content = Buffer.from('a film, verified');
  const output = () => join(at.outbox, 'clip.mp4');
  const path = () => join(at.inbox, 'clip.mp4');

  async function delivered(mounts?: () => Mount[]): Promise<() => ReturnType<JobStages['dispose']>> {
    writeFileSync(path(), content);
    utimesSync(path(), 5000, 5000);
    writeFileSync(join(at.work, 'out.mp4'), content);
    const { stages, folders } = stagesWith({ originals: 'delete', ...(mounts && { mounts }) });
    await folders.rememberMounts(silentLogger);
    const job = jobOf('aaaa', { pin: await pinOf(path()) });
    const intents: PublishIntent[] = [];
    const delivery = await stages.deliver(job, aVerified(join(at.work, 'out.mp4'), content), {
      signal: new AbortController().signal,
      source: undefined,
      onIntent: async intent => void intents.push(intent),
    });
    const [intent] = intents;
    const state = { name: 'delivering', candidate: aCandidate(), evidence: '', published: delivery, intent } as const;
    return () => stages.dispose({ ...job, state: state as Job['state'] }, async () => {});
  }

  it.each([
    ['was removed', () => rmSync(output())],
    ['was written over', () => writeFileSync(output(), 'a film, verifieD')],
    ['was cut off', () => writeFileSync(output(), 'a film')],
    [
      'is a link to another film',
      () => {
        rmSync(output());
        symlinkSync(path(), output());
      },
    ],
  ])('stays where the result %s', async (_how, harm) => {
    const dispose = await delivered();
    harm();
    await expect(dispose()).rejects.toMatchObject({ code: 'gone', message: `its result is no longer at ${output()}` });
    expect(existsSync(path())).toBe(true);
  });

  it.each([
    ['is as it was', () => {}],
    ['was touched', () => utimesSync(output(), 1000, 1000)],
    [
      'was copied over itself',
      () => (copyFileSync(output(), `${output()}.new`), renameSync(`${output()}.new`, output())),
    ],
  ])('goes where the result %s', async (_how, act) => {
    const dispose = await delivered();
    act();
    expect(await dispose()).toEqual({ kind: 'deleted', to: path() });
  });

  it('waits while the disk of the outbox is away', async () => {
    const root: Mount = { point: '/', type: 'ext4', source: 'sda', device: '8:1' };
    let mounts = [root, { point: at.outbox, type: 'ext4', source: 'sdb', device: '8:17' }];
    const dispose = await delivered(() => mounts);
    mounts = [root];
    await expect(dispose()).rejects.toMatchObject({ code: 'unavailable' });
    expect(existsSync(path())).toBe(true);
  });
});

// Was: half of a download into space that was allocated beforehand became the film, and its original went.
it('an original with an empty end stays', async () => {
  const path = join(at.inbox, 'clip.ts');
  const packet = Buffer.alloc(188, 1).fill(0x47, 0, 1);
  writeFileSync(path, Buffer.concat([...Array.from({ length: 50 }, () => packet), Buffer.alloc(188 * 50)]));
  const { stages } = stagesWith({ originals: 'delete', lateWriters: new LateWriters(systemClock, () => false) });
  const job = jobOf('aaaa', { path, relative: 'clip.ts', pin: await pinOf(path) });
  await expect(stages.dispose(job, async () => {})).rejects.toMatchObject({ code: 'incomplete-media' });
  expect(existsSync(path)).toBe(true);
});

describe('words beside an original that is deleted', () => {
  const disposed = async (text: string, told: string, uid?: number) => {
    const path = join(at.inbox, 'clip.mp4');
    writeFileSync(path, Buffer.concat(['ftyp', 'moov', 'mdat'].map(box)));
    writeFileSync(`${path}.txt`, text);
    if (uid !== undefined) chownSync(`${path}.txt`, uid, uid);
    const sidecar = { path: `${path}.txt`, text: told };
    const job = jobOf('aaaa', { relative: 'clip.mp4', sidecar, pin: await pinOf(path) });
    expect(await stagesWith({ originals: 'delete' }).stages.dispose(job, async () => {})).toMatchObject({
      kind: 'deleted',
    });
    return existsSync(`${path}.txt`) ? 'stay' : 'go';
  };

  // Was: they were the words of the next file of that name.
  it('go with it, if they are ours and what the job was told', async () => {
    expect(await disposed('at most 20 MB\n', 'at most 20 MB')).toBe('go');
    expect(await disposed('at most 30 MB\n', 'at most 20 MB')).toBe('stay');
  });

  // Only root can give a file to another user.
  it.skipIf(process.getuid?.() !== 0)('stay if they are somebody else’s', async () => {
    expect(await disposed('at most 20 MB\n', 'at most 20 MB', 4711)).toBe('stay');
  });
});
