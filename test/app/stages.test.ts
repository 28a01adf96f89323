import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/load.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import type { Job, PublishIntent } from '../../src/core/job.ts';
import { FolderMounts } from '../../src/app/folder-mounts.ts';
import { Folders } from '../../src/app/folders.ts';
import { nodeFiles, pinOf } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import type { Mount } from '../../src/platform/files/mounts.ts';
import { SpaceBook } from '../../src/platform/files/space.ts';
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
  originals?: 'keep' | 'delete';
  reports?: 'never' | 'always';
  freeBytes?: number;
  mounts?: () => Mount[];
}

function stagesWith({ originals = 'keep', reports = 'never', freeBytes = 1e12, mounts, ...given }: Given = {}) {
  const { inbox, outbox } = at;
  const config = { stateDir: join(dir, 'state'), folders: [{ inbox, outbox, originals, reports }] };
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
