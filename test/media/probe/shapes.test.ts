import { describe, expect, it } from 'vitest';
import { mayChangeShape, ShapeReader, shapesArgs } from '../../../src/media/probe/shapes.ts';

const track = (codec: string, tag = '') => ({
  ...{ index: 2, codec_type: 'video', codec_name: codec, codec_tag_string: tag, width: 1_920, height: 1_080 },
});

describe('which films are looked through', () => {
  const mp4 = 'mov,mp4,m4a,3gp,3g2,mj2';
  it.each([
    ['a transport stream', track('h264'), { format_name: 'mpegts' }, true],
    ['a browser’s recording', track('vp9'), { format_name: 'matroska,webm' }, true],
    ['a camera’s', track('h264', 'avc1'), { format_name: mp4 }, false],
    ['one with headers in the stream', track('h264', 'avc3'), { format_name: mp4 }, true],
    ['what ffmpeg copied', track('h264', 'avc1'), { format_name: mp4, tags: { encoder: 'Lavf59.27.100' } }, true],
    ['DV', track('dvvideo'), { format_name: 'dv' }, false],
    ['ProRes in Matroska', track('prores'), { format_name: 'matroska,webm' }, false],
  ])('%s', (_, stream, format, expected) => {
    expect(mayChangeShape(stream, format)).toBe(expected);
  });
});

it('a long film whose decoder cannot skip frames is looked at in some hundred places', () => {
  const cuts = [1, 2, 3].map(atS => ({ atS, beforeS: atS - 0.04, frame: atS * 25, key: atS !== 2 }));
  const intervals = (codec: string, packets: number) => {
    const args = shapesArgs(track(codec), { packets, cuts });
    return args[args.indexOf('-read_intervals') + 1];
  };
  expect(intervals('vp9', 100_000)).toBe('%+#1,1.000000%+#1,3.000000%+#1');
  expect(shapesArgs(track('vp9'), { packets: 500, cuts })).not.toContain('-read_intervals');
  expect(shapesArgs(track('h264'), { packets: 100_000, cuts })).not.toContain('-read_intervals');
});

describe('the shapes of a film', () => {
  function read(endS: number, ...frames: [time: number, width: number, height: number, aspect?: string][]) {
    const shapes = new ShapeReader();
    for (const [time, width, height, aspect = '1:1'] of frames)
      shapes.add(
        `frame|best_effort_timestamp_time=${time}|width=${width}|height=${height}|sample_aspect_ratio=${aspect}|side_data|`,
      );
    shapes.add('side_data|');
    return shapes.result(endS);
  }

  it('that keeps its own', () => {
    expect(read(4, [0, 640, 360], [2, 640, 360, 'N/A'])).toBeUndefined();
    expect(read(0)).toBeUndefined();
  });

  it('are fitted into the one that is shown longest', () => {
    expect(read(9, [0, 640, 360], [2, 360, 640], [4, 360, 640], [8, 640, 360])).toEqual({
      ...{ changes: 2, width: 360, height: 640, sizes: ['640x360', '360x640'] },
    });
    expect(read(10, [0, 640, 360], [9, 360, 640])).toMatchObject({ width: 640, height: 360 });
  });

  it('of one aspect into the largest: the line was slow at first', () => {
    expect(read(10, [0, 320, 180], [6, 1_280, 720], [9, 480, 640])).toMatchObject({ width: 1_280, height: 720 });
  });

  it('may differ only in their pixels', () => {
    expect(read(10, [0, 720, 576, '16:15'], [2, 720, 576, '64:45'])).toMatchObject({ width: 1_024, height: 576 });
  });

  it('of a crafted file are counted, not all kept', () => {
    const many = Array.from({ length: 500 }, (_, at): [number, number, number] => [at, 100 + at, 100]);
    expect(read(500, ...many)).toMatchObject({ changes: 499, sizes: { length: 20 } });
  });
});
