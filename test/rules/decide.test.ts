import { describe, expect, test } from 'vitest';
import { parseConfig, type Rule } from '../../src/config/load.ts';
import type { Decision } from '../../src/core/job.ts';
import type { Target } from '../../src/core/target.ts';
import { inChinese } from '../../src/messages/zh/index.ts';
import { decide, type DecideOptions, targetSentence } from '../../src/rules/decide.ts';

/** Rules as a person writes them. */
function rules(...written: Record<string, unknown>[]): Rule[] {
  return parseConfig(JSON.stringify({ rules: written }), { env: {}, cwd: '/srv', home: '/home/me', source: null })
    .rules;
}

/** As the built-in rule has it. */
const WISH = { floor: 'good', below_floor: 'keep-quality' };
const PLAIN = rules({ name: 'default', size: '50MB', resolution: '1080p' });
const CLOUD = rules({ name: 'cloud', engine: 'nemo', size: '50MB' });

function ask(relative: string, more: Partial<DecideOptions> & { bytes?: number; text?: string } = {}) {
  const { bytes = 200e6, text, ...rest } = more;
  return decide({
    sighting: {
      relative,
      sizeBytes: bytes,
      ...(text !== undefined && { sidecar: { path: `/srv/inbox/${relative}.txt`, text } }),
    },
    rules: PLAIN,
    defaults: { engine: 'local' },
    ...rest,
  });
}

function done(decision: Decision) {
  if (decision.kind !== 'do') throw new Error(`not done: ${decision.reason}`);
  return decision;
}

describe('which rule', () => {
  const three = rules(
    { name: 'mail', match: '*.mov', size: '18MB' },
    { name: 'big', min_size: '1GB', size: '25%' },
    { name: 'rest', size: '50MB' },
  );

  test('the first that matches wins', () => {
    expect(ask('a/clip.mov', { rules: three }).decision).toMatchObject({ kind: 'do', rule: 'mail' });
    expect(ask('clip.mp4', { rules: three, bytes: 2e9 }).decision).toMatchObject({ kind: 'do', rule: 'big' });
    expect(ask('clip.mp4', { rules: three }).decision).toMatchObject({ kind: 'do', rule: 'rest' });
  });

  test('every rule compared says why', () => {
    expect(ask('clip.mp4', { rules: three, bytes: 300e6 }).checked).toMatchObject([
      { name: 'mail', matched: false, why: { text: 'match is *.mov' } },
      { name: 'big', matched: false, why: { text: 'the file has 300 MB, min_size is 1.00 GB' } },
      { name: 'rest', matched: true, why: { code: 'rules.matches-every-file', text: 'it matches every file' } },
    ]);
  });

  test('a file of exactly min_size is not smaller', () => {
    expect(ask('clip.mp4', { rules: three, bytes: 1e9 }).decision).toMatchObject({ rule: 'big' });
  });

  test('no rule: skipped, with what each of them wanted', () => {
    expect(ask('clip.mp4', { rules: three.slice(0, 2), bytes: 300e6 }).decision).toMatchObject({
      kind: 'skip',
      reason: 'no rule matches (mail: match is *.mov; big: the file has 300 MB, min_size is 1.00 GB)',
    });
  });

  test('a rule may say skip', () => {
    const skipping = rules({ name: 'raw', match: 'raw/', skip: true }, { name: 'rest' });
    expect(ask('raw/clip.mp4', { rules: skipping }).decision).toMatchObject({
      kind: 'skip',
      rule: 'raw',
      reason: 'rule "raw" skips this file',
    });
    expect(ask('clip.mp4', { rules: skipping }).decision.kind).toBe('do');
  });

  test('a refused path is skipped for the reason it was refused', () => {
    const refused = { code: 'inbox.socket', text: 'it is a socket, not a file' };
    const sighting = { relative: 'link.mp4', sizeBytes: 0, refused };
    expect(ask('', { sighting })).toEqual({
      decision: { kind: 'skip', reason: refused.text, messages: { reason: { code: refused.code } } },
      checked: [],
    });
  });
});

