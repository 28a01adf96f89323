import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isShrinkError, ShrinkError } from '../../src/core/errors.ts';
import { realJournalFiles } from '../../src/journal/io.ts';
import { encodeRecord, type JournalRecord, MAX_WRITE_BYTES } from '../../src/journal/records.ts';
import { readJournal } from '../../src/journal/replay.ts';
import { contents, entry, lines, numbersOf, open, put, read, tempDir, upTo } from './support.ts';

const FIRST = '000001.jsonl';

/** The error of a journal that may not be used, seen by both ways in, with nothing changed on the disk. */
async function refusal(dir: string): Promise<ShrinkError> {
  const before = await contents(dir);
  const reading = await read(dir).catch((error: unknown) => error);
  const opening = await open(dir).catch((error: unknown) => error);
  expect(await contents(dir)).toEqual(before);
  if (!(reading instanceof ShrinkError) || !(opening instanceof ShrinkError)) throw reading;
  expect(opening.message).toBe(reading.message);
  return reading;
}

/** A snapshot of `count` entries as its own segment, followed by `more` records. */
function snapshot(firstSeq: number, count: number, more: number): string[] {
  const mark = (seq: number, event: string, data: unknown) => encodeRecord({ seq, at: 1, job: null, event, data });
  return [
    mark(firstSeq, 'snapshot-begin', { jobs: count }),
    ...lines(count, 1).map((line, n) =>
      encodeRecord({ ...(JSON.parse(line) as JournalRecord), seq: firstSeq + 1 + n }),
    ),
    mark(firstSeq + count + 1, 'snapshot-end', { count }),
    ...upTo(more).map(n => encodeRecord({ seq: firstSeq + count + 2 + n, at: 1, ...entry(count + n) })),
  ];
}

describe('reading a journal', () => {
  it('that does not exist finds nothing and creates nothing', async () => {
    const dir = join(await tempDir(), 'journal');
    expect(await read(dir)).toMatchObject({ lastSeq: 0, records: 0, sinceSnapshot: 0, tornBytes: 0, found: [] });
    await expect(stat(dir)).rejects.toThrow('ENOENT');
  });

  it('gives records with the place they stand at, over all segments', async () => {
    const dir = await tempDir();
    await put(dir, FIRST, lines(3).join(''));
    await put(dir, '000002.jsonl', lines(2, 4).join(''));
    const places: unknown[] = [];
    const summary = await readJournal({ dir, onRecord: ({ seq }, position) => void places.push([seq, position]) });
    expect(places).toEqual([
      [1, { file: FIRST, line: 1 }],
      [2, { file: FIRST, line: 2 }],
      [3, { file: FIRST, line: 3 }],
      [4, { file: '000002.jsonl', line: 1 }],
      [5, { file: '000002.jsonl', line: 2 }],
    ]);
    expect(summary).toEqual({ lastSeq: 5, records: 5, sinceSnapshot: 5, tornBytes: 0 });
  });

  it('leaves a torn tail, unfinished snapshots and foreign files where they are', async () => {
    const dir = await tempDir();
    await put(dir, FIRST, `${lines(3).join('')}{"v":1,"se`);
    await put(dir, '000002.jsonl.tmp', snapshot(4, 2, 0).join(''));
    await put(dir, 'README', 'mine');
    const before = await contents(dir);
    expect(await read(dir)).toMatchObject({ numbers: [0, 1, 2], tornBytes: 10 });
    expect(await contents(dir)).toEqual(before);
  });

  it('starts at the newest segment that begins with a snapshot', async () => {
    const dir = await tempDir();
    await put(dir, FIRST, lines(5).join(''));
    await put(dir, '000002.jsonl', snapshot(6, 3, 2).join(''));
    await put(dir, '000003.jsonl', encodeRecord({ seq: 13, at: 1, ...entry(5) }));
    expect(await read(dir)).toMatchObject({ numbers: upTo(6), lastSeq: 13, records: 6, sinceSnapshot: 3 });
  });

  it('lets errors of the one who reads through', async () => {
    const dir = await tempDir();
    await put(dir, FIRST, lines(3).join(''));
    const seen: number[] = [];
    const reading = readJournal({
      dir,
      onRecord: ({ seq }) => {
        seen.push(seq);
        if (seq === 2) throw new TypeError('cannot happen there');
      },
    });
    await expect(reading).rejects.toThrow(new TypeError('cannot happen there'));
    expect(seen).toEqual([1, 2]);
  });

  it('looks again when a compaction changed the folder under its eyes', async () => {
    const dir = await tempDir();
    await put(dir, '000003.jsonl', snapshot(9, 4, 0).join(''));
    // Names as read while 1 and 2 were being removed and 3 had not been seen yet.
    const views = [['000002.jsonl'], ['000001.jsonl', '000003.jsonl.tmp']];
    const files = { ...realJournalFiles, list: async (path: string) => views.shift() ?? realJournalFiles.list(path) };
    expect((await read(dir, files)).numbers).toEqual(upTo(4));
  });

  it('reads a line that is longer than what it reads at once', async () => {
    const dir = await tempDir();
    const long = { seq: 1, at: 1, job: null, event: 'long', data: 'ü'.repeat(1_900_000) };
    await put(dir, FIRST, encodeRecord(long) + encodeRecord({ ...long, seq: 2, data: 'short' }));
    const { found } = await read(dir);
    expect(found.map(({ data }) => (data as string).length)).toEqual([1_900_000, 5]);
  });

  it('passes errors of the disk on with the path', async () => {
    const path = await put(await tempDir(), 'file', '');
    await expect(read(path)).rejects.toMatchObject({ name: 'ShrinkError', code: 'gone', subject: path });
  });
});

