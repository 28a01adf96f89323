import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { identityOf } from '../../src/deliver/output-folder.ts';
import {
  type FailureFacts,
  failureReport,
  removeReport,
  successReport,
  type WriteReportOptions,
  writeReport,
} from '../../src/deliver/report.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { type DeliveryFixture, deliveryFixture, read } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';

const facts: FailureFacts = {
  job: 'k3f9',
  source: '/srv/inbox/trip/clip.mp4',
  sourceBytes: 1_234_000_000,
  state: 'failed',
  reason: {
    code: 'verify-failed',
    text: 'The result stops after 3.2 s of 8.0 s.',
    hint: 'Look whether the source plays to its end.',
  },
  rule: 'phones',
  engine: 'local',
  step: 'pass 2 of\t2 \u001b[31m',
  attempts: 2,
  at: Date.UTC(2026, 10, 22, 13, 3),
};

beforeAll(() => void vi.stubEnv('TZ', 'Europe/Berlin'));
afterAll(() => void vi.unstubAllEnvs());

/** How a zone is written changes from one ICU to the next. */
const withPlainZone = (text: string) => text.replace(/(?:GMT|UTC)\+0?1(?::00)?/, 'GMT+1');

describe('a failure in plain words', () => {
  test('has the link a person needs, also while the job only waits for that', () => {
    const link = 'https://nemovideo.com/register?bind=anon_1';
    const reason = {
      code: 'out-of-credits' as const,
      text: 'the account has no credits left',
      hint: `Register at ${link} to get more, then run shrinkbox resume.`,
      action: { code: 'register' as const, link },
    };
    const report = failureReport({ ...facts, state: 'waiting', reason });
    expect(report).toMatch(/^clip\.mp4 is waiting for you\.$/m);
    expect(report).toMatch(new RegExp(`^Open        ${link.replace('?', '\\?')}$`, 'm'));
  });

  test('shows a name that deceives as it is', () => {
    const report = failureReport({ ...facts, source: '/srv/inbox/holiday\u202e4pm.\u200bexe' });
    expect(report).toContain('holiday\\u{202e}4pm.\\u{200b}exe could not be processed.');
    expect(report).not.toMatch(/[\p{Bidi_Control}\u200b]/u);
  });

  test('says what, why, what to do, and where to look', () => {
    expect(withPlainZone(failureReport(facts))).toBe(`clip.mp4 could not be processed.

Why         The result stops after 3.2 s of 8.0 s.
What to do  Look whether the source plays to its end.
Try again   shrinkbox retry k3f9
Original    not touched

File        /srv/inbox/trip/clip.mp4 (1.23 GB)
When        2026-11-22 14:03 GMT+1
Rule        phones
Engine      local
Job         k3f9
Step        pass 2 of 2  [31m
Attempts    2

-- report by shrinkbox about job k3f9; shrinkbox replaces or removes this file
`);
  });

  test('leaves out what nobody knows', () => {
    const text = failureReport({
      ...facts,
      state: 'held',
      reason: { code: 'denied', text: 'No.' },
      rule: undefined,
      engine: undefined,
      step: undefined,
      attempts: 0,
    });
    expect(text).toContain('clip.mp4 is waiting for you.\n');
    expect(text).not.toMatch(/undefined|What to do|Rule|Engine|Step|Attempts/);
  });

  test('says where to look at it elsewhere', () => {
    const links = { 'claim link': 'https://nemovideo.com/workspace/claim?ct=clm_1' };
    expect(failureReport({ ...facts, links })).toContain(
      '\nLink        https://nemovideo.com/workspace/claim?ct=clm_1 (claim link)\n',
    );
  });

  test('stays one line per fact whatever a file is called', () => {
    const text = failureReport({ ...facts, source: '/srv/inbox/a\nWhy         all is well\n.mp4' });
    expect(text.split('\n').filter(line => line.startsWith('Why'))).toHaveLength(1);
  });
});

test('a success in plain words', () => {
  const text = successReport({
    ...facts,
    output: '/srv/outbox/trip/clip.mp4',
    outputBytes: 50_000_000,
    how: 'two passes at 1.2 Mb/s, 1280x720',
    notes: ['data track dropped: telemetry (gpmd)'],
    evidence: 'decoded 432 frames, 14.41 s',
    tookMs: 65_000,
    original: 'archived as /srv/archive/trip/clip.mp4',
  });
  expect(withPlainZone(text)).toBe(`clip.mp4 is done: 50.0 MB, 4 % of the original size.

How         two passes at 1.2 Mb/s, 1280x720
Checked     decoded 432 frames, 14.41 s
Note        data track dropped: telemetry (gpmd)

File        /srv/inbox/trip/clip.mp4 (1.23 GB)
When        2026-11-22 14:03 GMT+1
Rule        phones
Engine      local
Job         k3f9
Result      /srv/outbox/trip/clip.mp4
Original    archived as /srv/archive/trip/clip.mp4
Took        1m 05s

-- report by shrinkbox about job k3f9; shrinkbox replaces or removes this file
`);
});

