import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ShrinkError } from '../../src/core/errors.ts';
import { FailingFiles, type Fault, type Operation, POWER_CUTS } from './failing-files.ts';
import { entry, lines, numbersOf, open, put, read, tempDir, upTo } from './support.ts';

const WRITING: Operation[] = ['open', 'write', 'datasync', 'rename', 'unlink', 'syncDir'];

interface Outcome {
  files: FailingFiles;
  acknowledged: number;
  fatal: ShrinkError[];
  failures: unknown[];
  compacted: (boolean | 'failed')[];
  /** Calls made before the journal was open. */
  opening: Record<string, number>;
}

/** Two rounds of appends that rotate, each followed by a compaction; stops at the first failure, as the daemon does. */
async function life(dir: string, fault?: (opening: Record<string, number>) => Fault): Promise<Outcome> {
  const files = new FailingFiles();
  const { journal, fatal } = await open(dir, { files, segmentBytes: 400 });
  const opening = Object.fromEntries(WRITING.map(operation => [operation, files.count(operation)]));
  files.fault = fault?.(opening);
  const outcome: Outcome = { files, acknowledged: 0, fatal, failures: [], compacted: [], opening };
  let n = 0;
  const failed = (error: unknown) => void outcome.failures.push(error);
  for (const round of [0, 1]) {
    for (const turn of upTo(4)) {
      const appends = upTo(1 + turn).map(() => {
        n += 1;
        const count = n;
        return journal.append([entry(count - 1)]).then(() => {
          outcome.acknowledged = Math.max(outcome.acknowledged, count);
        }, failed);
      });
      await Promise.all(appends);
    }
    const compacting = journal.compact(upTo(n).map(entry)).catch((error: unknown) => {
      failed(error);
      return 'failed' as const;
    });
    n += 1;
    const count = n;
    await journal.append([entry(count - 1)]).then(() => {
      outcome.acknowledged = count;
    }, failed);
    outcome.compacted.push(await compacting);
    if (fatal.length > 0 || round === 1) break;
  }
  await expectSilence(journal, files, fatal.length > 0);
  await journal.close();
  expect(files.openFiles).toBe(0);
  return outcome;
}

/** A journal that failed once does nothing any more. */
async function expectSilence(
  journal: Awaited<ReturnType<typeof open>>['journal'],
  files: FailingFiles,
  failed: boolean,
) {
  if (!failed) return;
  const calls = files.calls.length;
  await expect(journal.append([entry(999)])).rejects.toMatchObject({ code: 'journal-write' });
  await expect(journal.compact([])).rejects.toMatchObject({ code: 'journal-write' });
  expect(files.calls.length).toBe(calls);
}

/** What was acknowledged is there, nothing is there twice or from nowhere, and the journal can be written again. */
async function expectIntact(dir: string, acknowledged: number): Promise<void> {
  const { journal, records, fatal } = await open(dir);
  const count = records.length;
  expect(numbersOf(records)).toEqual(upTo(count));
  expect(count).toBeGreaterThanOrEqual(acknowledged);
  expect(count).toBeLessThanOrEqual(22);
  await journal.append([entry(count)]);
  await journal.close();
  expect(fatal).toEqual([]);
  expect((await read(dir)).numbers).toEqual(upTo(count + 1));
}

const healthy = await (async () => {
  const dir = await tempDir();
  const outcome = await life(dir);
  return {
    ...outcome,
    total: (operation: Operation) => outcome.files.count(operation) - (outcome.opening[operation] ?? 0),
  };
})();

const points = WRITING.flatMap(operation => upTo(healthy.total(operation)).map(n => [operation, n + 1] as const));

it('a life without faults rotates and compacts', () => {
  expect(healthy).toMatchObject({ acknowledged: 22, fatal: [], failures: [], compacted: [true, true] });
  expect(healthy.total('open')).toBeGreaterThan(4);
  expect(healthy.total('datasync')).toBeGreaterThan(10);
  expect(healthy.total('rename')).toBe(2);
  expect(healthy.total('unlink')).toBeGreaterThan(3);
});

describe('an error', () => {
  it.each(points)('at %s number %i loses nothing that was acknowledged', async (operation, nth) => {
    const errno = ['open', 'write'].includes(operation) ? 'ENOSPC' : 'EIO';
    const dir = await tempDir();
    const outcome = await life(dir, opening => ({ operation, nth: nth + (opening[operation] ?? 0), how: errno }));
    const { path } = outcome.files.calls.filter(call => call.operation === operation)[
      nth + (outcome.opening[operation] ?? 0) - 1
    ] ?? { path: '' };
    // An old segment that stays is no harm; a snapshot that cannot be written is done without.
    const harmless = operation === 'unlink' || (path.endsWith('.tmp') && ['open', 'write'].includes(operation));
    expect(outcome.fatal.map(({ code }) => code)).toEqual(harmless ? [] : ['journal-write']);
    expect(outcome.fatal[0]?.message ?? errno).toContain(errno);
    for (const failure of outcome.failures) expect(failure).toBe(outcome.fatal[0]);
    if (harmless) expect(outcome.acknowledged).toBe(22);
    else expect(outcome.failures.length).toBeGreaterThan(0);
    if (path.endsWith('.tmp') && harmless) expect(outcome.compacted).toContain(false);
    await expectIntact(dir, outcome.acknowledged);
  });
});

