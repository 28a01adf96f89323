/** Length, size, codec and shape are what this machine sees; what the service says of them is a hint. */
import { describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import { say } from '../../../src/messages/say.ts';
import type { MediaFacts } from '../../../src/core/media-info.ts';
import type { Order } from '../../../src/core/job.ts';
import type { Target } from '../../../src/core/target.ts';
import { codecsFor, deviations, expectedLength, lengthOfAll, meansLength } from '../../../src/engine/nemo/content.ts';
import { languageFor, partWords } from '../../../src/engine/nemo/message/prompt.ts';
import { readWords } from '../../../src/rules/instruction/language.ts';
import { setUp } from './support.ts';

const target = (changes: Partial<Target> = {}): Target => ({
  audio: { kind: 'keep' },
  quality: 'auto',
  minSaving: 0.05,
  ...changes,
});

const facts = (video: Partial<MediaFacts['video']> = {}, more: Partial<MediaFacts> = {}) =>
  ({
    durationS: 10,
    audio: [{}],
    inventory: [],
    ...more,
    video: { codec: 'h264', displayWidth: 1280, displayHeight: 720, fps: 30, ...video },
  }) as MediaFacts;

describe('sound that begins before the picture, or goes on after it', () => {
  const sound = (startS: number, endS: number) =>
    ({ kind: 'sound', value: 'aac 2 und', startS, endS, what: say('media.has-place') }) as const;

  it('counts for the length of the whole', () => {
    expect(lengthOfAll({ durationS: 4, inventory: [] })).toBe(4);
    expect(lengthOfAll({ durationS: 4, inventory: [sound(0, 3.9)] })).toBe(4);
    expect(lengthOfAll({ durationS: 4, inventory: [sound(-3, 4), sound(1, 10)] })).toBe(13);
  });

  it('may be in a result or not: one as long as the whole was refused as too long', () => {
    expect(expectedLength({ durationS: 4 })).toEqual({ durationS: 4, durationToleranceS: 0.5 });
    expect(expectedLength({ durationS: 4, totalS: 7 })).toEqual({ durationS: 5.5, durationToleranceS: 2 });
    expect(expectedLength({})).toEqual({});
  });
});

describe('a result that is not what was asked for', () => {
  const source = { kind: 'video' as const, codec: 'h264' };
  it.each<[string, MediaFacts, Partial<Target>, string[]]>([
    ['H.265 where the rule says nothing', facts({ codec: 'hevc' }), {}, ['its picture is H.265 (HEVC), not H.264']],
    [
      'H.265 where H.264 is asked for',
      facts({ codec: 'hevc' }),
      { codec: 'h264' },
      ['its picture is H.265 (HEVC), not H.264'],
    ],
    ['H.264 where H.265 is asked for', facts(), { codec: 'h265' }, ['its picture is H.264, not H.265 (HEVC)']],
    ['H.265 where it is asked for', facts({ codec: 'hevc' }), { codec: 'h265' }, []],
    [
      'a picture over the limit',
      facts(),
      { resolution: { kind: 'lines', lines: 480 } },
      ['its picture is 1280x720, more than 480p'],
    ],
    [
      'a picture turned',
      facts({ displayWidth: 1080, displayHeight: 1920 }),
      { resolution: { kind: 'lines', lines: 1080 } },
      [],
    ],
    ['a picture of whole blocks', facts({ displayHeight: 726 }), { resolution: { kind: 'lines', lines: 720 } }, []],
    [
      'sixty frames where thirty are asked for',
      facts({ fps: 60 }),
      { fps: 30 },
      ['it has 60 frames per second, more than 30'],
    ],
    ['sixty frames where nothing is said', facts({ fps: 60 }), {}, []],
    ['sound where none is asked for', facts(), { audio: { kind: 'mute' } }, ['it has sound']],
    ['no sound where none is asked for', facts({}, { audio: [] }), { audio: { kind: 'mute' } }, []],
  ])('%s', (_, found, asked, expected) => {
    expect(deviations(found, target(asked), source).map(({ text }) => text)).toEqual(expected);
  });

  it('may keep the codec its source has', () => {
    expect(codecsFor(target(), { kind: 'video', codec: 'hevc' })).toEqual(['h264', 'hevc']);
    expect(codecsFor(target(), { kind: 'video', codec: 'prores' })).toEqual(['h264']);
    expect(codecsFor(target({ codec: 'av1' }), { kind: 'video', codec: 'hevc' })).toEqual(['av1']);
  });

  it.each([
    [3.92, 3.92, true],
    [3, 3.92, true],
    [4, 3.92, true],
    [3900, 3.92, true],
    [30, 3.92, false],
  ])('a length given as %d can mean %d s: %s', (hint, durationS, expected) => {
    expect(meansLength(hint, durationS)).toBe(expected);
  });
});

it.each(['ms', 'whole-s'] as const)('nothing is promised for a length the service gives in %s', async durations => {
  const { engine, order, job } = await setUp({ server: { durations } });
  const candidate = await engine.run(order(), job().context);
  // Was: 10000 seconds expected of a clip of ten.
  expect(candidate.expect.durationS).toBeUndefined();
});

describe('a picture smaller than the one that went in', () => {
  const run = async (seen: [number, number], asked: Partial<Order> = {}) => {
    const { restart, server, order, job } = await setUp();
    const sizes = [[320, 180], seen] as const;
    let looks = 0;
    const look = async () => {
      const [displayWidth, displayHeight] = sizes[Math.min(looks++, 1)] ?? seen;
      return facts({ displayWidth, displayHeight });
    };
    const notHere = () => Promise.reject(new Error('not here'));
    const engine = restart({ local: { look, shrink: notHere, split: notHere, join: notHere } });
    const { notes } = await engine.run(order(asked), job().context);
    return { notes, sent: server.messages[0] };
  };
  const NOTE = 'the picture of the result is 160x90 instead of 320x180';

  it('is not asked for, and noted where it comes all the same (was: delivered in silence)', async () => {
    const { notes, sent } = await run([160, 90]);
    expect(sent).toContain('keep its resolution, length and content as they are');
    expect(notes).toContain(NOTE);
    expect((await run([320, 176])).notes).not.toContainEqual(expect.stringContaining('instead of'));
  });

  it('is as asked where the rule or the words say so', async () => {
    const rule = await run([160, 90], { target: target({ resolution: { kind: 'lines', lines: 90 } }) });
    expect(rule.sent).not.toContain('keep its resolution');
    expect(rule.notes).not.toContain(NOTE);
    expect((await run([160, 90], { instruction: 'crop it to the face' })).notes).not.toContain(NOTE);
    expect((await run([160, 90], { instruction: 'export 144p' })).notes).not.toContain(NOTE);
  });
});

it.each([
  ['media.sound-only', 'the service made a file with sound but no picture, not a video'],
  ['media.single-picture', 'the service made a still picture, not a video'],
] as const)(
  'a result that is no film is said to be what it is (%s; was: result-1.mp4 has ..., copy it again)',
  async (code, message) => {
    const { restart, server, order, job } = await setUp();
    let looks = 0;
    const look = async () => {
      if (looks++ === 0) return facts();
      throw new ShrinkError('no-video', say(code, { file: 'result-1.mp4' }));
    };
    const notHere = () => Promise.reject(new Error('not here'));
    const engine = restart({ local: { look, shrink: notHere, split: notHere, join: notHere } });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      ...{ code: 'bad-answer', message },
      hint: expect.stringMatching(/what the video should show.*costs credits/),
    });
    expect(server.messages).toHaveLength(1);
  },
);

