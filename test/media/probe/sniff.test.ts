import { expect, it } from 'vitest';
import { refuseByLooks, tooManyPixels } from '../../../src/media/ffmpeg/input-errors.ts';
import { canvasOf, looksLike } from '../../../src/media/probe/sniff.ts';

it('animations larger than ffmpeg takes were "in the middle" or "not in an accepted format": their size is the reason', () => {
  const gif = Buffer.alloc(64, 0xf7);
  gif.write('GIF89a', 'latin1');
  gif.writeUInt16LE(16_384, 6);
  gif.writeUInt16LE(16_385, 8);
  const png = Buffer.alloc(64, 0xf7);
  png.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  png.writeUInt32BE(20_000, 16);
  png.writeUInt32BE(20_001, 20);
  png.write('acTL', 40, 'latin1');
  expect([canvasOf(gif), canvasOf(png)]).toEqual([
    { width: 16_384, height: 16_385 },
    { width: 20_000, height: 20_001 },
  ]);
  expect(refuseByLooks('/in/a.png', looksLike(png, 64))).toBeUndefined();
  expect(tooManyPixels('/in/a.gif', { width: 16_384, height: 16_385 }).message).toBe(
    'a.gif has pictures of 16384x16385 pixels; at most 67 million (8192x8192) are taken',
  );
  expect(canvasOf(Buffer.from('ftypisom and more than that'))).toBeUndefined();
});