describe('what is asked for', () => {
  test('the keys of the rule', () => {
    const [rule] = rules({
      size: '25%',
      resolution: '1280x720',
      fps: 30,
      audio: '96k',
      codec: 'h265',
      quality: 'max',
      min_saving: '10%',
    });
    expect(done(ask('a/clip.mov', { rules: [rule as Rule] }).decision)).toMatchObject({
      rule: 'rule-1',
      engine: 'local',
      fallback: 'none',
      output: 'a/clip.mp4',
      target: {
        size: { kind: 'share', share: 0.25 },
        resolution: { kind: 'box', width: 1280, height: 720 },
        fps: 30,
        audio: { kind: 'bitrate', bitsPerSecond: 96_000 },
        codec: 'h265',
        quality: 'max',
        minSaving: 0.1,
      },
    });
  });

  test('nothing where the rule says nothing', () => {
    expect(done(ask('clip.mov', { rules: rules({ name: 'x' }) }).decision).target).toEqual({
      audio: { kind: 'keep' },
      quality: 'auto',
      minSaving: 0.05,
    });
  });

  test.each<[string, string | undefined, string | undefined, string]>([
    ['the rule alone', undefined, undefined, 'at most 50 MB, 1080p'],
    ['its instruction wins over its keys', '720p, no sound', undefined, 'at most 50 MB, 720p, no sound'],
    ['words beside the file win over the instruction', '720p, no sound', 'under 20MB', 'at most 20 MB, 1080p'],
    ['words can take back what the rule bounds', undefined, 'keep the resolution', 'at most 50 MB'],
    ['a blank sidecar says nothing', '720p', ' \n', 'at most 50 MB, 720p'],
    ['a part leaves the rest to the rule', undefined, 'first 10 seconds', 'only 0:00 to 0:10, at most 50 MB, 1080p'],
    ['a share wins over a size', undefined, 'half the size', 'at most 50% of the original, 1080p'],
  ])('%s', (_, instruction, text, expected) => {
    const [rule] = rules({ name: 'r', size: '50MB', resolution: '1080p', ...(instruction && { instruction }) });
    const { target } = done(ask('clip.mov', { rules: [rule as Rule], ...(text !== undefined && { text }) }).decision);
    expect(targetSentence(target).text).toBe(expected);
  });

  test.each<[string, Record<string, unknown>, string | undefined, object, string]>([
    ['a written rule holds what looks worse than decent', {}, undefined, { floor: 'decent' }, 'at most 50 MB'],
    ['any look', { floor: 'any' }, undefined, { floor: 'any' }, 'at most 50 MB no matter how it looks'],
    ['a good look', { floor: 'good' }, undefined, { floor: 'good' }, 'at most 50 MB if that looks good'],
    [
      'the quality rather than the size',
      WISH,
      undefined,
      { floor: 'good', belowFloor: 'keep-quality' },
      'at most 50 MB where that looks good (else without visible loss)',
    ],
    [
      'words force the size',
      WISH,
      'no matter how it looks',
      { floor: 'any', belowFloor: 'keep-quality' },
      'at most 50 MB no matter how it looks',
    ],
    ['a size in words is no wish', WISH, 'under 20MB', { floor: 'decent' }, 'at most 20 MB'],
    [
      'unless they ask for the look',
      WISH,
      'under 20MB but keep it good',
      { floor: 'good' },
      'at most 20 MB if that looks good',
    ],
    [
      'a size in words keeps the floor of a rule that holds',
      { floor: 'any' },
      'under 20MB',
      { floor: 'any' },
      'at most 20 MB no matter how it looks',
    ],
    ['words for the look alone', {}, 'but keep it good', { floor: 'good' }, 'at most 50 MB if that looks good'],
  ])('the floor: %s', (_, keys, text, floor, sentence) => {
    const [rule] = rules({ name: 'r', size: '50MB', ...keys });
    const { target } = done(ask('clip.mov', { rules: [rule as Rule], ...(text !== undefined && { text }) }).decision);
    expect({ floor: target.floor, belowFloor: target.belowFloor }).toEqual({ belowFloor: undefined, ...floor });
    expect(targetSentence(target).text).toBe(sentence);
  });

  test('the words go along as they were written', () => {
    expect(ask('clip.mov', { text: '  Under 20MB,\nplease \n' }).decision).toMatchObject({
      instruction: 'Under 20MB,\nplease',
    });
    expect(done(ask('clip.mov').decision)).not.toHaveProperty('instruction');
  });

  test('why: rule, words, target, engine', () => {
    expect(done(ask('a/clip.mov', { text: 'under 20MB' }).decision).why).toBe(
      'rule "default" is the first that matches; clip.mov.txt says "under 20MB"; at most 20 MB, 1080p; done on this machine',
    );
  });

  test('a second version has its number in the name', () => {
    expect(ask('a/clip.mov', { version: 2 }).decision).toMatchObject({ output: 'a/clip.v2.mp4' });
  });
});

