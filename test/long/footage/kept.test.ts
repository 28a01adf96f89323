/** What survives an encode and a copy, and what is said of the rest: real files through the engine and verify. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Kind } from '../../../src/core/inventory.ts';
import type { MediaFacts } from '../../../src/core/media-info.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { caseFile } from '../../support/cases.ts';
import { canMake, footage, type FootageName, realTools } from '../../support/footage.ts';
import { inWorkDir, orderFor, engineFor, raw, refusal, share, shrink } from '../../engine/local/support.ts';
import { recordingContext } from '../../contract/engine.ts';

const values = ({ inventory }: MediaFacts, kind: Kind) =>
  inventory.filter(item => item.kind === kind).map(({ value }) => value);

/** Frames with captions, as a decoder sees them. */
async function captioned(path: string): Promise<number> {
  const { ffprobe } = await realTools();
  const wanted = ['-show_frames', '-show_entries', 'frame_side_data=side_data_type', '-of', 'compact'];
  const { stdout } = await promisify(execFile)(ffprobe, ['-v', 'error', '-select_streams', 'v:0', ...wanted, path]);
  return stdout.split('\n').filter(line => line.includes('A53')).length;
}

it('what a camera keeps behind its film went with the original, which now stays, and a note says why', async () => {
  await shrink({ path: await footage('trailer') }, share(0.3), ({ candidate }) => {
    expect(candidate.damagedSource).toBe(true);
    expect(candidate.notes).toContainEqual(expect.stringMatching(/^left out: .* behind the end of the film/));
  });
});

describe('sound that can be decoded', () => {
  const one = async (path: string, part: number) => {
    await shrink({ path }, share(part), ({ after, candidate }) => {
      expect(after.audio.map(({ codec }) => codec)).toEqual(['aac']);
      expect(candidate.notes).toEqual(['dropped: a sound track (apac) this ffmpeg cannot decode']);
    });
  };

  it.each([0.5, 1])('was dropped with its neighbour, "it is damaged": stays (to %f of the size)', async part => {
    await one(await footage('undecodableSound'), part);
  });

  it.skipIf(!caseFile('apac_second.mov'))('stays in the problem file, where SHRINKBOX_CASES names it', async () => {
    await one(caseFile('apac_second.mov') ?? '', 0.5);
    await one(caseFile('apac_second.mov') ?? '', 1);
  });

  it('keeps its language, and its name for players that show one', async () => {
    for (const part of [0.5, 1]) {
      await shrink('commentary', share(part), async ({ after, candidate }) => {
        expect(after.audio.map(({ language }) => language)).toEqual([undefined, 'ger']);
        const { streams } = await raw(candidate.path);
        expect((streams[2] as { tags: Record<string, string> }).tags['handler_name']).toBe('Kommentar');
      });
    }
  });
});

it('a time code took the place where a muted copy names its chapters, which became subtitles', async () => {
  await inWorkDir(async dir => {
    const { ffmpeg } = await realTools();
    const path = join(dir, 'camera.mov');
    const args = ['-i', await footage('chapters'), '-c', 'copy', '-timecode', '01:00:00:00', path];
    await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args]);
    const { after, candidate } = await shrink({ path }, { ...share(1), audio: { kind: 'mute' } });
    expect([after.chapters, after.subtitles, values(after, 'data')]).toEqual([2, [], []]);
    expect(candidate.notes).toContain('dropped: time code (tmcd)');
  });
});

describe('captions in the picture', () => {
  it.each<[FootageName, number]>([
    ['captionsH264', 0.5],
    ['captionsH264', 1],
    ['captionsMpeg2', 0.3],
  ])('were gone without a note: are in as many frames as before (%s, to %f)', async (name, part) => {
    const path = await footage(name);
    const before = await captioned(path);
    expect(before).toBe(75);
    await shrink({ path }, share(part), async ({ candidate }) => {
      expect(await captioned(candidate.path)).toBe(before);
      expect(candidate.notes).toEqual([]);
    });
  });

  it('are lost with frames, or in a codec ffmpeg writes none into: the note says so', async () => {
    const fewer = await shrink('captionsH264', { ...share(0.5), fps: 10 });
    expect(fewer.candidate.notes).toEqual([expect.stringMatching(/^dropped: captions in the picture, .*every frame/)]);
    expect(values(fewer.after, 'captions')).toEqual([]);
    if (!(await canMake('hevc'))) return;
    const hevc = await shrink('captionsH264', { ...share(0.5), codec: 'h265' });
    expect(hevc.candidate.notes).toEqual([expect.stringMatching(/^dropped: captions in the picture, .*into h265/)]);
  });

  it.skipIf(!caseFile('cc608_in_h264.ts'))('stay in the problem file, where SHRINKBOX_CASES names it', async () => {
    const path = caseFile('cc608_in_h264.ts') ?? '';
    const before = await captioned(path);
    await shrink({ path }, share(0.5), async ({ candidate }) => {
      expect(await captioned(candidate.path)).toBe(before);
    });
  });
});

