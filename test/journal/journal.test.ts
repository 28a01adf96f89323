import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_WRITE_BYTES } from '../../src/journal/records.ts';
import { COMPACT_AFTER_RECORDS, isCompactionDue } from '../../src/journal/snapshot.ts';
import { FailingFiles } from './failing-files.ts';
import { entry, lines, numbersOf, open, put, read, tempDir, upTo } from './support.ts';

describe('an empty journal', () => {
  it('has one empty private segment and no records', async () => {
    const dir = await tempDir();
    const { journal, records } = await open(dir);
    expect(await readdir(dir)).toEqual(['000001.jsonl']);
    expect((await stat(join(dir, '000001.jsonl'))).mode & 0o777).toBe(0o600);
    expect([records, journal.size, journal.lastSeq]).toEqual([[], 0, 0]);
    await journal.close();
    expect((await read(dir)).found).toEqual([]);
  });

  it('needs a directory', async () => {
    const dir = join(await tempDir(), 'nowhere');
    await expect(open(dir)).rejects.toMatchObject({ code: 'gone', subject: dir });
  });
});

describe('append', () => {
  it('stops when its file was deleted: it went on in one without a name, and a start began everything again', async () => {
    const dir = await tempDir();
    const { journal, fatal } = await open(dir);
    await journal.append([entry(0)]);
    await rm(dir, { recursive: true });
    await expect(journal.append([entry(1)])).rejects.toMatchObject({
      code: 'journal-write',
      message: 'the journal cannot be written: it was deleted while shrinkbox was writing to it',
    });
    expect(fatal).toHaveLength(1);
  });

  it('brings records back in order, as they were when they were appended', async () => {
    const dir = await tempDir();
    const { journal } = await open(dir);
    const data = { n: 0 };
    const first = journal.append([{ job: null, event: 'a', data, at: 17 }]);
    data.n = 99;
    await Promise.all([first, journal.append([entry(1), entry(2)]), journal.append([]), journal.append([entry(3)])]);
    const now = Date.now();
    await journal.close();
    const { records } = await open(dir);
    expect(numbersOf(records)).toEqual(upTo(4));
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(records[0]).toEqual({ seq: 1, at: 17, job: null, event: 'a', data: { n: 0 } });
    expect(now - (records[1]?.at ?? 0)).toBeLessThan(60_000);
  });

  it('shares one write and one sync among all that wait', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const { journal } = await open(dir, { files });
    const [writes, syncs] = [files.count('write'), files.count('datasync')];
    let letGo = () => {};
    let reached = () => {};
    const held = new Promise<void>(resolve => {
      letGo = resolve;
    });
    const syncing = new Promise<void>(resolve => {
      reached = resolve;
    });
    files.before = operation => {
      if (operation !== 'datasync') return undefined;
      reached();
      return held;
    };
    const order: number[] = [];
    const append = (n: number) => journal.append([entry(n)]).then(() => order.push(n));
    const leaders = [0, 1, 2].map(append);
    await syncing;
    const followers = upTo(100).map(n => append(3 + n));
    expect(journal.fsyncStats()).toMatchObject({ count: 0 });
    letGo();
    await Promise.all([...leaders, ...followers]);
    expect(order).toEqual(upTo(103));
    expect([files.count('write') - writes, files.count('datasync') - syncs]).toEqual([2, 2]);
    const stats = journal.fsyncStats();
    expect(stats).toMatchObject({ count: 2, pendingMs: 0 });
    expect(stats.totalMs).toBeGreaterThanOrEqual(stats.lastMs);
  });

  it('resolves only after a sync that covers it', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const path = join(dir, '000001.jsonl');
    let synced = 0;
    const { journal } = await open(dir, { files });
    files.before = async operation => {
      // Every write of this journal is followed by its sync, so what stands there before a sync is what it covers.
      if (operation === 'datasync') synced = (await readFile(path, 'utf8')).split('\n').length - 1;
    };
    await Promise.all(
      upTo(8).map(async worker => {
        for (const turn of upTo(25)) {
          await journal.append([{ job: String(worker), event: 'turn', data: turn }]);
          const text = await readFile(path, 'utf8');
          const line = text
            .split('\n')
            .findIndex(found => found.includes(`"job":"${worker}","event":"turn","data":${turn},`));
          expect(line).toBeGreaterThanOrEqual(0);
          expect(line).toBeLessThan(synced);
        }
      }),
    );
    expect(files.count('datasync')).toBeLessThan(200);
  });

  it('never writes more at once than a torn tail may be', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const { journal } = await open(dir, { files });
    const big = { job: null, event: 'big', data: 'x'.repeat(MAX_WRITE_BYTES / 2 - 200) };
    await journal.append([big, big, big, entry(1)]);
    expect(files.count('write')).toBe(2);
    await journal.close();
    expect((await read(dir)).found.map(({ event }) => event)).toEqual(['big', 'big', 'big', 'counted']);
  });

  it('refuses anything but a record, without harm to others', async () => {
    const dir = await tempDir();
    const { journal, fatal } = await open(dir);
    const good = journal.append([entry(0)]);
    await expect(journal.append([entry(1), { job: null, event: 'x', data: 1n }])).rejects.toThrow(TypeError);
    await expect(journal.append([{ job: null, event: 'x', data: 'x'.repeat(MAX_WRITE_BYTES) }])).rejects.toThrow(
      RangeError,
    );
    await expect(journal.append([{ job: null, event: 'snapshot-end', data: null }])).rejects.toThrow('writes itself');
    await good;
    await journal.append([entry(1)]);
    await journal.close();
    expect(fatal).toEqual([]);
    expect((await read(dir)).numbers).toEqual([0, 1]);
  });

  it('is refused after close, which waits for what came before', async () => {
    const dir = await tempDir();
    const { journal, fatal } = await open(dir);
    const before = journal.append([entry(0)]);
    const closing = journal.close();
    await expect(journal.append([entry(1)])).rejects.toMatchObject({ code: 'journal-write' });
    await expect(journal.compact([])).rejects.toMatchObject({ code: 'journal-write' });
    await Promise.all([before, closing, journal.close()]);
    expect((await read(dir)).numbers).toEqual([0]);
    expect(fatal).toEqual([]);
  });
});

