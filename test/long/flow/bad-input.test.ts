import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail } from '../../../src/api/types.ts';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

/** Whoever reads a report must learn the reason and what to do from it. */
function reportFor(box: Box, name: string): string {
  return readFileSync(join(box.outbox, name.replace(/\.[^.]+$/, '.failed.txt')), 'utf8');
}

describe('bad input gets a clear reason, nothing is lost, and the daemon continues', () => {
  let box: Box;
  const expected = new Map<string, { state: JobDetail['state']; reason: RegExp }>();

  beforeAll(async () => {
    box = new Box();
    const put = (name: string, state: JobDetail['state'], reason: RegExp, write: (path: string) => void) => {
      write(join(box.inbox, name));
      expected.set(name, { state, reason });
    };
    const plain = await footage('plain');
    put('text.mp4', 'failed', /not a video/, path => writeFileSync(path, 'Dear diary, this is not a film.'));
    put('half.mp4', 'failed', /incomplete|truncated|cut/, path => {
      writeFileSync(path, readFileSync(plain));
      truncateSync(path, Math.floor(readFileSync(plain).length / 2));
    });
    put('zero.mp4', 'failed', /empty/, path => writeFileSync(path, ''));
    const audio = await footage('soundOnly');
    put('audio.mp4', 'failed', /no picture|no video|sound/, path => writeFileSync(path, readFileSync(audio)));
    put('playlist.mp4', 'failed', /playlist|not a video/, path =>
      writeFileSync(path, `#EXTM3U\n#EXTINF:5,\n${plain}\n#EXT-X-ENDLIST\n`),
    );
    put('concat.mp4', 'failed', /playlist|list|not a video/, path =>
      writeFileSync(path, `ffconcat version 1.0\nfile '${plain}'\n`),
    );
    put('link.url', 'skipped', /nemo|cloud/, path =>
      writeFileSync(path, '[InternetShortcut]\nURL=https://example.invalid/a.mp4\n'),
    );
    for (const name of [
      'it\'s "quoted".mp4',
      'two\nlines.mp4',
      '🎬 clap 🎬.mp4',
      '-vf.mp4',
      `${'x'.repeat(251)}.mp4`,
      'a;rm -rf ~.mp4',
      '%s%n.mp4',
      'concat:a|b.mp4',
    ]) {
      put(name, 'done', /^$/, path => writeFileSync(path, readFileSync(plain)));
    }
    await box.start();
  });
  afterAll(() => box.dispose());

  it('for every file of the table', async () => {
    const wrong: string[] = [];
    for (const [name, { state, reason }] of expected) {
      const job = await box.job(name);
      if (job.state !== state || !reason.test(job.reason ?? ''))
        wrong.push(`${JSON.stringify(name)}: ${job.state}: ${job.reason}`);
    }
    expect(wrong).toEqual([]);
    expect((await box.status()).running).toBe(true);
  }, 900_000);

  it('with a report beside the results for each failure, saying how to retry', async () => {
    for (const [name, { state }] of expected) {
      if (state !== 'failed') continue;
      const job = await box.job(name);
      const report = reportFor(box, name);
      expect(report).toContain(job.reason);
      expect(report).toContain(`shrinkbox retry ${job.id}`);
    }
  });

  it('with hostile names delivered under names that every client can open, inside the outbox', async () => {
    const outputs = box.outputs().filter(name => name.endsWith('.mp4'));
    expect(outputs).toHaveLength(8);
    for (const name of outputs) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
      expect(name).not.toMatch(/[\u0000-\u001f"*:<>?|\\]|^[.-]/);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    }
  });

  it('with every source still there', () => {
    for (const name of expected.keys())
      expect(() =>
        execFileSync('test', ['-e', join(box.inbox, name), '-o', '-L', join(box.inbox, name)]),
      ).not.toThrow();
  });
});
