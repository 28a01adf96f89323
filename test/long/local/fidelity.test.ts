import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { canMake, footage, type FootageName, realTools } from '../../support/footage.ts';
import { bytes, flashAndBeep, frameTimes, inWorkDir, raw, share, shrink } from '../../engine/local/support.ts';

describe('the picture', () => {
  it('keeps the time of every frame of a variable frame rate, to the millisecond', async () => {
    const wanted = await frameTimes(await footage('vfr'));
    await shrink('vfr', share(0.4), async ({ candidate, after }) => {
      const got = await frameTimes(candidate.path);
      expect(got.length).toBe(wanted.length);
      expect(Math.max(...got.map((time, at) => Math.abs(time - (wanted[at] ?? 0))))).toBeLessThan(0.001);
      expect(after.video.variableFrameRate).toBe(true);
    });
  });

  it('is turned upright, without a note to turn it left over', async () => {
    const { after } = await shrink('rotated', share(0.3));
    expect([after.video.width, after.video.height, after.video.rotation]).toEqual([360, 640, 0]);
  });

  it('of anamorphic samples gets square ones, in the shape it is shown in', async () => {
    const { after } = await shrink('anamorphic', share(0.5));
    expect([after.video.displayWidth, after.video.displayHeight, after.video.sampleAspect]).toEqual([512, 288, 1]);
  });

  it('of odd size loses a row and a column, and becomes 4:2:0', async () => {
    const { before, after } = await shrink('odd', share(0.4));
    expect([before.video.width, before.video.height]).toEqual([321, 181]);
    expect([after.video.width, after.video.height, after.video.pixelFormat]).toEqual([320, 180, 'yuv420p']);
  });

  it('in HDR becomes 8-bit BT.709, and says so', async () => {
    if (!(await canMake('hdr10'))) return;
    const { after, candidate } = await shrink('hdr10', share(0.5));
    expect(after.video).toMatchObject({ codec: 'h264', bitDepth: 8, hdr: 'sdr' });
    expect(after.video.color).toEqual({ primaries: 'bt709', transfer: 'bt709', space: 'bt709', range: 'tv' });
    expect(candidate.notes.join()).toMatch(/HDR \(PQ\)/);
  });

  it('in HDR is still delivered by an ffmpeg that cannot tone-map, and the note says what to expect', async () => {
    if (!(await canMake('hdr10'))) return;
    const found = await realTools();
    const tools = { ...found, filters: new Set([...found.filters].filter(name => name !== 'zscale')) };
    const { after, candidate } = await shrink('hdr10', share(0.5), () => {}, { engine: { tools } });
    expect(after.video).toMatchObject({ bitDepth: 8, hdr: 'pq' });
    expect(candidate.notes.join()).toMatch(/HDR brightness kept in 8 bits/);
  });

  it('in full range becomes limited range', async () => {
    const { after } = await shrink('fullRange444', share(0.4));
    expect(after.video.pixelFormat).toBe('yuv420p');
    expect(after.video.color.range).not.toBe('pc');
  });

  it('made of fields is deinterlaced', async () => {
    const { before, after } = await shrink('interlaced', share(0.2));
    expect([before.video.interlaced, after.video.interlaced]).toEqual([true, false]);
  });

  const rates: [number, number][] = [
    [30, 30],
    [24, 20],
    [50, 50],
  ];
  it.each(rates)(
    'at sixty frames a second, asked for at most %i, gets %i by dropping, never by doubling',
    async (asked, expected) => {
      const { after, before } = await shrink('sixty', { ...share(0.5), fps: asked });
      expect(after.video.fps).toBeCloseTo(expected, 0);
      expect(after.video.fps).toBeLessThanOrEqual(asked * 1.01);
      expect(after.durationS).toBeCloseTo(before.durationS, 1);
    },
  );

  it('is never made larger, and fits the resolution asked for', async () => {
    const larger = await shrink('silent', { ...share(0.5), resolution: { kind: 'lines', lines: 1080 } });
    expect([larger.after.video.width, larger.after.video.height]).toEqual([320, 180]);
    const smaller = await shrink('silent', { ...share(0.5), resolution: { kind: 'lines', lines: 120 } });
    expect([smaller.after.video.width, smaller.after.video.height]).toEqual([214, 120]);
  });

  it('in B-frames from an AVI without presentation times keeps its order', async () => {
    if (!(await canMake('avi'))) return;
    const { after, before } = await shrink('avi', share(0.4));
    expect(after.video.frames).toBe(before.video.frames);
  });

  it('in such an AVI that fits was shown in another order: it is encoded, and the note says why', async () => {
    if (!(await canMake('avi'))) return;
    const { after, candidate } = await shrink('avi', share(1));
    expect(after.video.codec).toBe('h264');
    expect(candidate.notes).toContainEqual(expect.stringMatching(/shows its frames in another order/));
  });

  it('in AV1, cut by copying: the frames its edit list hides stay hidden', async context => {
    const { ffmpeg, encoders } = await realTools();
    if (!encoders.has('libsvtav1')) return context.skip('this ffmpeg has no SVT-AV1 to make the clip with');
    await inWorkDir(async directory => {
      const run = async (...args: string[]) => await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args]);
      const [whole, cut] = [join(directory, 'whole.mp4'), join(directory, 'cut.mp4')];
      const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25:duration=3'];
      await run(...picture, '-c:v', 'libsvtav1', '-preset', '12', '-crf', '30', '-g', '75', whole);
      await run('-ss', '1.7', '-i', whole, '-t', '1', '-c', 'copy', cut);
      const { before, after } = await shrink({ path: cut }, { ...share(0.7), codec: 'h264' });
      expect(before.video.hiddenFrames).toBeGreaterThan(0);
      expect(after.video.frames).toBe(before.video.frames);
    });
  });

  it('in HEVC, cut by copying: the first pictures, which lean on what was cut away, are missing, and it is no damaged file', async context => {
    const { ffmpeg, encoders } = await realTools();
    if (!encoders.has('libx265')) return context.skip('this ffmpeg has no x265 to make the clip with');
    await inWorkDir(async directory => {
      const run = async (...args: string[]) => await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', ...args]);
      const [whole, cut] = [join(directory, 'whole.mkv'), join(directory, 'cut.mkv')];
      const x265 = 'open-gop=1:keyint=30:min-keyint=30:bframes=4:b-adapt=0:scenecut=0:log-level=error';
      const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=30:duration=4'];
      await run(...picture, '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', x265, whole);
      await run('-ss', '2.1', '-i', whole, '-t', '1.4', '-c', 'copy', cut);
      const { before, after, candidate } = await shrink({ path: cut }, { ...share(0.7), codec: 'h264' });
      expect(after.video.frames).toBeLessThan(before.video.frames);
      expect(candidate.notes).toContainEqual(expect.stringMatching(/^\d frames of the source could not be decoded/));
    });
  });

  it('whose sound was over before the first picture comes out without sound, and says so', async () => {
    const { ffmpeg } = await realTools();
    await inWorkDir(async directory => {
      const cut = join(directory, 'cut.ts');
      const sound = ['-f', 'lavfi', '-i', 'sine=duration=1.5'];
      const picture = ['-itsoffset', '2', '-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25:duration=2'];
      const args = ['-v', 'error', '-nostdin', ...sound, ...picture, '-c:v', 'libx264', '-c:a', 'aac', cut];
      await promisify(execFile)(ffmpeg, args);
      const { before, after, candidate } = await shrink({ path: cut }, share(0.5));
      expect([before.audio.length, after.audio.length]).toEqual([1, 0]);
      expect(candidate.notes).toContain('sound dropped: there is none while the picture lasts');
    });
  });

  it('a WebM that fits the size is copied, although the tables of an MP4 make it larger (was encoded with loss)', async () => {
    if (!(await canMake('webm'))) return;
    const { after, candidate, before } = await shrink('webm', bytes(50_000_000));
    expect(after.video).toMatchObject({ codec: 'vp9', frames: before.video.frames, bytes: before.video.bytes });
    expect(candidate.bytes).toBeGreaterThan(before.bytes);
  });

  it('in VP9 with Opus comes out of WebM', async () => {
    if (!(await canMake('webm'))) return;
    const { after } = await shrink('webm', share(0.4));
    expect([after.video.codec, after.audio[0]?.codec]).toEqual(['h264', 'aac']);
  });
});

