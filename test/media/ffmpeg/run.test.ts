import { describe, expect, it } from 'vitest';
import { readProgress } from '../../../src/media/ffmpeg/run.ts';

describe('the -progress pipe', () => {
  it('is read key by key; only a number that moved is progress', () => {
    const reader = readProgress();
    expect(reader.moved('frame=10')).toBe(true);
    expect(reader.moved('frame=10')).toBe(false);
    expect(reader.moved('out_time_us=400000')).toBe(true);
    expect(reader.moved('out_time_us=N/A')).toBe(false);
    expect(reader.moved('total_size=4096')).toBe(true);
    expect(reader.moved('speed= 1.8x')).toBe(false);
    expect(reader.moved('progress=continue')).toBe(false);
    expect(reader.moved('nonsense')).toBe(false);
    expect(reader.state()).toEqual({ frames: 10, timeS: 0.4, bytes: 4096, speed: 1.8 });
  });
});
