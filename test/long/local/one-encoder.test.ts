/**
 * One encoder at a time, as on most machines: the exact child calls and the exact result, as they were before several parts could be
 * worked on at once. A change here is a decision: `npx vitest run --config test/long/vitest.config.ts one-encoder -u`, and look at it.
 */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { access, chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../../src/core/target.ts';
import { recordingContext } from '../../contract/engine.ts';
import { engineFor, inWorkDir, orderFor, share } from '../../engine/local/support.ts';
import { realTools } from '../../support/footage.ts';

/** One thread, no dates, no versions in it: the same bytes from the same ffmpeg. */
const SOURCE = [
  ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=6,noise=alls=6:allf=t'],
  ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=6'],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '23', '-pix_fmt', 'yuv420p', '-g', '50', '-threads', '1'],
  ...['-c:a', 'aac', '-b:a', '96k', '-fflags', '+bitexact', '-flags', '+bitexact'],
];

const CASES: [string, Partial<Target>, number][] = [
  ['h264-in-parts', { ...share(0.4), quality: 'max' }, 1],
  ['h264-whole', share(0.5), 100],
  ['h264-low-rate-in-parts', { ...share(0.08), quality: 'max', floor: 'any' }, 2],
  ['h265-in-parts', { ...share(0.3), quality: 'max', codec: 'h265' }, 2],
  ['one-pass-in-parts', {}, 2],
];

/** Everything ffmpeg was asked for in the work directory, and what came of it. */
async function calls(target: Partial<Target>, longestS: number): Promise<string> {
  return await inWorkDir(async workDir => {
    const real = await realTools();
    const source = join(workDir, 'source.mp4');
    await promisify(execFile)(real.ffmpeg, ['-v', 'error', '-y', ...SOURCE, source]);
    const list = join(workDir, 'list');
    const ffmpeg = join(workDir, 'ffmpeg-in-front');
    await writeFile(ffmpeg, `#!/bin/sh\necho "$*" >> '${list}'\nexec '${real.ffmpeg}' "$@"\n`);
    await chmod(ffmpeg, 0o755);
    const { context } = recordingContext({ workDir });
    const engine = await engineFor({ tools: { ...real, ffmpeg }, cutting: { longestS } });
    const { path, bytes } = await engine.run(await orderFor(source, target), context);
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    return `${(await readFile(list, 'utf8')).replaceAll(workDir, '{work}')}${bytes} bytes, sha256 ${sha256}\n`;
  });
}

/** x264 computes with what the processor has, and rounds differently with each: `avx2`, `avx512`. */
async function instructions(): Promise<string> {
  const { ffmpeg } = await realTools();
  const encode = ['-hide_banner', '-f', 'lavfi', '-i', 'testsrc=d=0.1', '-c:v', 'libx264', '-f', 'null', '-'];
  const { stderr } = await promisify(execFile)(ffmpeg, encode);
  return /cpu capabilities:.* (\w+)/.exec(stderr)?.[1]?.toLowerCase() ?? 'none';
}

describe('one encoder at a time', () => {
  it.for(CASES)('%s: the same calls, and the same bytes', async ([name, target, longestS], { skip }) => {
    const { version } = await realTools();
    const made = `${version.replace(/\W+/g, '-')}-${await instructions()}`;
    const recorded = join(import.meta.dirname, `../../fixtures/one-encoder/${made}/${name}.txt`);
    const isRecorded = await access(recorded).then(
      () => true,
      () => false,
    );
    skip(
      !isRecorded && !process.env['RECORD_CALLS'],
      `not recorded with ffmpeg ${made}: other encoders and processors make other bytes`,
    );
    await expect(await calls(target, longestS)).toMatchFileSnapshot(recorded);
  });
});