describe('words nobody here can follow', () => {
  test('hold the job, naming the very words and what to do', () => {
    expect(ask('clip.mov', { text: 'Add background music and keep it under 20MB' }).decision).toMatchObject({
      kind: 'hold',
      rule: 'default',
      engine: 'local',
      instruction: 'Add background music and keep it under 20MB',
      reason:
        'the local engine only makes videos smaller; it cannot do, or does not understand, "Add background music" (from clip.mov.txt)',
      hint: expect.stringContaining('engine: nemo'),
    });
  });

  test('from the rule itself, too', () => {
    const [rule] = rules({ name: 'r', instruction: '加背景音乐' });
    const { decision } = ask('clip.mov', { rules: [rule as Rule] });
    expect(decision).toMatchObject({
      kind: 'hold',
      reason: expect.stringContaining('"加背景音乐" (from the instruction of the rule)'),
    });
  });

  test('from the command line: its options are named, as there is no rule', () => {
    const [rule] = rules({ name: 'r', instruction: 'purple elephants' });
    const { decision } = ask('clip.mov', { rules: [rule as Rule], isCommandLine: true });
    expect(decision).toMatchObject({
      kind: 'hold',
      reason: expect.stringContaining('"purple elephants" (from --ask)'),
      hint: expect.stringMatching(/use --engine nemo(?!.*rule)/),
    });
    expect(ask('clip.url', { isCommandLine: true }).decision).toMatchObject({
      reason: expect.stringMatching(/use --engine nemo$/),
    });
  });

  test('and options that ask for something else are not weighed against each other: the smaller size lost in silence', () => {
    const held = (written: Record<string, unknown>, instruction: string) => {
      const [rule] = rules({ name: 'compress', instruction, ...written });
      return ask('clip.mov', { rules: [rule as Rule], isCommandLine: true }).decision;
    };
    expect(held({ size: '5kB' }, '10 kB')).toMatchObject({
      kind: 'hold',
      reason: '--size and the words "10 kB" ask for different things',
      hint: 'Leave one of the two out.',
    });
    expect(held({ resolution: '720p' }, '1080p, no sound')).toMatchObject({
      reason: expect.stringMatching(/^--resolution and/),
    });
    expect(held({ size: '10kB' }, '10 kB, 720p')).toMatchObject({ kind: 'do', target: { size: { bytes: 10_000 } } });
    expect(held({ size: '10kB' }, 'first 10 seconds')).toMatchObject({ kind: 'do' });
    // In a rule, the words win: docs/configuration.md
    expect(done(ask('clip.mov', { text: '10 MB' }).decision).target).toMatchObject({ size: { bytes: 10_000_000 } });
  });

  test('go to the cloud untouched, with the size that was understood of them', () => {
    const text = 'Add background music, under 20MB';
    const decision = done(ask('clip.mov', { rules: CLOUD, text }).decision);
    expect(decision).toMatchObject({
      engine: 'nemo',
      instruction: text,
      target: { size: { kind: 'bytes', bytes: 20e6 } },
    });
  });

  test('a reason stays readable whatever was written', () => {
    const { decision } = ask('clip.mov', { text: 'do foo, bar\n'.repeat(100) });
    expect(decision.kind === 'hold' && decision.reason.length).toBeLessThan(400);
  });
});

