import { expect, it } from 'vitest';
import { isCutUnnoticed } from '../../../src/media/completeness/index.ts';
import { walk } from './support.ts';

const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a', 'hex'),
  Buffer.alloc(500, 7),
  Buffer.from('0000000049454e44ae426082', 'hex'),
]);

/** Frames of ten bytes. */
function ivf(frames: number, announced: number): Buffer {
  const header = Buffer.alloc(32);
  header.write('DKIF');
  header.writeUInt16LE(32, 6);
  header.writeUInt32LE(announced, 24);
  const frame = Buffer.alloc(22, 9);
  frame.writeUInt32LE(10, 0);
  return Buffer.concat([header, ...Array.from({ length: frames }, () => frame)]);
}

/** A page with that many bytes; 4: its stream ends. */
function ogg(bytes: number, flags = 0): Buffer {
  const header = Buffer.alloc(27);
  header.write('OggS');
  header[5] = flags;
  const sizes = [...Array.from({ length: Math.floor(bytes / 255) }, () => 255), bytes % 255];
  header[26] = sizes.length;
  return Buffer.concat([header, Buffer.from(sizes), Buffer.alloc(bytes, 7)]);
}
const OGG = Buffer.concat([ogg(500, 2), ogg(60_000), ogg(900, 4)]);

// Was: what was there of a stalled copy was delivered as the whole film.
it.each<[string, Buffer, string]>([
  ['a whole PNG', PNG, 'complete'],
  ['a PNG cut at its end', PNG.subarray(0, -1), 'truncated'],
  ['a PNG cut in half', PNG.subarray(0, 250), 'truncated'],
  ['a whole IVF', ivf(48, 48), 'complete'],
  ['an IVF with fewer frames than it says', ivf(29, 48), 'truncated'],
  ['an IVF cut inside a frame', ivf(48, 0).subarray(0, -5), 'truncated'],
  ['an IVF cut inside the size of a frame', ivf(48, 0).subarray(0, -15), 'truncated'],
  ['a whole Ogg', OGG, 'complete'],
  ['an Ogg that was streamed', OGG.subarray(0, -931), 'unknown'],
  ['an Ogg cut in its last page', OGG.subarray(0, -5), 'truncated'],
  ['an Ogg cut in the size of a page', OGG.subarray(0, -925), 'truncated'],
  ['an Ogg cut in half', OGG.subarray(0, 30_000), 'truncated'],
  ['an IVF that was streamed', ivf(48, 0), 'unknown'],
])('%s', async (_, bytes, kind) => {
  expect((await walk(bytes)).kind).toBe(kind);
});

it('half an Ogg was made smaller in silence where nobody watched it come: ffprobe says nothing of its end', async () => {
  const isCut = (bytes: Buffer) =>
    isCutUnnoticed({ size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) });
  expect(await Promise.all([isCut(OGG), isCut(OGG.subarray(0, 30_000)), isCut(PNG.subarray(0, 250))])).toEqual([
    false,
    true,
    false,
  ]);
});