describe('segments', () => {
  it('rotate at their size, and are read as one', async () => {
    const dir = await tempDir();
    const { journal } = await open(dir, { segmentBytes: 500 });
    for (const n of upTo(20)) await journal.append([entry(n)]);
    await journal.close();
    const names = await readdir(dir);
    expect(names).toEqual(upTo(4).map(n => `00000${n + 1}.jsonl`));
    const sizes = await Promise.all(names.map(async name => (await stat(join(dir, name))).size));
    expect(journal.size).toBe(sizes.reduce((a, b) => a + b));
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThanOrEqual(500);
    const again = await open(dir, { segmentBytes: 500 });
    expect(numbersOf(again.records)).toEqual(upTo(20));
    expect(again.journal.size).toBe(journal.size);
    await again.journal.append([entry(20)]);
    await again.journal.close();
    expect((await read(dir)).numbers).toEqual(upTo(21));
  });
});

describe('compaction', () => {
  it('replaces all before it, keeps all after it, and continues counting', async () => {
    const dir = await tempDir();
    const { journal } = await open(dir, { segmentBytes: 500 });
    const before = upTo(20).map(n => journal.append([entry(100 + n)]));
    const compacted = journal.compact(upTo(5).map(entry));
    const after = journal.append([entry(5)]);
    expect(await compacted).toBe(true);
    await Promise.all([...before, after]);
    expect(journal.lastSeq).toBe(20 + 7 + 1);
    await journal.append([entry(6)]);
    await journal.close();
    expect(await readdir(dir)).toEqual(['000002.jsonl', '000003.jsonl']);
    const { records, journal: again } = await open(dir);
    expect(numbersOf(records)).toEqual(upTo(7));
    expect(again.replayed).toMatchObject({ records: 7, sinceSnapshot: 2, lastSeq: 29 });
  });

  it('takes any iterable, and keeps times that are given', async () => {
    const dir = await tempDir();
    const { journal } = await open(dir);
    await journal.compact(
      (function* () {
        for (const n of upTo(3)) yield { ...entry(n), at: 10 + n };
      })(),
    );
    await journal.close();
    const begin = JSON.parse((await readFile(join(dir, '000002.jsonl'), 'utf8')).split('\n')[0] ?? '');
    expect(begin).toMatchObject({ seq: 1, job: null, event: 'snapshot-begin', data: { jobs: null } });
    expect((await read(dir)).found.map(({ at }) => at)).toEqual([10, 11, 12]);
  });

  it('is written in pieces, so that the event loop is free in between', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const { journal } = await open(dir, { files });
    const data = 'x'.repeat(1000);
    await journal.compact(upTo(10_000).map(n => ({ job: `job${n}`, event: 'kept', data })));
    // 11 MB in pieces of 256 KiB.
    expect(files.count('write')).toBeGreaterThanOrEqual(40);
    await journal.close();
    expect((await read(dir)).records).toBe(10_000);
  });

  it('whose old segments were not removed any more is finished at the next start', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const first = await open(dir, { files, segmentBytes: 500 });
    for (const n of upTo(12)) await first.journal.append([entry(100 + n)]);
    files.fault = { operation: 'unlink', nth: files.count('unlink') + 1, how: 'crash' };
    await first.journal.compact(upTo(4).map(entry));
    const left = await readdir(dir);
    expect(left).toContain('000001.jsonl');
    const second = await open(dir);
    expect(numbersOf(second.records)).toEqual(upTo(4));
    expect(await readdir(dir)).toEqual([left.at(-1)]);
    await second.journal.append([entry(4)]);
    await second.journal.close();
    expect((await read(dir)).numbers).toEqual(upTo(5));
  });

  it('that died half-way is forgotten', async () => {
    const dir = await tempDir();
    await put(dir, '000001.jsonl', lines(3).join(''));
    await put(dir, '000002.jsonl.tmp', lines(2, 4).join(''));
    const { journal, records } = await open(dir);
    expect(numbersOf(records)).toEqual(upTo(3));
    expect(await readdir(dir)).toEqual(['000001.jsonl']);
    expect(await journal.compact([entry(0)])).toBe(true);
    expect(await readdir(dir)).toEqual(['000002.jsonl']);
    await journal.close();
  });

  it('is abandoned at a bad entry, and the journal continues', async () => {
    const dir = await tempDir();
    const { journal, fatal } = await open(dir);
    await journal.append([entry(0)]);
    await expect(journal.compact([entry(0), { job: null, event: 'x', data: 1n }])).rejects.toThrow(TypeError);
    await expect(journal.compact([{ job: null, event: 'snapshot-begin', data: null }])).rejects.toThrow(
      'writes itself',
    );
    await journal.append([entry(1)]);
    await journal.close();
    expect(fatal).toEqual([]);
    expect(await readdir(dir)).toEqual(['000001.jsonl']);
    expect((await read(dir)).numbers).toEqual([0, 1]);
  });

  it('is due after many records, most of them about things past', () => {
    expect(isCompactionDue(50_000, 0)).toBe(false);
    expect(isCompactionDue(50_001, 0)).toBe(true);
    expect(isCompactionDue(50_001, 12_500)).toBe(true);
    expect(isCompactionDue(50_001, 12_501)).toBe(false);
    expect(isCompactionDue(400_001, 100_000)).toBe(true);
  });

  it('is asked for once, and counted from the last snapshot', async () => {
    const dir = await tempDir();
    const { journal } = await open(dir);
    const count = COMPACT_AFTER_RECORDS + 1;
    await journal.append(upTo(count).map(entry));
    expect(journal.shouldCompact(10)).toBe(true);
    expect(journal.shouldCompact(count)).toBe(false);
    const compacting = journal.compact(upTo(10).map(entry));
    expect(journal.shouldCompact(10)).toBe(false);
    await compacting;
    expect(journal.shouldCompact(10)).toBe(false);
    await journal.close();
    expect((await open(dir)).journal.shouldCompact(10)).toBe(false);
  });

  it('that finds no room is not asked for again at once', async () => {
    const dir = await tempDir();
    const files = new FailingFiles();
    const { journal } = await open(dir, { files });
    const count = COMPACT_AFTER_RECORDS + 1;
    await journal.append(upTo(count).map(entry));
    files.fault = { operation: 'write', nth: files.count('write') + 1, how: 'ENOSPC' };
    expect(await journal.compact([entry(0)])).toBe(false);
    expect(journal.shouldCompact(10)).toBe(false);
    await journal.append(upTo(count).map(entry));
    expect(journal.shouldCompact(10)).toBe(true);
    await journal.close();
    expect(await readdir(dir)).toEqual(['000001.jsonl']);
  });
});