describe('sound and picture stay together', () => {
  const clips: [FootageName, Parameters<typeof shrink>[1], string][] = [
    ['sync', share(0.5), 'encoded'],
    ['syncTransport', share(0.5), 'encoded, clocks at ten hours'],
    ['syncLate', share(0.5), 'encoded, sound begins later'],
    ['syncLateAac', share(0.5), 'sound copied beside an encoded picture, begins later'],
    ['syncEdit', share(0.5), 'encoded, an edit list hides the start'],
    ['syncEdit', { ...share(0.5), fps: 20 }, 'encoded with fewer frames'],
    ['syncTransport', share(1), 'copied, clocks at ten hours'],
    ['syncLate', share(1), 'copied, sound begins later'],
    ['syncLateAac', share(1), 'all copied, sound begins later'],
    ['syncEdit', share(1), 'copied, an edit list hides the start'],
  ];
  it.each(clips)('%s %j: %s', async (clip, target) => {
    await shrink(clip, target, async ({ candidate }) => {
      if (clip === 'syncLateAac') expect(candidate.how).toMatch(/sound untouched|copied without loss:/);
      const { flash, beep } = await flashAndBeep(candidate.path);
      expect(Math.abs(flash - beep)).toBeLessThan('fps' in target ? 0.055 : 0.03);
    });
  });

  it.each([
    ['transport', 'joined'],
    // Was: failed, "av_interleaved_write_frame(): Invalid argument".
    ['program', 'joinedPrograms'],
  ] as const)(
    'a recording whose clock starts again in the middle is put in a row, and says so: %s',
    async (single, both) => {
      const one = await shrink(single, share(0.5));
      const { after, candidate, recorded } = await shrink(both, share(0.5));
      expect(after.durationS).toBeCloseTo(2 * one.after.durationS, 1);
      expect(after.video.frames).toBe(2 * one.before.video.frames);
      expect(candidate.notes.join()).toMatch(/its timestamps reset once/);
      expect(recorded.steps).toContain('fix-timestamps');
    },
  );
});