describe('a journal cut at any byte', () => {
  const whole = lines(8).join('');

  it('replays to what came before the cut', async () => {
    const dir = await tempDir();
    for (let length = 0; length <= whole.length; length += 1) {
      await put(dir, FIRST, whole.slice(0, length));
      const complete = whole.slice(0, length).split('\n').length - 1;
      expect(await read(dir), `cut at ${length}`).toMatchObject({ numbers: upTo(complete), lastSeq: complete });
    }
  });

  it('continues from there, and keeps what it cut off', async () => {
    const last = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let length = last - 1; length <= whole.length; length += 3) {
      const dir = await tempDir();
      const cut = whole.slice(0, length);
      const kept = cut.slice(0, cut.lastIndexOf('\n') + 1);
      const complete = cut.split('\n').length - 1;
      await put(dir, FIRST, cut);
      const first = await open(dir);
      await first.journal.append([entry(complete)]);
      await first.journal.close();
      expect(numbersOf(first.records), `cut at ${length}`).toEqual(upTo(complete));
      expect(await read(dir)).toMatchObject({ numbers: upTo(complete + 1), tornBytes: 0 });
      const torn = cut.slice(kept.length);
      const broken = await readFile(join(dir, `${FIRST}.broken`), 'utf8').catch(() => '');
      expect(broken).toBe(torn);
    }
  });

  it('is refused where the cut is in a segment that others follow', async () => {
    const dir = await tempDir();
    await put(dir, '000002.jsonl', lines(2, 9).join(''));
    for (let length = 0; length < whole.length; length += 7) {
      await put(dir, FIRST, whole.slice(0, length));
      await expect(read(dir), `cut at ${length}`).rejects.toMatchObject({ code: 'damaged' });
    }
  });

  it('is refused where the cut is in a snapshot', async () => {
    const dir = await tempDir();
    const segment = snapshot(6, 3, 2);
    const end = segment.slice(0, 5).join('').length;
    const text = segment.join('');
    for (let length = 0; length <= text.length; length += 1) {
      await put(dir, '000002.jsonl', text.slice(0, length));
      const reading = read(dir);
      if (length < end) await expect(reading, `cut at ${length}`).rejects.toMatchObject({ code: 'damaged' });
      else expect((await reading).numbers).toEqual(upTo(text.slice(0, length).split('\n').length - 3));
    }
  });
});

