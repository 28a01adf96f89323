import { describe, expect, it } from 'vitest';
import type { Holding } from '../../../src/core/inventory.ts';
import { inventory } from '../../../src/media/inventory/inventory.ts';
import { hasCaptions, isScrambled, NO_SIGNS } from '../../../src/media/probe/signs.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { refusal } from '../../engine/local/support.ts';
import { caseFile } from '../../support/cases.ts';
import { canMake, footage, type FootageName, realTools } from '../../support/footage.ts';

const inventoryOf = async (path: string) => (await probe(ownFile(path), { tools: await realTools() })).inventory;
const holds = (holding: Partial<Holding>): unknown => expect.arrayContaining([expect.objectContaining(holding)]);

describe('what a file holds', () => {
  const cases: [FootageName, Partial<Holding>[]][] = [
    [
      'plain',
      [
        { kind: 'picture', value: 'h264' },
        { kind: 'sound', value: 'aac 1 und', startS: 0, endS: 6 },
      ],
    ],
    ['twoSounds', [{ kind: 'sound', value: 'aac 1 ger' }]],
    ['undecodableSound', [{ kind: 'sound', value: 'apac 1 ger' }]],
    ['syncLate', [{ kind: 'sound', startS: expect.closeTo(1.2, 1) as number }]],
    ['captionsH264', [{ kind: 'captions' }]],
    ['captionsMpeg2', [{ kind: 'captions' }]],
    ['chapters', [{ kind: 'chapters' }, { kind: 'date', value: '2021-03-04T05:06:07' }, { kind: 'place' }]],
    ['chapters', [{ kind: 'tags', value: 'title' }]],
    ['rotated', [{ kind: 'rotation', value: '90' }]],
    ['mirrored', [{ kind: 'mirroring' }]],
    ['anamorphic', [{ kind: 'sample-aspect', value: '1.42' }]],
    ['fullRange444', [{ kind: 'range' }, { kind: 'depth', value: '8 bits, 4:4:4' }]],
    [
      'hdr10',
      [
        { kind: 'hdr', value: 'pq' },
        { kind: 'depth', value: '10 bits, 4:2:0' },
      ],
    ],
    ['interlaced', [{ kind: 'interlacing' }]],
    ['dv', [{ kind: 'interlacing' }]],
    ['vfr', [{ kind: 'cadence' }]],
    ['sphere', [{ kind: 'projection', value: 'equirectangular' }]],
    ['sideBySide', [{ kind: 'stereo', value: 'side by side' }]],
    ['dolbyVision5', [{ kind: 'dolby-vision', value: '5' }]],
    ['secondEye', [{ kind: 'second-eye' }]],
    ['transparent', [{ kind: 'alpha' }]],
    [
      'stillBesideFilm',
      [
        { kind: 'picture', value: 'h264' },
        { kind: 'second-picture', value: 'mjpeg' },
      ],
    ],
  ];
  it.each(cases)('%s', async (name, expected) => {
    if (!(await canMake(name))) return;
    const found = await inventoryOf(await footage(name));
    for (const one of expected) expect(found).toEqual(holds(one));
  });

  it('is short for a plain clip: nothing is seen that is not there', async () => {
    const kinds = (await inventoryOf(await footage('plain'))).map(({ kind }) => kind);
    expect(kinds).toEqual(['picture', 'sound']);
  });

  it.skipIf(!caseFile('cc608_in_h264.ts'))('of problem files, where SHRINKBOX_CASES names them', async () => {
    const found = async (name: string) => await inventoryOf(caseFile(name) ?? '');
    expect(await found('cc608_in_h264.ts')).toEqual(holds({ kind: 'captions' }));
    expect(await found('apac_second.mov')).toEqual(holds({ kind: 'sound', value: 'apac 2 und' }));
    expect(await found('coverlarge.mkv')).toEqual(holds({ kind: 'picture', value: 'h264' }));
    expect(await found('equirect_360.mp4')).toEqual(holds({ kind: 'projection', value: 'tiled equirectangular' }));
  });
});