describe('which engine', () => {
  test.each<[string, string, Record<string, unknown>, unknown]>([
    ['the default one', 'clip.mp4', {}, { engine: 'local', fallback: 'none' }],
    ['the one of the rule', 'clip.mp4', { engine: 'nemo', fallback: 'local' }, { engine: 'nemo', fallback: 'local' }],
    [
      'a format the cloud does not accept, with a fallback',
      'clip.mts',
      { engine: 'nemo', fallback: 'local' },
      { engine: 'local' },
    ],
    [
      'a format the cloud does not accept',
      'clip.mts',
      { engine: 'nemo' },
      { kind: 'skip', reason: expect.stringMatching(/cloud does not accept clip\.mts; it accepts mp4, mov/) },
    ],
    [
      'a picture, in the cloud, with words that say what to make of it',
      'photo.JPG',
      { engine: 'nemo', instruction: 'zoom in slowly' },
      { kind: 'do', engine: 'nemo' },
    ],
    [
      // Was: a message that asked to compress "this video", paid for and held.
      'a picture, in the cloud, that is only to be smaller',
      'photo.JPG',
      { engine: 'nemo', instruction: 'under 50MB' },
      {
        kind: 'hold',
        reason: 'photo.JPG is a picture: there is no video in it to make smaller',
        hint: expect.stringContaining('photo.JPG.txt'),
      },
    ],
    [
      'a sound, in the cloud, without words',
      'a/song.m4a',
      { engine: 'nemo' },
      { kind: 'hold', reason: 'song.m4a is sound only: there is no video in it to make smaller' },
    ],
    ['an animated picture, in the cloud', 'cat.gif', { engine: 'nemo' }, { kind: 'do', engine: 'nemo' }],
    [
      'a picture, here',
      'photo.jpg',
      {},
      {
        kind: 'skip',
        rule: 'r',
        reason: expect.stringMatching(
          /^photo\.jpg does not have the name of a video; the local engine accepts mp4, m4v, mov/,
        ),
      },
    ],
    [
      'a raw stream was "not the name of a video"',
      'dump.h264',
      {},
      { kind: 'skip', reason: expect.stringMatching(/^dump\.h264 is a raw stream, whose pictures have no times/) },
    ],
    [
      'no extension at all',
      'a/README',
      {},
      { kind: 'skip', reason: expect.stringContaining('README does not have the name of a video') },
    ],
    ['capitals in the extension', 'CLIP.MOV', {}, { engine: 'local' }],
    ['a link, in the cloud', 'a/link.url', { engine: 'nemo' }, { engine: 'nemo', output: 'a/link.mp4' }],
    ['a link in a text file', 'link.url.txt', { engine: 'nemo' }, { engine: 'nemo', output: 'link.mp4' }],
    ['a link of macOS', 'link.WEBLOC', { engine: 'nemo' }, { engine: 'nemo' }],
    ['a link, here', 'link.url', {}, { kind: 'skip', reason: expect.stringContaining('use a rule with engine: nemo') }],
    ['a link has no size yet', 'link.url', { engine: 'nemo', min_size: '1GB' }, { engine: 'nemo' }],
    ['a text file is no link', 'notes.txt', { engine: 'nemo' }, { kind: 'skip' }],
  ])('%s', (_, relative, rule, expected) => {
    const { decision } = ask(relative, {
      rules: rules({ name: 'r', ...rule }),
      bytes: relative.includes('link') ? 100 : 200e6,
    });
    expect(decision).toMatchObject(expected as object);
  });

  test('the default engine can be the cloud', () => {
    expect(ask('clip.mp4', { defaults: { engine: 'nemo' } }).decision).toMatchObject({ engine: 'nemo' });
  });
});