describe('a picture or a sound', () => {
  it.each([
    ['photo.jpg', 'photo.jpg is a picture: there is no video in it to make smaller'],
    ['photo.webp', 'photo.webp is a picture: there is no video in it to make smaller'],
    ['song.m4a', 'song.m4a is sound only: there is no video in it to make smaller'],
  ])('without words is no video to compress, and that is said before anything is sent: %s', async (name, message) => {
    for (const instruction of [undefined, 'export']) {
      const { engine, server, order, job } = await setUp({ name });
      await expect(engine.run(order({ instruction }), job().context)).rejects.toMatchObject({
        code: 'cannot-do',
        message,
        hint: expect.stringContaining(`Write into ${name}.txt what to make of it`),
      });
      expect(server.requests.map(({ path }) => path)).toEqual(['/api/auth/anonymous-token']);
    }
  });

  it.each([
    ['photo.png', 'zoom in slowly', 'make a video from this picture: zoom in slowly; under 4kB, output MP4 (H.264)'],
    ['song.mp3', 'show a waveform', 'make a video with this sound: show a waveform; under 4kB, output MP4 (H.264)'],
    ['photo.png', '慢慢推近', '用这张图片制作视频：慢慢推近；4kB以内，输出MP4（H.264）'],
  ])('with words is asked for as what it is: %s, %s', async (name, instruction, text) => {
    const { engine, server, order, job } = await setUp({ name });
    await engine.run(order({ instruction }), job().context);
    expect(server.messages).toEqual([text]);
  });

  it.each([
    { kind: 'share' as const, share: 0.25 },
    { kind: 'rate' as const, bitsPerSecond: 2_000_000 },
  ])('of which a $kind is asked is held before anything is sent', async size => {
    const { engine, server, order, job } = await setUp({ name: 'photo.png' });
    const ran = engine.run(order({ instruction: 'zoom in', target: target({ size }) }), job().context);
    await expect(ran).rejects.toMatchObject({ code: 'cannot-do', message: expect.stringContaining('photo.png') });
    expect(server.count('POST', /session|upload|run_sse/)).toBe(0);
  });

  it('that was paid for before is delivered', async () => {
    const { engine, restart, server, order, job } = await setUp({ name: 'photo.png' });
    const first = job({ workDir: 'w' });
    await engine.run(order({ instruction: 'zoom in' }), first.context);
    const { content: _, ...resume } = first.records;
    await restart().run(order(), job({ workDir: 'w', resume }).context);
    expect(server.messages).toHaveLength(1);
  });
});

