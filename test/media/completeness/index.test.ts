import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { extensionOf, VIDEO_EXTENSIONS } from '../../../src/core/file-names.ts';
import { type Completeness, checkCompleteness } from '../../../src/media/completeness/index.ts';
import { type FootageName, footage } from '../../support/footage.ts';

/** Walks bytes as if they were a file, and counts what was read. */
async function walk(bytes: Buffer): Promise<Completeness & { reads: number; bytesRead: number }> {
  let reads = 0;
  let bytesRead = 0;
  const said = await checkCompleteness({
    size: bytes.length,
    async read(offset, length) {
      const part = bytes.subarray(offset, offset + length);
      reads += 1;
      bytesRead += part.length;
      return part;
    },
  });
  return { ...said, reads, bytesRead };
}

const CLIPS = ['plain', 'faststart', 'fragmented', 'rotated', 'odd', 'webm', 'avi'] as const satisfies FootageName[];
const clips = new Map<FootageName, Buffer>();

beforeAll(async () => {
  for (const name of [...CLIPS, 'transport'] as const) clips.set(name, await readFile(await footage(name)));
});

function clip(name: FootageName): Buffer {
  return clips.get(name) ?? Buffer.alloc(0);
}

describe.each(CLIPS)('a file like %s', name => {
  it('is complete as it was made, and a few small reads tell', async () => {
    const said = await walk(clip(name));
    expect(said.kind).toBe('complete');
    expect(said.bytesRead).toBeLessThan(64 * 1024);
  });

  it.each([1, 10, 50, 95, 99])('is truncated at %d %', async percent => {
    const bytes = clip(name);
    const said = await walk(bytes.subarray(0, Math.floor((bytes.length * percent) / 100)));
    expect(said).toMatchObject({ kind: 'truncated', why: { text: expect.stringMatching(/^[a-z ]/) } });
  });

  it('is not complete a single byte short', async () => {
    expect((await walk(clip(name).subarray(0, -1))).kind).toBe('truncated');
  });

  it.each([10, 50, 95])('is not complete with its last bytes reserved but not written after %d %', async percent => {
    const bytes = Buffer.from(clip(name));
    bytes.fill(0, Math.floor((bytes.length * percent) / 100));
    // AVI chunks are not walked: all of its arithmetic stands in the first bytes.
    if (name === 'avi') return expect((await walk(bytes)).kind).toBe('complete');
    expect((await walk(bytes)).kind).toMatch(/truncated|suspect/);
  });
});

const corpus = process.env['SHRINKBOX_CORPUS'];
const realFiles = corpus ? readdirSync(corpus).filter(name => VIDEO_EXTENSIONS.has(extensionOf(name))) : [];

describe.each(realFiles)('real footage: %s', name => {
  it('is complete, or its format has no such arithmetic; cut in half it is not complete', async () => {
    const bytes = await readFile(join(corpus ?? '', name));
    expect((await walk(bytes)).kind).toMatch(/^(complete|unknown)$/);
    expect((await walk(bytes.subarray(0, bytes.length / 2))).kind).toMatch(/^(truncated|unknown)$/);
  });
});