describe('a flipped bit', () => {
  it('in any byte is noticed, and the line is named', async () => {
    const dir = await tempDir();
    const whole = Buffer.from(lines(6).join(''));
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    let torn = 0;
    for (let at = 0; at < whole.length; at += 1) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
      await put(dir, FIRST, flipped);
      const line = whole.subarray(0, at).filter(byte => byte === 0x0a).length + 1;
      const outcome = await read(dir).catch((error: unknown) => error);
      if (isShrinkError(outcome, 'damaged')) {
        expect(outcome.message, `byte ${at}`).toContain(`${FIRST}, line ${line}: `);
        continue;
      }
      // Only the end can look torn: a lost newline, or a zero byte where there was text.
      expect(at, `byte ${at}`).toBeGreaterThanOrEqual(lastLine);
      expect(outcome).toMatchObject({ numbers: upTo(5) });
      torn += 1;
    }
    expect(torn).toBeLessThan(5);
  });

  it('is reported with what is wrong, the consequences and the remedy', async () => {
    const dir = await tempDir();
    const [a, b, c] = lines(3);
    await put(dir, FIRST, `${a}${b?.replace('counted', 'counter')}${c}`);
    const error = await refusal(dir);
    expect(error).toMatchObject({ code: 'damaged', subject: join(dir, FIRST) });
    expect(error.message).toMatch(
      /^the journal is damaged: 000001\.jsonl, line 2: its checksum is [0-9a-f]{8}, its content says [0-9a-f]{8}; good records follow$/,
    );
    expect(error.hint).toContain('backup');
  });
});

