import { describe, expect, it } from 'vitest';
import { clip, walk } from './support.ts';

/** A picture of one pixel with a table of two colours, its bytes in parts of three. */
const PICTURE = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0x80, ...[0, 0, 0, 255, 255, 255], 2, 3, 1, 2, 3, 3, 1, 2, 3, 0];
const PAUSE = [0x21, 0xf9, 4, 0, 10, 0, 0, 0];
const gif = (...blocks: number[][]) =>
  Buffer.from([...Buffer.from('GIF89a'), 1, 0, 1, 0, 0, 0, 0, ...blocks.flat(), 0x3b]);

describe('GIF', () => {
  it.each<[string, Buffer, string]>([
    ['a single picture', gif(PAUSE, PICTURE), 'still'],
    ['two pictures', gif(PAUSE, PICTURE, PAUSE, PICTURE), 'complete'],
    ['two pictures cut short', gif(PICTURE, PICTURE).subarray(0, -1), 'truncated'],
    ['a single picture cut short', gif(PICTURE).subarray(0, -1), 'unknown'],
    ['no picture', gif(PAUSE), 'complete'],
    ['parts that lead beyond the end', gif([...PICTURE.slice(0, 17), 255]), 'still'],
  ])('%s', async (_, bytes, kind) => {
    expect((await walk(bytes)).kind).toBe(kind);
  });

  it('is not read further than to its second picture', async () => {
    const bytes = await clip('animation');
    const { kind, bytesRead } = await walk(bytes);
    expect(kind).toBe('complete');
    expect(bytesRead).toBeLessThan(bytes.length / 2);
  });
});