it('an animated picture is asked for as one', async () => {
  const { engine, server, order, job } = await setUp({ name: 'cat.gif' });
  await engine.run(order(), job().context);
  expect(server.messages[0]).toMatch(/^compress this animated picture to under 4kB/);
});

describe('the language', () => {
  it.each([
    ['make it brighter', 'en', 'en'],
    ['make it brighter', 'zh', 'en'],
    ['mach es heller', 'de', 'de'],
    ['调亮一点', 'en', 'zh'],
    ['调亮一点', 'zh-CN', 'zh-CN'],
    ['压缩到50MB，谢谢 thanks', 'en', 'zh'],
    ['明るくして', 'en', 'ja'],
    ['밝게 해 주세요', 'en', 'ko'],
    ['50MB', 'zh', 'zh'],
    ['', 'en', 'en'],
    [undefined, 'zh', 'zh'],
  ])('of %j under language: %s is %s', (words, configured, expected) => {
    expect(languageFor(words, configured)).toBe(expected);
  });

  it('of Chinese words is that of the session and of every message in it (was: en, and English follow-ups)', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ oversize: true });
    await engine.run(order({ instruction: '压缩到4kB以内' }), job().context);
    const opened = server.requests.find(({ path }) => path.includes('with-session'));
    expect(JSON.parse(opened?.body ?? '')).toMatchObject({ language: 'zh' });
    expect(server.messages).toEqual([
      '压缩到4kB以内；输出MP4（H.264）',
      expect.stringMatching(/^导出的视频有8\.10 kB/),
    ]);
  });

  it.each([
    ['auf 4 kB verkleinern, ohne Ton', 'de', '; Ausgabe als MP4 (H.264)'],
    ['compresser à moins de 4 Ko', 'fr', ' ; sans le son, sortie en MP4 (H.264)'],
    ['comprime a 4 kB, sin sonido', 'es', '; salida en MP4 (H.264)'],
    ['under 4 kB', 'en', '; without sound, output MP4 (H.264)'],
  ])('of %j is %s, and nothing is said twice (was: en, "; without sound")', async (instruction, language, added) => {
    const { server, restart, order, job } = await setUp();
    const engine = restart({ readWords });
    await engine.run(order({ instruction, target: target({ audio: { kind: 'mute' } }) }), job().context);
    const opened = server.requests.find(({ path }) => path.includes('with-session'));
    expect(JSON.parse(opened?.body ?? '')).toMatchObject({ language });
    expect(server.messages).toEqual([`${instruction}${added}`]);
  });

  it('is not mixed in one sentence in a session of a folder', async () => {
    const { server, restart, order, job } = await setUp();
    const engine = restart({ nemo: { session: 'per-folder' } });
    await engine.run(order({ job: 'a', folder: '/in', instruction: 'make it small' }), job().context);
    await engine.run(order({ job: 'b', folder: '/in', instruction: '压缩一下' }), job().context);
    expect(server.sessions.size).toBe(1);
    expect(server.messages[1]).not.toMatch(/start|timeline|file/);
    expect(server.messages[1]).toContain('：压缩一下；4kB以内，输出MP4（H.264）');
  });
});

