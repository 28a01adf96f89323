import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type PicturedJob, Thumbnails } from '../../src/api/thumbnails.ts';
import type { Tools } from '../../src/media/ffmpeg/tools.ts';
import { activeChildren } from '../../src/platform/process/run-child.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/serving.ts';
import { openSource } from '../support/with-source.ts';

/** A job of files nobody can read, and programs that never end. */
async function endless(): Promise<{ thumbnails: Thumbnails; job: PicturedJob }> {
  const dir = await tempDir();
  const program = join(dir, 'endless');
  writeFileSync(program, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
  const path = join(dir, 'clip.mp4');
  writeFileSync(path, 'video');
  const bytes = statSync(path).size;
  const job = { id: 'a', source: path, original: null, output: path, source_bytes: bytes, output_bytes: bytes };
  const tools = { ffmpeg: program, ffprobe: program, filters: new Set() } as unknown as Tools;
  return { thumbnails: new Thumbnails({ tools, open: openSource, tempDir: dir }), job };
}

it('a picture nobody waits for any more ends at once (was: ffmpeg worked on, one request after another)', async () => {
  const { thumbnails, job } = await endless();
  const [first, second] = [new AbortController(), new AbortController()];
  const pictures = [
    thumbnails.picture(job, { side: 'before' }, first.signal),
    thumbnails.picture(job, { side: 'after' }, second.signal),
  ];
  const ended = Promise.allSettled(pictures);
  await eventually(() => activeChildren().length === 1, { what: 'the first to be made' });
  second.abort();
  first.abort();
  expect((await ended).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(activeChildren()).toEqual([]);
});