describe('a short write', () => {
  it.each(upTo(healthy.total('write')).map(n => n + 1))('number %i is noticed', async nth => {
    const dir = await tempDir();
    const outcome = await life(dir, opening => ({
      operation: 'write',
      nth: nth + (opening['write'] ?? 0),
      how: 'short',
    }));
    if (outcome.compacted.includes(false)) expect(outcome.fatal).toEqual([]);
    else expect(outcome.fatal[0]?.message).toMatch(/only \d+ of \d+ bytes were written/);
    await expectIntact(dir, outcome.acknowledged);
  });
});

describe.each(['crash', ...POWER_CUTS])('a %s', how => {
  it.each(points)('at %s number %i loses nothing that was acknowledged', async (operation, nth) => {
    const dir = await tempDir();
    const outcome = await life(dir, opening => ({ operation, nth: nth + (opening[operation] ?? 0), how }));
    await expectIntact(dir, outcome.acknowledged);
  });
});

describe('a failed sync', () => {
  it('is not tried again, and everybody who waits learns of it at once', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const { journal, fatal } = await open(dir, { files });
    await journal.append([entry(0)]);
    files.fault = { operation: 'datasync', nth: files.count('datasync') + 1, how: 'EIO' };
    const syncs = files.count('datasync');
    const waiting: Promise<unknown>[] = [];
    files.before = operation => {
      // Others come while it is under way.
      if (operation === 'datasync') waiting.push(journal.append([entry(2)]), journal.compact([entry(3)]));
    };
    await expect(journal.append([entry(1)])).rejects.toMatchObject({
      code: 'journal-write',
      subject: expect.stringContaining('000001.jsonl'),
      hint: expect.stringContaining('start shrinkbox again'),
    });
    for (const one of waiting) await expect(one).rejects.toBe(fatal[0]);
    await journal.close();
    expect(waiting).toHaveLength(2);
    expect(fatal).toHaveLength(1);
    expect(files.count('datasync')).toBe(syncs + 1);
    expect(journal.fsyncStats()).toMatchObject({ count: 1, pendingMs: 0 });
    await expectIntact(dir, 1);
  });
});

describe('opening', () => {
  const prepared = async () => {
    const dir = await tempDir();
    await put(dir, '000001.jsonl', `${lines(5).join('')}{"v":1,"seq":6,`);
    await put(dir, '000002.jsonl.tmp', 'half a snapshot');
    return dir;
  };
  const operations: Operation[] = ['list', 'open', 'read', 'write', 'truncate', 'datasync', 'unlink', 'syncDir'];

  it.each(operations.flatMap(operation => ['EIO', 'crash'].map(how => [operation, how] as const)))(
    'that fails at any %s with %s leaves everything for the next try',
    async (operation, how) => {
      const files = new FailingFiles();
      await (await open(await prepared(), { files })).journal.close();
      expect(files.count(operation)).toBeGreaterThan(0);
      for (const nth of upTo(files.count(operation))) {
        const dir = await prepared();
        const failing = new FailingFiles({ operation, nth: nth + 1, how });
        await expect(open(dir, { files: failing })).rejects.toMatchObject({ name: 'ShrinkError' });
        expect(failing.openFiles).toBe(0);
        const { journal, records } = await open(dir);
        expect(numbersOf(records)).toEqual(upTo(5));
        await journal.append([entry(5)]);
        await journal.close();
        expect((await read(dir)).numbers).toEqual(upTo(6));
      }
    },
  );

  it.each(POWER_CUTS)('has what it cuts off safe beside it, whatever comes in that moment: %s', async how => {
    const dir = await prepared();
    const files = new FailingFiles({ operation: 'truncate', nth: 1, how });
    await expect(open(dir, { files })).rejects.toMatchObject({ name: 'ShrinkError' });
    expect(await readFile(join(dir, '000001.jsonl.broken'), 'utf8')).toBe('{"v":1,"seq":6,');
  });

  it('that cannot write is distinguished from one that cannot read', async () => {
    const full = new FailingFiles({ operation: 'write', nth: 1, how: 'ENOSPC' });
    await expect(open(await prepared(), { files: full })).rejects.toMatchObject({
      code: 'journal-write',
      hint: expect.stringContaining('Make room'),
    });
    const broken = new FailingFiles({ operation: 'read', nth: 1, how: 'EIO' });
    await expect(open(await prepared(), { files: broken })).rejects.toMatchObject({ code: 'io' });
  });
});
