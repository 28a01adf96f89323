/** How sound and picture share the room, with real encodes. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { bytes, inWorkDir, refusal, share, shrink } from '../../engine/local/support.ts';
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
    // Where it does not, its long sound is named, not the picture alone.
    const { message } = await refusal(shrink({ path }, bytes(200_000)));
    expect(message).toMatch(/does not go into 200 kB: 4 s of this picture and 160 s of sound need about/);
  });
});

/** Levels of the sound of a file, dB: the highest sample and the mean of all channels. */
async function volume(path: string): Promise<{ max: number; mean: number }> {
  const { ffmpeg } = await realTools();
  const { stderr } = await promisify(execFile)(ffmpeg, [
    '-nostdin',
    '-i',
    path,
    '-af',
    'volumedetect',
    '-f',
    'null',
    '-',
  ]);
  const level = (name: string) => Number(new RegExp(`${name}_volume: (\\S+) dB`).exec(stderr)?.[1]);
  return { max: level('max'), mean: level('mean') };
}

const ALL = { '5.1': 6, '7.1': 8 } as const;

it.each(['5.1', '7.1'] as const)(
  '%s becomes stereo as loud as it was, and does not clip (gained up to 10 dB)',
  async layout => {
    await inWorkDir(async directory => {
      // Encoders overshoot where a tone begins abruptly.
      const pan = `volume=16.6dB,afade=duration=1,pan=${layout}|${Array.from({ length: ALL[layout] }, (_, n) => `c${n}=c0`).join('|')}`;
      const inputs = ['testsrc2=size=320x180:rate=25:duration=6', 'sine=frequency=440:duration=6'];
      const args = [
        ...inputs.flatMap(input => ['-f', 'lavfi', '-i', input]),
        '-af',
        pan,
        '-c:v',
        'libx264',
        '-c:a',
        'flac',
      ];
      const path = await makeClip(join(directory, 'surround.mkv'), args);
      const source = await volume(path);
      expect(source.max).toBeCloseTo(-1.4, 0);
      const { candidate } = await shrink({ path }, bytes(360_000), async ({ candidate: { path: result }, after }) => {
        expect(after.audio[0]?.channels).toBeLessThanOrEqual(2);
        const { max, mean } = await volume(result);
        expect(max).toBeLessThan(-0.3);
        expect(Math.abs(mean - source.mean)).toBeLessThan(1.5);
      });
      expect(candidate.notes?.join(' ')).toMatch(
        new RegExp(`${layout.replace('.', '\\.')} sound mixed down to (stereo|mono)`),
      );
    });
  },
);

it('stereo became mono without a word where there is little room: a note says so', async () => {
  await shrink('leftRight', share(0.4), ({ after, candidate }) => {
    expect(after.audio[0]?.channels).toBe(1);
    expect(candidate.notes).toEqual(['stereo sound mixed down to mono']);
  });
});

it('sixteen channels beside a copied picture become two (a browser tab crashed on them)', async () => {
  await inWorkDir(async directory => {
    const pan = `pan=16c|${Array.from({ length: 16 }, (_, n) => `c${n}=c0`).join('|')}`;
    const inputs = ['testsrc2=size=320x180:rate=25:duration=4', 'sine=frequency=440:duration=4'];
    const args = [
      ...inputs.flatMap(input => ['-f', 'lavfi', '-i', input]),
      '-af',
      pan,
      '-c:v',
      'libx264',
      '-c:a',
      'pcm_s16le',
    ];
    const path = await makeClip(join(directory, 'many.mov'), args);
    const { after, candidate } = await shrink({ path }, bytes(50_000_000));
    expect(after.audio).toMatchObject([{ codec: 'aac', channels: 2 }]);
    expect(candidate.notes?.join(' ')).toMatch(/hexadecagonal sound mixed down to stereo/);
  });
});