it.each<[string, Record<string, string>, Partial<Holding>[]]>([
  ['a place in Matroska', { LOCATION: '+48.8577+002.2950/' }, [{ kind: 'place', value: 'place' }]],
  ['a place in words, which MP4 has no field for', { LOCATION: 'Berlin' }, [{ kind: 'tags', value: 'location' }]],
  ['another wording of a title', { title: 'A', 'title-ger': 'B' }, [{ kind: 'tags', value: 'title' }]],
  ['only the other wording', { 'title-ger': 'B' }, [{ kind: 'tags', value: 'title-ger' }]],
  ['a date of another kind', { creation_time: 'Thu Mar 04 2021' }, [{ kind: 'tags', value: 'creation_time' }]],
  ['a clock that was never set', { creation_time: '1904-01-01T00:00:00.000000Z' }, []],
  ['words about the container', { major_brand: 'isom', ENCODER: 'Lavf' }, []],
  ['a MOV was refused for its `encoder-eng`', { encoder: 'Lavf', 'encoder-eng': 'Lavf' }, []],
  ['and for one alone', { 'encoder-eng': 'Lavf' }, []],
])('tags: %s', (_, tags, expected) => {
  const main = { index: 0, codec_type: 'video', codec_name: 'h264' };
  const found = inventory({
    output: { format: { tags }, streams: [main] },
    main,
    lines: new Map(),
    signs: NO_SIGNS,
    look: { interlaced: false },
  });
  expect(found.filter(({ kind }) => kind !== 'picture')).toMatchObject(expected);
});

describe('captions in bytes', () => {
  const message = (...more: number[]) => Buffer.from([0xb5, 0, 0x31, ...Buffer.from('GA94'), 3, ...more]);

  it('are seen after the marks of H.264 and of MPEG-2', () => {
    expect(hasCaptions(message(0x41, 0xff))).toBe(true);
    expect(hasCaptions(Buffer.concat([Buffer.from([0, 0, 1, 0xb2]), message(0x41).subarray(3)]))).toBe(true);
  });

  it('are not seen in messages without any, nor in four letters of a text', () => {
    expect(hasCaptions(message(0x40))).toBe(false);
    expect(hasCaptions(message(0x01))).toBe(false);
    expect(hasCaptions(Buffer.from('a GA94\x03Aa'))).toBe(false);
    expect(hasCaptions(Buffer.alloc(0))).toBe(false);
  });
});

it('scrambled packets are told from others, in transport streams of both packet sizes', () => {
  const stream = (size: number, control: number) => {
    const bytes = Buffer.alloc(size * 60);
    for (let at = size - 188; at < bytes.length; at += size) {
      bytes[at] = 0x47;
      bytes[at + 3] = control;
    }
    return bytes;
  };
  expect([isScrambled(stream(188, 0x90)), isScrambled(stream(192, 0xd0)), isScrambled(stream(188, 0x10))]).toEqual([
    true,
    true,
    false,
  ]);
  expect(isScrambled(Buffer.alloc(100_000))).toBe(false);
});

describe('a true sentence before any work', () => {
  const said = async (path: string) => {
    const { code, message } = await refusal(inventoryOf(path));
    return `${code}: ${message}`;
  };

  it.each<[FootageName, RegExp]>([
    ['encrypted', /^not-media: encrypted\.mp4 is copy-protected \(DRM, cenc\)/],
    ['protectedWmv', /^not-media: protected\.wmv is copy-protected \(DRM, Windows Media\)/],
    ['scrambled', /^not-media: scrambled\.ts is copy-protected \(DRM, DVB\)/],
    ['pictureWithSound', /^no-video: picture\.mp4 is one picture with 30 s of sound/],
    ['withoutHeader', /^incomplete-media: without-header\.ts begins in the middle: the header .*\(mpeg2video\) needs/],
  ])('%s', async (name, sentence) => {
    expect(await said(await footage(name))).toMatch(sentence);
  });

  it.skipIf(!caseFile('cenc.mp4'))('about protected files, where SHRINKBOX_CASES names them', async () => {
    for (const name of ['cenc.mp4', 'cenc_frag_delivered.mp4', 'drm_sample.wmv'])
      expect(await said(caseFile(name) ?? '')).toMatch(/is copy-protected \(DRM/);
  });
});

it('was "cannot be described" for a tag of 70,000 letters: works, and the facts keep a little of it', async () => {
  const { tags, tagBytes } = await probe(ownFile(await footage('longTag')), { tools: await realTools() });
  expect(tags['comment']?.length).toBe(300);
  expect(tagBytes).toBeGreaterThan(70_000);
});
