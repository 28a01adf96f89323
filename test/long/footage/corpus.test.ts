/** Real footage, where SHRINKBOX_CORPUS names a folder of it: phones, action cameras, screen recordings, television. */
import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { extensionOf, VIDEO_EXTENSIONS } from '../../../src/core/file-names.ts';
import { bytes, shrink } from '../../engine/local/support.ts';

/** Of long films, the quarter is made of so much; the whole of any file is tried by `npm run footage -- DIR`. */
const PART_S = 15;

const folder = process.env['SHRINKBOX_CORPUS'];
const files = folder ? readdirSync(folder).filter(name => VIDEO_EXTENSIONS.has(extensionOf(name))) : [];

describe('real footage', () => {
  it(
    folder ? 'is there' : 'is not at hand: set SHRINKBOX_CORPUS to a folder of videos to test with them as well',
    () => {
      expect(files.length > 0).toBe(Boolean(folder));
    },
  );

  for (const name of files) {
    const path = join(folder ?? '', name);

    it(`${name}: its first ${PART_S} s into a quarter, or a megabyte: at most that, verified, with its tracks and its shape`, async () => {
      const size = Math.floor(Math.min((await stat(path)).size / 4, 1_000_000));
      // Half the height at most: what is looked for are broken promises, not the picture.
      const small = {
        ...bytes(size),
        resolution: { kind: 'lines' as const, lines: 360 },
        trim: { from: 0, to: PART_S },
      };
      const { candidate, verified, before, after } = await shrink({ path }, small);
      expect(candidate.bytes).toBeLessThanOrEqual(size);
      expect(verified.evidence).toMatch(/^decoded \d+ frames/);
      expect(after.video).toMatchObject({
        codec: 'h264',
        bitDepth: 8,
        pixelFormat: 'yuv420p',
        hdr: 'sdr',
        rotation: 0,
      });
      expect(after.audio.length).toBeGreaterThanOrEqual(Math.min(1, before.audio.length));
      const shape = before.video.displayWidth / before.video.displayHeight;
      expect(Math.abs(after.video.displayWidth / after.video.displayHeight / shape - 1)).toBeLessThan(0.02);
      if (before.creationTime) expect(after.creationTime?.slice(0, 19)).toBe(before.creationTime.slice(0, 19));
    }, 900_000);

    it(`${name}: where it fits already: larger by a few tables at most, every frame kept, verified`, async () => {
      const { candidate, before, after } = await shrink(
        { path },
        { ...bytes(1e9), resolution: { kind: 'lines', lines: 2160 } },
      );
      expect(candidate.bytes).toBeLessThanOrEqual(before.bytes * 1.01 + 65_536);
      // A copy shows what an edit list hid at the end, and says so.
      const shown = after.video.frames - before.video.frames;
      expect(shown).toBeGreaterThanOrEqual(0);
      expect(shown).toBeLessThanOrEqual(before.video.hiddenFrames);
      const codes = candidate.messages?.notes?.map(note => note?.code) ?? [];
      expect(codes.includes('local.hidden-frames-shown')).toBe(shown > 0);
    }, 900_000);
  }
});