describe('the film', () => {
  const film = async (path: string) => {
    const { after, candidate } = await shrink({ path }, share(0.5));
    expect([after.video.codec, after.video.displayHeight < 720]).toEqual(['h264', true]);
    expect(candidate.notes).toEqual(['dropped: another picture track (mjpeg)']);
  };

  it('was "a single picture" beside a larger still: is what comes out', async () => {
    await film(await footage('stillBesideFilm'));
  });

  it.skipIf(!caseFile('coverlarge.mkv'))('is in the problem file, where SHRINKBOX_CASES names it', async () => {
    await film(caseFile('coverlarge.mkv') ?? '');
  });
});

describe('marks of how a picture is shown', () => {
  it.each<[FootageName, Kind, string]>([
    ['sphere', 'projection', 'equirectangular'],
    ['sideBySide', 'stereo', 'side by side'],
  ])('%s was flat and unsaid afterwards: stays', async (name, kind, value) => {
    for (const part of [0.4, 1]) {
      const { after, candidate } = await shrink(name, share(part));
      expect(values(after, kind)).toEqual([value]);
      expect(candidate.notes).toEqual([]);
    }
  });

  it('a sphere stays one in parts and made smaller', async () => {
    const target = { ...share(0.3), resolution: { kind: 'box', width: 320, height: 180 } as const };
    const { after } = await shrink('sphere', target, () => {}, { engine: { cutting: { longestS: 2 } } });
    expect(values(after, 'projection')).toEqual(['equirectangular']);
    expect(after.video.displayHeight).toBe(180);
  });

  it.skipIf(!caseFile('equirect_360.mp4'))(
    '360 degrees of the problem file, where SHRINKBOX_CASES names it',
    async () => {
      const path = caseFile('equirect_360.mp4') ?? '';
      for (const part of [0.6, 1]) {
        const { after } = await shrink({ path }, share(part));
        expect(values(after, 'projection')).toEqual(['tiled equirectangular']);
      }
    },
  );

  it('a mirrored picture is shown as it was: in the picture itself, or still marked', async () => {
    const left = async (path: string) => {
      const { ffmpeg } = await realTools();
      const args = ['-v', 'error', '-i', path, '-frames:v', '1', '-vf', 'scale=2:1:flags=area,format=gray'];
      const run = promisify(execFile);
      const { stdout } = await run(ffmpeg, [...args, '-f', 'rawvideo', '-'], { encoding: 'buffer' });
      return (stdout[0] ?? 0) - (stdout[1] ?? 0);
    };
    const [shown, plain] = [await left(await footage('mirrored')), await left(await footage('plain'))];
    expect(Math.sign(shown)).toBe(-Math.sign(plain));
    const encoded = await shrink('mirrored', share(0.4), async ({ candidate }) => {
      expect(Math.sign(await left(candidate.path))).toBe(Math.sign(shown));
    });
    expect(values(encoded.after, 'mirroring')).toEqual([]);
    const copied = await shrink('mirrored', share(1));
    expect(values(copied.after, 'mirroring')).toEqual(['mirrored']);
  });
});

