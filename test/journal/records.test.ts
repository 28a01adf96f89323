import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, draft, encodeRecord, finish, MAX_WRITE_BYTES } from '../../src/journal/records.ts';

const RECORD = { seq: 7, at: 1_700_000_000_000, job: 'k3x9', event: 'started', data: { engine: 'local' } };
const LINE =
  '{"v":1,"seq":7,"at":1700000000000,"job":"k3x9","event":"started","data":{"engine":"local"},"crc":"103fd1f7"}\n';

function decode(text: string) {
  return decodeRecord(Buffer.from(text.endsWith('\n') ? text.slice(0, -1) : text));
}

/** A line with whatever content, and the right checksum for it. */
function signed(body: string): string {
  return `${body},"crc":"${crc(body)}"}`;
}

/** CRC-32 as in RFC 1952, on foot. */
function crc(body: string): string {
  let value = 0xffffffff;
  for (const byte of Buffer.from(body)) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ((value ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}

describe('a record', () => {
  it('looks like this on disk', () => {
    expect(encodeRecord(RECORD)).toBe(LINE);
    expect(decode(LINE)).toEqual({ kind: 'record', record: RECORD });
  });

  it('has a checksum that is plain CRC-32 of the bytes before it', () => {
    const body = LINE.slice(0, LINE.indexOf(',"crc"'));
    expect(LINE).toBe(`${signed(body)}\n`);
  });

  it('brings back any JSON', () => {
    fc.assert(
      fc.property(
        fc.record({
          seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
          at: fc.integer({ min: 0, max: 8.64e15 }),
          job: fc.option(fc.string({ unit: 'binary' })),
          event: fc.string({ unit: 'binary' }),
          data: fc.jsonValue(),
        }),
        record => {
          const line = encodeRecord(record);
          expect(line.indexOf('\n')).toBe(line.length - 1);
          expect(decode(line)).toEqual({ kind: 'record', record: JSON.parse(JSON.stringify(record)) });
        },
      ),
    );
  });

  it('shows every flipped byte', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.integer({ min: 1, max: 255 }), (data, where, mask) => {
        const line = Buffer.from(encodeRecord({ ...RECORD, data }).trimEnd());
        const at = where % line.length;
        line.writeUInt8(line.readUInt8(at) ^ mask, at);
        expect(decodeRecord(line).kind).toBe('bad');
      }),
      { numRuns: 1000 },
    );
  });

  it('shows every cut', () => {
    for (let length = 0; length < LINE.length - 1; length += 1) {
      expect(decode(LINE.slice(0, length)).kind).toBe('bad');
    }
  });

  it('never decodes noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(decodeRecord(Buffer.from(bytes)).kind).toBe('bad');
      }),
    );
  });

  it.each([
    ['nothing', '', 'it is empty'],
    ['half a record', LINE.slice(0, 40), 'it does not end like a record'],
    ['another program`s JSON', '{"level":30,"msg":"hello"}', 'it does not end like a record'],
    ['a changed checksum', LINE.replace('103fd1f7', '103fd1f8'), 'its checksum is 103fd1f8, its content says 103fd1f7'],
    [
      'an upper-case checksum',
      LINE.replace('103fd1f7', '103FD1F7'),
      'its checksum is 103FD1F7, its content says 103fd1f7',
    ],
    ['no JSON', signed('{"v":1,"seq":'), 'its checksum is right, but it is not JSON'],
    ['no version', signed('{"seq":1'), 'it has no version'],
    ['version 0', signed('{"v":0,"seq":1'), 'it has no version'],
    ['no number', signed('{"v":1,"seq":"1"'), 'it has no sequence number'],
    ['number 0', signed('{"v":1,"seq":0'), 'it has no sequence number'],
    ['no time', signed('{"v":1,"seq":1,"at":1.5'), 'it has no time'],
    ['no job', signed('{"v":1,"seq":1,"at":1'), 'it does not say which job it is about'],
    ['no event', signed('{"v":1,"seq":1,"at":1,"job":null'), 'it does not say what happened'],
    ['no data', signed('{"v":1,"seq":1,"at":1,"job":null,"event":"x"'), 'it has no data'],
  ])('says what is wrong with %s', (_, line, wrong) => {
    expect(decode(line)).toEqual({ kind: 'bad', wrong: expect.stringContaining(wrong) });
  });

  it('of a newer version is distinguished from a damaged one', () => {
    expect(decode(signed('{"v":4,"when":"tomorrow"'))).toEqual({ kind: 'newer', version: 4 });
    expect(decode(LINE.replace('"v":1', '"v":3')).kind).toBe('bad');
  });
});

describe('a draft', () => {
  it('is not touched by what happens to the data later', () => {
    const data = { n: 1 };
    const drafted = draft({ job: null, event: 'x', data }, 5);
    data.n = 2;
    expect(finish(drafted, 1)).toContain('"at":5,"job":null,"event":"x","data":{"n":1}');
  });

  it('knows an upper bound of its length', () => {
    for (const seq of [1, Number.MAX_SAFE_INTEGER]) {
      const drafted = draft({ job: '\u{1f4fc}', event: 'x', data: 'ü' }, 5);
      const length = Buffer.byteLength(finish(drafted, seq));
      expect(length).toBeLessThanOrEqual(drafted.bytes);
      expect(drafted.bytes - length).toBeLessThan(16);
    }
  });

  it('refuses what cannot be a record', () => {
    expect(() => draft({ job: null, event: 'x', data: 1n }, 5)).toThrow(TypeError);
    expect(() => draft({ job: null, event: 'x', data: null, at: Number.NaN }, 5)).toThrow(TypeError);
    expect(() => draft({ job: null, event: 'x', data: 'x'.repeat(MAX_WRITE_BYTES) }, 5)).toThrow(RangeError);
  });

  it('has null for data that JSON leaves out', () => {
    expect(decode(finish(draft({ job: null, event: 'x', data: undefined }, 5), 1))).toMatchObject({
      record: { data: null },
    });
  });
});
