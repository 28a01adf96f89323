/** How sound and picture share the room, with real encodes. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { bytes, inWorkDir, shrink } from '../../engine/local/support.ts';
import { caseFile } from '../../support/cases.ts';
import { realTools } from '../../support/footage.ts';

async function makeClip(path: string, args: readonly string[]): Promise<string> {
  const { ffmpeg } = await realTools();
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args, path]);
  return path;
}

it('four sound tracks stay where the picture needs little (three were dropped for want of room)', async () => {
  await inWorkDir(async directory => {
    const sound = Array.from({ length: 4 }, (_, n) => [
      '-f',
      'lavfi',
      '-i',
      `sine=frequency=${300 + n * 100}:duration=6`,
    ]);
    const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25:duration=6'];
    const maps = [0, 1, 2, 3, 4].flatMap(input => ['-map', String(input)]);
    const args = [...picture, ...sound.flat(), ...maps, '-c:v', 'mpeg2video', '-b:v', '3M', '-c:a', 'pcm_s16le'];
    const path = await makeClip(join(directory, 'four.mov'), args);
    const { after, candidate } = await shrink({ path }, bytes(450_000));
    expect(after.audio.length).toBe(4);
    expect(candidate.notes?.join(' ')).not.toMatch(/no room/);
  });
});

const xdcam = caseFile('xdcam_4audio.mxf');
it.skipIf(!xdcam)('the same for a camera file (needs SHRINKBOX_CASES)', async () => {
  const { after } = await shrink({ path: xdcam ?? '' }, bytes(590_000));
  expect(after.audio.length).toBe(4);
});

it('a film of 4 s with 160 s of sound fits (was said not to)', async () => {
  await inWorkDir(async directory => {
    const inputs = ['testsrc2=size=320x180:rate=25:duration=4', 'sine=frequency=440:duration=160'];
    const args = [
      ...inputs.flatMap(input => ['-f', 'lavfi', '-i', input]),
      '-c:v',
      'libx264',
      '-c:a',
      'aac',
      '-b:a',
      '128k',
    ];
    const path = await makeClip(join(directory, 'long-sound.mp4'), args);
    const { after, candidate } = await shrink({ path }, bytes(1_230_000));
    expect(candidate.bytes).toBeLessThanOrEqual(1_230_000);
    expect(after.audio[0]?.lengthS).toBeCloseTo(160, 0);
  });
});