describe('a report file', () => {
  let fixture: DeliveryFixture;
  beforeEach(() => {
    fixture = deliveryFixture();
  });
  afterEach(() => fixture.close());
  const write = (overrides: Partial<WriteReportOptions> = {}) => {
    const job = overrides.job ?? 'k3f9';
    return writeReport({
      job,
      kind: 'failed',
      outbox: fixture.outbox,
      relative: 'trip/clip.mp4',
      text: failureReport({ ...facts, job }),
      files: nodeFiles,
      log: silentLogger,
      ...overrides,
    });
  };
  const names = () => fixture.seen().map(line => line.replace(/: \d+$/, ''));

  test('stands where the result would', async () => {
    const path = await write();
    expect(path).toBe(join(fixture.outbox, 'trip/clip.failed.txt'));
    expect(read(path).toString()).toBe(failureReport(facts));
    expect(names()).toEqual(['trip/clip.failed.txt']);
  });

  test('of the same job replaces its own', async () => {
    const previous = await write();
    expect(await write({ previous, text: failureReport({ ...facts, attempts: 3 }) })).toBe(previous);
    expect(names()).toEqual(['trip/clip.failed.txt']);
    expect(read(previous).toString()).toContain('Attempts    3');
  });

  test('of success takes the place of the one about failure', async () => {
    const previous = await write();
    const path = await write({ kind: 'report', previous });
    expect(basename(path)).toBe('clip.report.txt');
    expect(names()).toEqual(['trip/clip.report.txt']);
  });

  test.each([
    ["another job's", (path: string) => writeFileSync(path, failureReport({ ...facts, job: 'other' }))],
    ["somebody's own", (path: string) => writeFileSync(path, 'my notes')],
    ['one that quotes ours', (path: string) => writeFileSync(path, `${failureReport(facts)}\nmy notes\n`)],
    ['a link', (path: string) => symlinkSync('/nowhere', path)],
    ['a folder', (path: string) => mkdirSync(path)],
    ['one far too long for ours', (path: string) => writeFileSync(path, 'x'.repeat(70_000) + failureReport(facts))],
  ])('never replaces %s', async (_whose, make) => {
    mkdirSync(join(fixture.outbox, 'trip'));
    const taken = join(fixture.outbox, 'trip/clip.failed.txt');
    make(taken);
    const before = await nodeFiles.lstat(taken);
    const path = await write();
    expect(basename(path)).toBe('clip (2).failed.txt');
    expect((await nodeFiles.lstat(taken)).mtimeNs).toBe(before.mtimeNs);
    expect(await removeReport(taken, { job: 'k3f9', outbox: fixture.outbox, files: nodeFiles })).toBe(false);
    expect(await removeReport(path, { job: 'k3f9', outbox: fixture.outbox, files: nodeFiles })).toBe(true);
    expect((await nodeFiles.lstat(taken)).mtimeNs).toBe(before.mtimeNs);
  });

  test('can be removed by who does not know its job, if it is any of ours', async () => {
    const path = await write();
    expect(await removeReport(path, { outbox: fixture.outbox, files: nodeFiles })).toBe(true);
    expect(await removeReport(path, { outbox: fixture.outbox, files: nodeFiles })).toBe(false);
    writeFileSync(path, 'my notes');
    expect(await removeReport(path, { outbox: fixture.outbox, files: nodeFiles })).toBe(false);
  });

  test('of 0.1.0, whose last line had other words, is one of ours', async () => {
    const path = await write({
      text: 'clip.mp4 is waiting for you.\n\n-- report by shrinkbox about job k3f9; it is replaced or removed by itself\n',
    });
    expect(await write({ previous: path })).toBe(path);
    expect(read(path).toString()).toBe(failureReport(facts));
  });

  test('has a name every client can take', async () => {
    const path = await write({ relative: `tr:ip/${'ä'.repeat(126)}.mp4` });
    expect(Buffer.byteLength(basename(path))).toBeLessThanOrEqual(255);
    expect(path).toMatch(/\/tr_ip\/ä+\.failed\.txt$/);
  });

  test('is not written into an empty mount point', async () => {
    const outboxIdentity = await identityOf(fixture.outbox, nodeFiles);
    renameSync(fixture.outbox, `${fixture.outbox}-mounted`);
    mkdirSync(fixture.outbox);
    await expect(write({ outboxIdentity })).rejects.toMatchObject({ code: 'unavailable' });
    expect(fixture.seen()).toEqual([]);
  });

  test('that cannot be written leaves nothing, and the old one', async () => {
    const previous = await write();
    for (const [operation, errno, code] of [
      ['write', 'ENOSPC', 'no-space'],
      ['link', 'EROFS', 'denied'],
      ['rename', 'EIO', 'io'],
    ] as const) {
      const files = new FailingFiles().fail(operation, errno);
      await expect(write({ files, previous })).rejects.toMatchObject({ code });
      expect(names()).toEqual(['trip/clip.failed.txt']);
    }
    rmSync(previous);
  });
});