describe('the end of the last segment', () => {
  const good = lines(3).join('');
  const next = lines(1, 4).join('');

  it.each([
    ['half a record', next.slice(0, 50)],
    ['a record without its newline', next.trimEnd()],
    ['a zero-filled block', '\0'.repeat(4096)],
    ['half a record, then zeros', next.slice(0, 50) + '\0'.repeat(462)],
    ['a record with a sector of zeros in it', `${next.slice(0, 20)}${'\0'.repeat(60)}${next.slice(80)}`],
    ['several lost lines in one write', `${'\0'.repeat(100)}\n${'\0'.repeat(30)}\n${next.slice(0, 9)}`],
    ['noise without a newline', '\xff\xfe\x01 noise'],
    ['as much as one write can be', '\0'.repeat(MAX_WRITE_BYTES)],
  ])('is cut off where a crash left %s', async (_, tail) => {
    const dir = await tempDir();
    await put(dir, FIRST, Buffer.from(good + tail, 'latin1'));
    const { journal, records } = await open(dir);
    expect(numbersOf(records)).toEqual([0, 1, 2]);
    expect(journal.replayed.tornBytes).toBe(tail.length);
    await journal.append([entry(3)]);
    await journal.close();
    expect(await readFile(join(dir, `${FIRST}.broken`), 'latin1')).toBe(tail);
    expect(await read(dir)).toMatchObject({ numbers: upTo(4), tornBytes: 0 });
    expect((await stat(join(dir, `${FIRST}.broken`))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['a whole record with a wrong checksum', next.replace('counted', 'counter'), 'it is complete'],
    ['an empty line', '\n', 'it is empty; it is complete'],
    ['a foreign line', 'hello\n', 'it is complete'],
    ['zeros with a good record behind', `${'\0'.repeat(100)}${next}`, 'good records follow'],
    ['zeros with a good record without newline behind', `\0\0\n${next.trimEnd()}`, 'good records follow'],
    ['a record glued to half a one', `${next.slice(0, 50)}${next}`, 'good records follow'],
    ['more than one write can be', '\0'.repeat(MAX_WRITE_BYTES + 1), 'bytes or more, are bad'],
    ['far more than one write can be', '\0'.repeat(3 * MAX_WRITE_BYTES), 'bytes or more, are bad'],
  ])('is left alone, and the start refused, with %s', async (_, tail, wrong) => {
    const dir = await tempDir();
    await put(dir, FIRST, good + tail);
    const error = await refusal(dir);
    expect(error.code).toBe('damaged');
    expect(error.message).toContain('000001.jsonl, line 4: ');
    expect(error.message).toContain(wrong);
  });

  it('is kept beside those of earlier crashes', async () => {
    const dir = await tempDir();
    await put(dir, FIRST, good);
    for (const [n, tail] of ['one', 'two', 'three'].entries()) {
      await put(dir, FIRST, (await readFile(join(dir, FIRST), 'utf8')) + tail);
      const { journal } = await open(dir);
      await journal.append([entry(3 + n)]);
      await journal.close();
    }
    const found = await contents(dir);
    expect(Object.keys(found)).toEqual([FIRST, `${FIRST}.broken`, `${FIRST}.broken-2`, `${FIRST}.broken-3`]);
    expect([found[`${FIRST}.broken`], found[`${FIRST}.broken-2`], found[`${FIRST}.broken-3`]]).toEqual([
      'one',
      'two',
      'three',
    ]);
    expect(await read(dir)).toMatchObject({ numbers: upTo(6) });
  });
});

describe('a journal is refused', () => {
  const gap = [...lines(2), ...lines(1, 4)].join('');
  it.each<[string, Record<string, string>, string]>([
    ['with a record missing', { [FIRST]: gap }, '000001.jsonl, line 3: record 4 follows record 2'],
    ['with a record twice', { [FIRST]: [...lines(2), ...lines(1, 2)].join('') }, 'record 2 follows record 2'],
    ['that begins late', { [FIRST]: lines(2, 3).join('') }, 'line 1: the journal begins with record 3'],
    ['without its first segment', { '000002.jsonl': lines(2, 3).join('') }, 'what came before 000002.jsonl is missing'],
    [
      'without a segment in the middle',
      { [FIRST]: lines(2).join(''), '000003.jsonl': lines(2, 5).join('') },
      '000001.jsonl is not followed by the next segment',
    ],
    [
      'with a torn segment that is not the last',
      { [FIRST]: `${lines(2).join('')}{"v`, '000002.jsonl': lines(2, 3).join('') },
      '000001.jsonl, line 3: it does not end like a record',
    ],
    [
      'with a snapshot that lost an entry',
      {
        [FIRST]: snapshot(1, 3, 0)
          .map((line, n) => (n === 4 ? line.replace(/.*/, count4()) : line))
          .join(''),
      },
      'the snapshot says 4 records, there are 3',
    ],
    [
      'with a snapshot in the middle',
      { [FIRST]: lines(2).join('') + snapshot(3, 1, 0).join('') },
      'line 3: a snapshot begins in the middle',
    ],
    [
      'with the end of a snapshot only',
      { [FIRST]: encodeRecord({ seq: 1, at: 1, job: null, event: 'snapshot-end', data: null }) },
      'a snapshot ends that did not begin',
    ],
  ])('%s', async (_, segments, wrong) => {
    const dir = await tempDir();
    for (const [name, text] of Object.entries(segments)) await put(dir, name, text);
    const error = await refusal(dir);
    expect(error.code).toBe('damaged');
    expect(error.message).toContain(wrong);
  });

  it('when a newer version wrote it', async () => {
    const dir = await tempDir();
    await put(dir, FIRST, `${lines(2).join('')}{"v":4,"crc":"1aa667c7"}\n`);
    const error = await refusal(dir);
    expect(error.message).toContain('000001.jsonl, line 3 has version 4; this one reads up to 3');
    expect(error).toMatchObject({ code: 'newer-version', hint: expect.stringContaining('Update') });
  });

  function count4(): string {
    return encodeRecord({ seq: 5, at: 1, job: null, event: 'snapshot-end', data: { count: 4 } }).trimEnd();
  }
});

describe('whatever bytes a journal holds', () => {
  it('it is refused or replays to a beginning, and what follows can be appended', async () => {
    const whole = Buffer.from(lines(10).join(''));
    const spoil = fc.oneof(
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat(whole.length), bytes: fc.constant(new Uint8Array()) }),
      fc.record({
        kind: fc.constant('zero' as const),
        at: fc.nat(whole.length),
        bytes: fc.constant(new Uint8Array(99)),
      }),
      fc.record({
        kind: fc.constant('over' as const),
        at: fc.nat(whole.length),
        bytes: fc.uint8Array({ minLength: 1 }),
      }),
      fc.record({
        kind: fc.constant('tail' as const),
        at: fc.nat(whole.length),
        bytes: fc.uint8Array({ minLength: 1 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(spoil, async ({ kind, at, bytes }) => {
        const dir = await tempDir();
        const rest = kind === 'cut' || kind === 'tail' ? [] : [whole.subarray(at + bytes.length)];
        await put(dir, FIRST, Buffer.concat([whole.subarray(0, at), bytes, ...rest]));
        const opened = await open(dir).catch((error: unknown) => error as ShrinkError);
        if (opened instanceof ShrinkError) {
          expect(opened.code).toBe('damaged');
          expect(await readdir(dir)).toEqual([FIRST]);
          return;
        }
        const count = opened.records.length;
        expect(numbersOf(opened.records)).toEqual(upTo(count));
        await opened.journal.append([entry(count)]);
        await opened.journal.close();
        expect((await read(dir)).numbers).toEqual(upTo(count + 1));
      }),
      { numRuns: 200 },
    );
  });
});