describe('everything else in the file', () => {
  it('two sound tracks and two subtitle tracks come along with their languages', async () => {
    const { after } = await shrink('tracks', share(0.5));
    expect(after.audio.map(track => [track.codec, track.language])).toEqual([
      ['aac', 'ger'],
      ['aac', 'eng'],
    ]);
    expect(after.subtitles.map(track => [track.codec, track.language])).toEqual([
      ['mov_text', 'eng'],
      ['mov_text', 'ger'],
    ]);
  });

  it('a second sound track gives way where there is no room, and is named', async () => {
    const { after, candidate } = await shrink('tracks', share(0.17));
    expect(after.audio.map(track => track.language)).toEqual(['ger']);
    expect(candidate.notes.join('\n')).toMatch(/sound track dropped, there was no room for it: eng, flac/);
  });

  it.each([
    ['encoded', share(0.5)],
    ['copied', share(1)],
  ])('chapters, title, time and place of filming, %s', async (_how, target) => {
    await shrink('chapters', target, async ({ candidate, after }) => {
      expect(after.creationTime).toMatch(/^2021-03-04T05:06:07/);
      expect(after.location).toBe('+48.8577+002.2950/');
      const { chapters, format } = await raw(candidate.path);
      expect(chapters.map(chapter => chapter.tags?.['title'])).toEqual(['First', 'Second']);
      expect(format.tags?.['title']).toBe('Two halves');
    });
  });

  // Was: "Error while opening encoder" at pass 2, because the chapters alone were larger than the size.
  it.each([
    ['encoded', bytes(400_000)],
    ['copied', share(1)],
  ])('99,000 chapters are left out with a note, %s', async (_how, target) => {
    await inWorkDir(async dir => {
      const list = join(dir, 'chapters.txt');
      const chapter = (at: number) =>
        `[CHAPTER]\nTIMEBASE=1/100000\nSTART=${at * 5}\nEND=${at * 5 + 5}\ntitle=Chapter number ${at}\n`;
      await writeFile(list, `;FFMETADATA1\n${Array.from({ length: 99_000 }, (_, at) => chapter(at)).join('')}`);
      const path = join(dir, 'many.mkv');
      const { ffmpeg } = await realTools();
      const args = ['-v', 'error', '-i', await footage('plain'), '-i', list, '-map', '0', '-map_chapters', '1'];
      await promisify(execFile)(ffmpeg, [...args, '-c', 'copy', path]);
      await shrink({ path }, target, async ({ candidate }) => {
        expect(candidate.notes.join('\n')).toContain('dropped: all 99000 chapters');
        expect((await raw(candidate.path)).chapters).toEqual([]);
      });
    });
  });

  it('data tracks and cover pictures are dropped with a note', async () => {
    expect((await shrink('timecode', share(0.5))).candidate.notes).toContain('dropped: time code (tmcd)');
    expect((await shrink('cover', share(0.5))).candidate.notes).toContain('dropped: cover art (png)');
  });

  it('muted: no sound, and no note about it', async () => {
    const { after } = await shrink('plain', { ...share(0.2), audio: { kind: 'mute' } });
    expect(after.audio).toEqual([]);
  });

  it('a bitrate asked for the sound is not exceeded, the picture stays untouched where it fits', async () => {
    const { after, candidate } = await shrink('plain', {
      ...share(1),
      audio: { kind: 'bitrate', bitsPerSecond: 48_000 },
    });
    expect(candidate.how).toMatch(/^copied without loss, one sound track converted to AAC/);
    expect(after.audio[0]?.bitrate).toBeLessThan(53_000);
  });

  it('surround sound is mixed down where there is little room', async () => {
    const { after } = await shrink('surround', share(0.5));
    expect(after.audio[0]?.channels).toBe(2);
  });
});

describe('source files of every kind come out as an MP4 that starts at once', () => {
  const clips: FootageName[] = ['fragmented', 'msmpeg4', 'forged', 'damaged'];
  it.each(clips)('%s', async clip => {
    const { after, verified } = await shrink(clip, share(0.4));
    expect(after.container).toContain('mp4');
    expect(verified.sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