describe('words for one part of a file that was cut', () => {
  const part = (words: string) =>
    partWords(words, { part: 2, parts: 3, wholeBytes: 300_000, maxBytes: 99_000, language: 'en' });

  it.each([
    [
      'compress this to under 300kB',
      'compress this to under 99kB; this is part 2 of 3 of a longer video, and this part may have at most 99000 bytes',
    ],
    [
      'under 0.3 MB, at 300k audio',
      'under 99kB, at 300k audio; this is part 2 of 3 of a longer video, and this part may have at most 99000 bytes',
    ],
    [
      'add a 5 MB logo',
      'add a 5 MB logo; this is part 2 of 3 of a longer video, and this part may have at most 99000 bytes',
    ],
    ['压缩到300kB以内', '压缩到99kB以内；这是较长视频的第2段，共3段，这一段最多99000字节'],
    ['export', 'export'],
  ])('name its share: %s', (words, expected) => {
    expect(part(words)).toBe(expected);
  });
});

describe('a part of a video', () => {
  const notHere = () => Promise.reject(new Error('not here'));
  const run = async (asked: Partial<Target>, durations: [number, number]) => {
    const { restart, server, order, job } = await setUp();
    let looks = 0;
    const look = async () => facts({}, { durationS: durations[Math.min(looks++, 1)] ?? 0 });
    const engine = restart({ local: { look, shrink: notHere, split: notHere, join: notHere } });
    const instruction = 'from 0:10 to 0:30';
    const candidate = await engine.run(order({ instruction, target: target(asked) }), job().context);
    return { candidate, server };
  };

  it('is as long as was asked for, or verify says so', async () => {
    const { candidate } = await run({ trim: { from: 10, to: 30 } }, [60, 20]);
    expect(candidate.expect).toMatchObject({ durationS: 20, durationToleranceS: 0.5 });
  });

  it('has a size by its own length', async () => {
    const { candidate } = await run(
      { trim: { from: 10, to: 30 }, size: { kind: 'rate', bitsPerSecond: 2_000_000 } },
      [60, 20],
    );
    expect(candidate.expect.maxBytes).toBe(5_000_000);
  });

  it('that the video does not have is held before anything is sent', async () => {
    const { restart, server, order, job } = await setUp();
    const engine = restart({ local: { look: async () => facts(), shrink: notHere, split: notHere, join: notHere } });
    const ran = engine.run(order({ target: target({ trim: { from: 300 } }) }), job().context);
    await expect(ran).rejects.toMatchObject({
      code: 'cannot-do',
      message: expect.stringContaining('the video is 0:10 long'),
    });
    expect(server.count('POST', /session|upload|run_sse/)).toBe(0);
  });
});
