import { describe, expect, it } from 'vitest';
import {
  countDetected,
  detectArgs,
  detectedLook,
  mayHoldFields,
  mustDetectFields,
  mustSeeFrames,
  openingLook,
} from '../../../src/media/probe/look.ts';

const track = (codec: string, order?: string, more = {}) => ({
  ...{ index: 0, codec_type: 'video', codec_name: codec, field_order: order },
  ...more,
});

describe('which tracks are looked into', () => {
  it.each([
    ['h264', 'progressive', false, false],
    ['h264', 'tt', true, false],
    ['h264', 'unknown', true, false],
    ['mpeg2video', 'tt', false, false],
    ['mpeg4', 'unknown', true, false],
    ['vp9', 'unknown', false, false],
    ['hevc', 'unknown', false, false],
    ['hevc', 'tb', false, true],
    ['dvvideo', 'unknown', false, true],
    ['huffyuv', undefined, false, true],
    ['mjpeg', 'progressive', false, false],
  ])('%s that its container calls %s', (codec, order, frames, fields) => {
    expect([mustSeeFrames(track(codec, order)), mustDetectFields(track(codec, order))]).toEqual([frames, fields]);
  });
});

describe('the first frames', () => {
  const packets = (count: number, everyS: number, lastsS: number) =>
    Array.from({ length: count }, (_, at) => `packet|pts_time=${(at * everyS).toFixed(6)}|duration_time=${lastsS}`);
  const frames = (count: number, interlaced: 0 | 1) =>
    Array.from(
      { length: count },
      (_, at) => `frame|best_effort_timestamp_time=${(at * 0.04).toFixed(6)}|interlaced_frame=${interlaced}|side_data|`,
    );

  it('show how long a frame lasts, for packets that are fields', () => {
    const lines = [...packets(64, 0.02, 0.02), ...frames(32, 1), ''];
    expect(openingLook(lines, track('h264', 'tt'))).toEqual({
      interlaced: true,
      fields: expect.closeTo(0.04, 5) as number,
    });
  });

  it('show fields that their container gives the length of frames', () => {
    const lines = [...packets(64, 0.02, 0.04), ...frames(32, 1)];
    expect(openingLook(lines, track('h264', 'unknown'))).toEqual({ interlaced: true, fields: 'all' });
  });

  it('show no fields where the stream begins with frames nobody can decode', () => {
    const lines = [...packets(64, 0.04, 0.04), ...frames(20, 1)];
    expect(openingLook(lines, track('h264', 'tt')).fields).toBeCloseTo(0.04, 5);
  });

  it('show whole pictures, and a stray interlaced one among them', () => {
    const lines = [...packets(64, 0.04, 0.04), ...frames(60, 0), ...frames(2, 1)];
    expect(openingLook(lines, track('mpeg4', 'unknown'))).toEqual({ interlaced: false });
  });

  it('may show nothing: then the container is believed', () => {
    expect(openingLook([], track('h264', 'unknown'))).toEqual({ interlaced: false });
    expect(openingLook([], track('h264', 'tt'))).toEqual({ interlaced: true });
  });
});

it('packets that are far apart are no fields, and need not be read again', () => {
  expect([mayHoldFields({ minGapS: 0.04 }, 0.04), mayHoldFields({ minGapS: 0.02 }, 0.04)]).toEqual([false, true]);
  expect(mayHoldFields({ minGapS: 0 }, 'all')).toBe(true);
});

describe('fields in the picture', () => {
  const found = (tff: number, bff: number, progressive: number) => ({ tff, bff, progressive });

  it.each([
    ['dvvideo', 'unknown', found(0, 40, 10), { interlaced: true }],
    ['dvvideo', 'unknown', found(38, 0, 12), { interlaced: false }],
    ['dvvideo', 'unknown', found(0, 0, 0), { interlaced: true }],
    ['huffyuv', 'unknown', found(40, 2, 10), { interlaced: true, unsaidFields: 'tff' }],
    ['huffyuv', 'unknown', found(0, 0, 0), { interlaced: false }],
    ['huffyuv', 'unknown', found(4, 0, 50), { interlaced: false }],
    ['mjpeg', 'bb', found(0, 10, 50), { interlaced: true, unsaidFields: 'bff' }],
    ['mjpeg', 'bb', found(0, 1, 50), { interlaced: false }],
  ] as const)('%s, %s, %o', (codec, order, detected, look) => {
    expect(detectedLook(detected, track(codec, order, { height: 576 }))).toEqual(look);
  });

  it('are counted line by line', () => {
    const counted = found(0, 0, 0);
    const lines = [
      'frame:0 pts:0',
      'lavfi.idet.multiple.current_frame=tff',
      'lavfi.idet.multiple.current_frame=undetermined',
    ];
    for (const line of [...lines, 'lavfi.idet.multiple.current_frame=progressive']) countDetected(counted, line);
    expect(counted).toEqual(found(1, 0, 1));
  });

  it('are looked for in eight seconds of a film, however long it is', () => {
    const args = detectArgs({ path: '/film.dv' }, { index: 0, lengthS: 3_600 });
    expect(args.filter(arg => arg === '-i')).toHaveLength(4);
    expect(args.flatMap((arg, at) => (arg === '-t' ? args[at + 1] : []))).toEqual(['2.000', '2.000', '2.000', '2.000']);
  });
});