describe('the target in words', () => {
  test.each<[Partial<Target>, string]>([
    [{}, 'as small as possible without visible loss'],
    [
      { size: { kind: 'bytes', bytes: 50e6 }, resolution: { kind: 'lines', lines: 1080 }, audio: { kind: 'mute' } },
      'at most 50 MB, 1080p, no sound',
    ],
    [{ trim: { from: 10, to: 30 } }, 'only 0:10 to 0:30, as small as possible without visible loss'],
    [{ trim: { to: 3723 } }, 'only 0:00 to 1:02:03, as small as possible without visible loss'],
    [{ trim: { from: -30 } }, 'only the last 0:30, as small as possible without visible loss'],
    [
      { trim: { from: 5, to: -60 } },
      'only from 0:05 on, without the last 1:00, as small as possible without visible loss',
    ],
    [{ size: { kind: 'rate', bitsPerSecond: 2e6 } }, 'at most 2.00 Mb/s'],
    [{ size: { kind: 'bytes', bytes: 10 * 2 ** 20 } }, 'at most 10 MiB'],
    [{ size: { kind: 'bytes', bytes: 2 ** 30 } }, 'at most 1 GiB'],
    [{ size: { kind: 'bytes', bytes: 1.5e9 } }, 'at most 1.5 GB'],
    [{ size: { kind: 'bytes', bytes: 100e6 } }, 'at most 100 MB'],
    [{ size: { kind: 'bytes', bytes: 8_123_456 } }, 'at most 8.12 MB'],
    [{ size: { kind: 'share', share: 1 / 3 } }, 'at most 33.3% of the original'],
    [
      { size: { kind: 'share', share: 0.25 }, resolution: { kind: 'box', width: 1280, height: 720 }, fps: 30 },
      'at most 25% of the original, 1280x720, at most 30 fps',
    ],
    [
      {
        size: { kind: 'bytes', bytes: 5e6 },
        audio: { kind: 'bitrate', bitsPerSecond: 96e3 },
        codec: 'h265',
        quality: 'max',
      },
      'at most 5 MB, sound at 96 kb/s, H.265, best quality',
    ],
    [{ size: { kind: 'bytes', bytes: 5e6 }, audio: { kind: 'keep' }, quality: 'auto' }, 'at most 5 MB'],
  ])('%j is %j', (target, words) => {
    expect(targetSentence(target).text).toBe(words);
  });
});

describe('in Chinese', () => {
  test('why a file is done as it is', () => {
    const { messages } = done(ask('a/clip.mov', { text: 'under 20MB' }).decision);
    expect(messages?.why && inChinese(messages.why)).toBe(
      '规则“default”最先匹配；clip.mov.txt 的内容是 "under 20MB"；不超过 20 MB，1080p；在本机处理',
    );
  });

  test('why no rule matches', () => {
    const { decision } = ask('clip.mp4', { rules: rules({ name: 'mail', match: '*.mov' }) });
    expect(decision.kind === 'skip' && decision.messages?.reason && inChinese(decision.messages.reason)).toBe(
      '没有匹配的规则（规则 mail：match 为 *.mov）',
    );
  });

  test('what an instruction asks in vain, and what to do', () => {
    const { decision } = ask('clip.mov', { text: 'add music' });
    if (decision.kind !== 'hold') throw new Error('not held');
    expect(decision.messages?.reason && inChinese(decision.messages.reason)).toContain('无法执行或理解 "add music"');
    expect(decision.messages?.hint && inChinese(decision.messages.hint)).toContain('engine: nemo');
  });
});

describe('what words leave out of a result', () => {
  const leavesOut = (text: string, more: Partial<DecideOptions> = {}) =>
    done(ask('clip.mp4', { text, ...more }).decision).leavesOut;

  test('is a part, the sound, or whatever an edit of the cloud changes', () => {
    expect(leavesOut('at most 20 MB, 480p')).toBeUndefined();
    expect(leavesOut('first 10 seconds')).toBe('part');
    expect(leavesOut('no sound')).toBe('sound');
    expect(leavesOut('make it brighter', { rules: CLOUD })).toBe('edit');
    expect(leavesOut('', { request: 'first 10 seconds' })).toBe('part');
  });

  test('is nothing where the rule itself says so', () => {
    expect(leavesOut('no sound', { rules: rules({ name: 'r', audio: 'mute' }) })).toBeUndefined();
    expect(leavesOut('', { rules: rules({ name: 'r', instruction: 'first 10 seconds' }) })).toBeUndefined();
  });
});
