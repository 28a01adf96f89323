/**
 * Small difficult files, where SHRINKBOX_CASES names a folder of them: damaged, protected, rare tracks, several pictures. Each ends
 * in a verified result of at most the size asked for, or in a reason; never in an error nobody foresaw.
 */
import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import { extensionOf, VIDEO_EXTENSIONS } from '../../../src/core/file-names.ts';
import { bytes, shrink } from '../../engine/local/support.ts';

const folder = process.env['SHRINKBOX_CASES'];
const files = folder ? readdirSync(folder).filter(name => VIDEO_EXTENSIONS.has(extensionOf(name))) : [];

describe('difficult files', () => {
  it(folder ? 'are there' : 'are not at hand: set SHRINKBOX_CASES to a folder of them', () => {
    expect(files.length > 0).toBe(Boolean(folder));
  });

  it.each(files)('%s: a result that keeps its promise, or a reason', async name => {
    const path = join(folder ?? '', name);
    const size = Math.floor((await stat(path)).size / 2);
    const outcome = await shrink({ path }, bytes(size)).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      expect(isShrinkError(outcome), String(outcome.stack)).toBe(true);
      expect(outcome.message).toMatch(/\S{2,} \S{2,}/);
    } else {
      expect(outcome).toMatchObject({ verified: { evidence: expect.stringMatching(/^decoded \d+ frames/) as string } });
      expect((outcome as Awaited<ReturnType<typeof shrink>>).candidate.bytes).toBeLessThanOrEqual(size);
    }
  });
});
