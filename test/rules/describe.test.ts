import { expect, test } from 'vitest';
import type { Target } from '../../src/core/target.ts';
import { describeTarget } from '../../src/rules/describe.ts';

test.each<[Partial<Target>, string]>([
  [{}, 'as small as it stays visually lossless'],
  [
    { size: { kind: 'bytes', bytes: 50e6 }, resolution: { kind: 'lines', lines: 1080 }, audio: { kind: 'mute' } },
    'at most 50 MB, 1080p, no sound',
  ],
  [{ size: { kind: 'bytes', bytes: 10 * 2 ** 20 } }, 'at most 10 MiB'],
  [{ size: { kind: 'bytes', bytes: 2 ** 30 } }, 'at most 1 GiB'],
  [{ size: { kind: 'bytes', bytes: 1.5e9 } }, 'at most 1.5 GB'],
  [{ size: { kind: 'bytes', bytes: 100e6 } }, 'at most 100 MB'],
  [{ size: { kind: 'bytes', bytes: 8_123_456 } }, 'at most 8.12 MB'],
  [{ size: { kind: 'share', share: 1 / 3 } }, 'at most 33.3% of the original'],
  [
    { size: { kind: 'share', share: 0.25 }, resolution: { kind: 'box', width: 1280, height: 720 }, fps: 30 },
    'at most 25% of the original, 1280x720, at most 30 fps',
  ],
  [
    {
      size: { kind: 'bytes', bytes: 5e6 },
      audio: { kind: 'bitrate', bitsPerSecond: 96e3 },
      codec: 'h265',
      quality: 'max',
    },
    'at most 5 MB, sound at 96 kb/s, H.265, best quality',
  ],
  [{ size: { kind: 'bytes', bytes: 5e6 }, audio: { kind: 'keep' }, quality: 'auto' }, 'at most 5 MB'],
])('%j is %j', (target, words) => {
  expect(describeTarget(target)).toBe(words);
});