describe('a reader beside a daemon', () => {
  it('always sees a beginning of the truth', async () => {
    const dir = await tempDir();
    const { journal } = await open(dir, { segmentBytes: 2000 });
    let acknowledged = 0;
    let running = true;
    const daemon = (async () => {
      for (let n = 0; running; n += 1) {
        await journal.append([entry(n)]);
        acknowledged = n + 1;
        if (n % 20 === 19) await journal.compact(upTo(n + 1).map(entry));
      }
    })();
    for (const _ of upTo(40)) {
      const least = acknowledged;
      const { numbers } = await read(dir);
      expect(numbers).toEqual(upTo(numbers.length));
      expect(numbers.length).toBeGreaterThanOrEqual(least);
    }
    running = false;
    await daemon;
    await journal.close();
  });
});

describe('opening', () => {
  it('makes durable what the process before left in the page cache only', async () => {
    const dir = await tempDir();
    await put(dir, '000001.jsonl', lines(3).join(''));
    const files = new FailingFiles();
    const { journal } = await open(dir, { files });
    const done = files.calls.map(({ operation, path }) => `${operation} ${basename(path)}`);
    expect(done.slice(-4)).toEqual([
      'read 000001.jsonl',
      'write 000001.jsonl',
      'datasync 000001.jsonl',
      `syncDir ${basename(dir)}`,
    ]);
    expect(await readFile(join(dir, '000001.jsonl'), 'utf8')).toBe(lines(3).join(''));
    await journal.close();
  });
});