describe('what the bytes say', () => {
  it('counts, not the format: a transport stream has no end to check but that of its last packet', async () => {
    expect((await walk(clip('transport'))).kind).toBe('unknown');
    expect((await walk(clip('transport').subarray(0, 188 * 200))).kind).toBe('unknown');
  });

  it.each([-1, -100, -187])(
    'is a transport stream cut inside a packet (was: half a recording delivered), %d bytes',
    async cut => {
      const said = await walk(clip('transport').subarray(0, cut));
      expect(said).toMatchObject({ kind: 'truncated', why: { code: 'completeness.cut-packet' } });
    },
  );

  it('is a camcorder stream of 192-byte packets, whole or cut', async () => {
    const plain = clip('transport').subarray(0, 188 * 50);
    const packets = Array.from({ length: 50 }, (_, n) =>
      Buffer.concat([Buffer.from([0, 1, 2, n]), plain.subarray(n * 188, (n + 1) * 188)]),
    );
    expect((await walk(Buffer.concat(packets))).kind).toBe('unknown');
    expect((await walk(Buffer.concat(packets).subarray(0, -5))).kind).toBe('truncated');
  });

  it('is an FLV whose last tag is whole, or not', async () => {
    const tag = (type: number, bytes: number) => {
      const head = Buffer.alloc(11);
      head[0] = type;
      head.writeUIntBE(bytes, 1, 3);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes + 11);
      return Buffer.concat([head, Buffer.alloc(bytes, 7), length]);
    };
    const flv = Buffer.concat([
      Buffer.from('FLV\x01\x05\0\0\0\x09\0\0\0\0', 'latin1'),
      tag(18, 200),
      tag(9, 900),
      tag(8, 50),
    ]);
    expect((await walk(flv)).kind).toBe('unknown');
    for (const cut of [-1, -4, -30, -70, -500]) expect((await walk(flv.subarray(0, cut))).kind).toBe('truncated');
  });

  it('counts, not the name: text is unknown', async () => {
    expect((await walk(Buffer.from('#EXTM3U\nnot a video\n'.repeat(20)))).kind).toBe('unknown');
  });

  it('is nothing yet, where space is only reserved', async () => {
    expect((await walk(Buffer.alloc(100_000))).kind).toBe('truncated');
  });

  it('of an MP4 may end with padding once everything is there', async () => {
    expect((await walk(Buffer.concat([clip('plain'), Buffer.alloc(512)]))).kind).toBe('complete');
    expect((await walk(Buffer.concat([clip('faststart'), Buffer.alloc(3)]))).kind).toBe('complete');
  });

  it('of a fragmented MP4 without its index leave it open whether more comes', async () => {
    const bytes = clip('fragmented');
    const mfra = bytes.length - bytes.readUInt32BE(bytes.length - 4);
    expect(bytes.toString('latin1', mfra + 4, mfra + 8)).toBe('mfra');
    expect((await walk(bytes.subarray(0, mfra))).kind).toBe('suspect');
  });

  it('of a faststart MP4 whose end is still empty leave a doubt', async () => {
    const bytes = Buffer.from(clip('faststart'));
    bytes.fill(0, bytes.length - 8192);
    expect((await walk(bytes)).kind).toBe('suspect');
  });

  it('of an index without media say that the media is missing', async () => {
    const moov = box('moov', Buffer.alloc(100, 1));
    const said = await walk(Buffer.concat([box('ftyp', Buffer.alloc(16, 1)), moov]));
    expect(said).toMatchObject({ kind: 'truncated', why: { code: 'completeness.no-media' } });
  });

  it('may use 64-bit sizes and a last part that runs to the end', async () => {
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

  it('may be a segment index that tells where the last fragment ends', async () => {
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

  it('may be a picture in the same kind of boxes', async () => {
    const parts = [
      box('ftyp', Buffer.from('heic')),
      box('meta', Buffer.alloc(50, 1)),
      box('mdat', Buffer.alloc(500, 2)),
    ];
    expect((await walk(Buffer.concat(parts))).kind).toBe('complete');
  });
});

describe('Matroska without a size', () => {
  const cluster = (size: number[], ...content: Buffer[]) =>
    Buffer.concat([Buffer.from([0x1f, 0x43, 0xb6, 0x75, ...size]), ...content]);
  const block = Buffer.concat([Buffer.from([0xa3, 0x40, 100]), Buffer.alloc(100, 5)]);
  const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const head = Buffer.concat([
    Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x84, 0x42, 0x86, 0x81, 0x01]),
    Buffer.from([0x18, 0x53, 0x80, 0x67, ...UNKNOWN]),
    Buffer.from([0x15, 0x49, 0xa9, 0x66, 0x80]),
  ]);

  it('is left open: a recording that ended, or goes on', async () => {
    const file = Buffer.concat([head, cluster(UNKNOWN, block, block), cluster(UNKNOWN, block)]);
    expect((await walk(file)).kind).toBe('suspect');
  });

  it('is truncated when it ends within a block or has no cluster', async () => {
    const file = Buffer.concat([head, cluster(UNKNOWN, block, block)]);
    expect((await walk(file.subarray(0, -1))).kind).toBe('truncated');
    expect((await walk(head)).kind).toBe('truncated');
  });
});

describe('RIFF', () => {
  it.each<[string, Buffer, string]>([
    ['WAV', riff('RIFF', 1_000, 1_000), 'complete'],
    ['WAV cut short', riff('RIFF', 1_000, 500), 'truncated'],
    ['WAV never finished', riff('RIFF', 0, 500), 'truncated'],
    ['WAV written to a pipe', riff('RIFF', 0xffffffff, 500), 'unknown'],
    ['WAV with something after it', Buffer.concat([riff('RIFF', 1_000, 1_000), Buffer.from('trailing')]), 'complete'],
    ['large WAV', rf64(2_000, 2_000), 'complete'],
    ['large WAV cut short', rf64(2_000, 1_500), 'truncated'],
    ['AVI in two parts', Buffer.concat([riff('RIFF', 600, 600, 'AVI '), riff('RIFF', 400, 400, 'AVIX')]), 'complete'],
    [
      'AVI with half of its second part',
      Buffer.concat([riff('RIFF', 600, 600, 'AVI '), riff('RIFF', 400, 200, 'AVIX')]),
      'truncated',
    ],
  ])('%s', async (_, bytes, kind) => {
    expect((await walk(bytes)).kind).toBe(kind);
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

/** `announced` bytes after the size field, `there` of them present. */
function riff(id: string, announced: number, there: number, form = 'WAVE'): Buffer {
  const bytes = Buffer.alloc(8 + there, 3);
  bytes.write(id, 0, 'latin1');
  bytes.writeUInt32LE(announced, 4);
  bytes.write(form, 8, 'latin1');
  return bytes;
}

function rf64(announced: number, there: number): Buffer {
  const bytes = riff('RF64', 0xffffffff, there);
  bytes.write('ds64', 12, 'latin1');
  bytes.writeUInt32LE(28, 16);
  bytes.writeBigUInt64LE(BigInt(announced), 20);
  return bytes;
}