describe('Dolby Vision', () => {
  it('profile 5 was taken for ordinary colours: encoding it is refused, a copy keeps it', async () => {
    const error = await refusal(shrink('dolbyVision5', share(0.5)));
    expect(error.code).toBe('cannot-do');
    expect(error.message).toMatch(
      /^dolby-vision-5\.mp4 cannot be encoded again: its colours are Dolby Vision profile 5/,
    );
    for (const target of [share(1), {}]) {
      const { after } = await shrink('dolbyVision5', target);
      expect(values(after, 'dolby-vision')).toEqual(['5']);
    }
  });

  it('profile 8 has an ordinary picture below it: that is used, and said', async () => {
    const { after, candidate } = await shrink('dolbyVision8', share(0.5));
    expect(values(after, 'dolby-vision')).toEqual([]);
    expect(candidate.notes).toEqual([
      expect.stringMatching(/^dropped: Dolby Vision \(profile 8\); the picture below it/),
    ]);
  });
});

describe('what MP4 has no place for', () => {
  it.each<[FootageName, RegExp]>([
    ['transparent', /^dropped: transparency/],
    ['secondEye', /^dropped: the second eye of this 3D film/],
  ])('%s was dropped without a note', async (name, note) => {
    if (!(await canMake(name))) return;
    const { candidate } = await shrink(name, share(0.5));
    expect(candidate.notes).toContainEqual(expect.stringMatching(note));
  });

  it('tags are named in one note', async () => {
    await inWorkDir(async dir => {
      const path = join(dir, 'tags.mkv');
      const { ffmpeg } = await realTools();
      const tags = ['DIRECTOR=Someone', 'MOOD=blue', 'title=Kept'].flatMap(tag => ['-metadata', tag]);
      const args = ['-v', 'error', '-i', await footage('plain'), '-map', '0', '-c', 'copy', ...tags, path];
      await promisify(execFile)(ffmpeg, args);
      const { candidate, after } = await shrink({ path }, share(0.5));
      expect(candidate.notes).toEqual([expect.stringMatching(/^dropped: tags .*(director, mood|mood, director)\)$/)]);
      expect(after.tags['title']).toBe('Kept');
    });
  });
});

it('a comment of 70,000 letters was counted twice, "would look decent, it needs more": is kept, and has its place once', async () => {
  const { candidate, after } = await shrink('longTag', { size: { kind: 'bytes', bytes: 184_000 }, floor: 'decent' });
  expect(candidate.bytes).toBeLessThanOrEqual(184_000);
  expect(after.tagBytes).toBeGreaterThan(70_000);
});

it('explain shows what is kept, what is converted and what is lost, before', async () => {
  const lines = await (await engineFor()).describe?.(
    await orderFor(await footage('tracks'), share(0.5)),
    ownFile(await footage('tracks')),
    new AbortController().signal,
  );
  const said = lines?.map(({ text }) => text) ?? [];
  expect(said).toContainEqual(expect.stringMatching(/^converted: sound track .*subtitles \(subrip, eng\): mov_text/));
});

it('a source that would lose something on the way does not pass, if nobody said so', async () => {
  await inWorkDir(async dir => {
    // An ffmpeg that leaves the second sound track out.
    const tools = await realTools();
    const ffmpeg = join(dir, 'ffmpeg');
    const script = `#!/bin/bash
args=()
skip=0
for arg in "$@"; do
  if [ "$skip" = 1 ] && [ "$arg" = 0:2 ]; then unset 'args[-1]'; skip=0; continue; fi
  skip=0; [ "$arg" = -map ] && skip=1
  args+=("$arg")
done
exec '${tools.ffmpeg}' "\${args[@]}"
`;
    await writeFile(ffmpeg, script, { mode: 0o755 });
    const engine = await engineFor({ tools: { ...tools, ffmpeg } });
    const { context } = recordingContext({ workDir: dir });
    const candidate = await engine.run(await orderFor(await footage('twoSounds'), share(0.5)), context);
    const error = await refusal(verifyCandidate(candidate, { tools }));
    expect(error.message).toMatch(/it lacks what the plan says it holds: sound \(aac 1 ger\)/);
  });
});

describe('animated pictures', () => {
  it.each<[FootageName, boolean]>([
    ['animation', false],
    ['clearAnimation', true],
    ['animatedPng', false],
  ])('%s was called a picture: is a film (transparent: %s)', async (name, isClear) => {
    await shrink(name, share(0.5), ({ before, after, candidate }) => {
      expect([after.video.frames, after.durationS]).toEqual([20, expect.closeTo(before.durationS, 2)]);
      expect(candidate.notes.some(note => note.includes('transparency'))).toBe(isClear);
    });
  });
});
