import { describe, expect, it } from 'vitest';
import { clip, walk } from './support.ts';

describe('an MP4', () => {
  it('may end with padding once everything is there', async () => {
    expect((await walk(Buffer.concat([await clip('plain'), Buffer.alloc(512)]))).kind).toBe('complete');
    expect((await walk(Buffer.concat([await clip('faststart'), Buffer.alloc(3)]))).kind).toBe('complete');
  });

  it('was called incomplete for the words a camera keeps behind it, which look like a box', async () => {
    const trailer = Buffer.from('gyroscope '.repeat(50));
    expect((await walk(Buffer.concat([await clip('plain'), trailer]))).kind).toBe('complete');
    expect((await walk(Buffer.concat([await clip('faststart'), trailer]))).kind).toBe('complete');
    // A film that was cut is known by a box that may stand there.
    expect((await walk(Buffer.concat([await clip('plain'), Buffer.from('\0\0\x10\0udtahalf', 'latin1')]))).kind).toBe(
      'truncated',
    );
  });

  it('that is fragmented and has no index is suspect: more may come', async () => {
    const bytes = await clip('fragmented');
    const mfra = bytes.length - bytes.readUInt32BE(bytes.length - 4);
    expect(bytes.toString('latin1', mfra + 4, mfra + 8)).toBe('mfra');
    expect((await walk(bytes.subarray(0, mfra))).kind).toBe('suspect');
  });

  it('with its index first and its end still empty is suspect', async () => {
    const bytes = Buffer.from(await clip('faststart'));
    bytes.fill(0, bytes.length - 8192);
    expect((await walk(bytes)).kind).toBe('suspect');
  });

  it('with an index and no media is truncated', async () => {
    const moov = box('moov', Buffer.alloc(100, 1));
    const said = await walk(Buffer.concat([box('ftyp', Buffer.alloc(16, 1)), moov]));
    expect(said).toMatchObject({ kind: 'truncated', why: { code: 'completeness.no-media' } });
  });

  it('of which hardly anything is there has less than 1 %, not 0 %', async () => {
    const mdat = box('mdat', Buffer.alloc(100_000, 7)).subarray(0, 100);
    const said = await walk(Buffer.concat([box('ftyp', Buffer.alloc(16, 1)), box('moov', Buffer.alloc(100, 1)), mdat]));
    expect(said).toMatchObject({ kind: 'truncated', why: { text: 'less than 1 % of its media data is there' } });
  });

  it('may have 64-bit sizes and a last box that runs to the end', async () => {
    const large = Buffer.alloc(16 + 5_000, 7);
    large.writeUInt32BE(1, 0);
    large.write('mdat', 4, 'latin1');
    large.writeBigUInt64BE(BigInt(large.length), 8);
    const head = [box('ftyp', Buffer.alloc(16, 1)), box('moov', Buffer.alloc(100, 1))];
    expect((await walk(Buffer.concat([...head, large]))).kind).toBe('complete');
    expect((await walk(Buffer.concat([...head, large.subarray(0, -1)]))).kind).toBe('truncated');
    const open = Buffer.concat([Buffer.from([0, 0, 0, 0]), Buffer.from('mdat'), Buffer.alloc(5_000, 7)]);
    expect((await walk(Buffer.concat([...head, open]))).kind).toBe('complete');
  });

  it('may have a segment index that says where the last fragment ends', async () => {
    const media = [box('moof', Buffer.alloc(50, 1)), box('mdat', Buffer.alloc(900, 2))];
    const bytes = media.reduce((sum, part) => sum + part.length, 0);
    const head = [
      box('ftyp', Buffer.alloc(16, 1)),
      box('moov', Buffer.alloc(100, 1)),
      box('sidx', sidx([bytes, bytes])),
    ];
    expect((await walk(Buffer.concat([...head, ...media, ...media]))).kind).toBe('complete');
    expect((await walk(Buffer.concat([...head, ...media]))).kind).toBe('suspect');
  });

  it.each([
    [9_997, 'complete'],
    [9_998, 'unknown'],
  ])('with %d boxes more than it needs is %s', async (count, kind) => {
    const more = Array.from({ length: count }, () => box('free', Buffer.alloc(0)));
    const needed = [
      box('ftyp', Buffer.alloc(16, 1)),
      box('moov', Buffer.alloc(100, 1)),
      box('mdat', Buffer.alloc(8, 1)),
    ];
    expect((await walk(Buffer.concat([...needed, ...more]))).kind).toBe(kind);
  });

  it('may be a picture in the same kind of boxes (HEIF)', async () => {
    const parts = [
      box('ftyp', Buffer.from('heic')),
      box('meta', Buffer.alloc(50, 1)),
      box('mdat', Buffer.alloc(500, 2)),
    ];
    expect((await walk(Buffer.concat(parts))).kind).toBe('complete');
  });
});

function box(type: string, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(content.length + 8, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, content]);
}

function sidx(sizes: number[]): Buffer {
  const bytes = Buffer.alloc(24 + sizes.length * 12);
  bytes.writeUInt16BE(sizes.length, 22);
  for (const [i, size] of sizes.entries()) bytes.writeUInt32BE(size, 24 + i * 12);
  return bytes;
}
