import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePacket, parsePacketObject, TimelineBuilder } from '../../../src/media/probe/packets.ts';

const packet = (ptsS: number | undefined, more: Partial<NonNullable<ReturnType<typeof parsePacket>>> = {}) => ({
  stream: 0,
  ptsS,
  dtsS: undefined,
  durationS: 0.04,
  bytes: 100,
  discarded: false,
  key: false,
  ...more,
});

function timeline(...packets: ReturnType<typeof packet>[]) {
  const gathering = new TimelineBuilder();
  for (const one of packets) gathering.add(one);
  return gathering.result();
}

describe('a line of ffprobe', () => {
  it('becomes a packet', () => {
    expect(parsePacket('0,0.133467,-0.033367,0.033367,4754,KD_')).toEqual({
      stream: 0,
      ptsS: 0.133467,
      dtsS: -0.033367,
      durationS: 0.033367,
      bytes: 4754,
      discarded: true,
      key: true,
    });
  });

  it('says the same as an object', () => {
    const line = (fields: string) => `        { "stream_index": 0, ${fields}"flags": "KD_"`;
    const times = '"pts_time": "0.133467", "dts_time": "-0.033367", "duration_time": "0.033367", "size": "4754", ';
    expect(parsePacketObject(`${line(times)} },`)).toEqual(parsePacket('0,0.133467,-0.033367,0.033367,4754,KD_'));
    // Side data follows on lines of its own.
    expect(parsePacketObject(`${line('"pts_time": "1.5", "size": "12", ')},`)).toEqual(
      parsePacket('0,1.5,N/A,N/A,12,KD_'),
    );
    for (const other of ['            "side_data_list": [', '                {  }', '            ] },', ''])
      expect(parsePacketObject(other)).toBeUndefined();
  });

  it('may miss times, and may be no packet at all', () => {
    expect(parsePacket('1,N/A,0.5,N/A,12,__')).toMatchObject({ ptsS: undefined, dtsS: 0.5, durationS: undefined });
    for (const line of ['', ',', 'side data', '0,1']) expect(parsePacket(line)).toBeUndefined();
  });
});

describe('a track', () => {
  it('lasts from its first frame to the end of its last, in whatever order they are stored', () => {
    expect(timeline(packet(1), packet(1.12), packet(1.04), packet(1.08))).toMatchObject({
      packets: 4,
      bytes: 400,
      startS: 1,
      jumpsBack: 0,
    });
    expect(timeline(packet(1), packet(1.12), packet(1.04), packet(1.08)).endS).toBeCloseTo(1.16);
  });

  it('takes decoding times where there are no others, and guesses the length of the last frame', () => {
    const bare = (dtsS: number) => packet(undefined, { dtsS, durationS: undefined });
    const line = timeline(bare(0), bare(0.1), bare(0.2), bare(0.3));
    expect(line.endS).toBeCloseTo(0.4);
  });

  it('does not count frames that an edit list hides, but their bytes', () => {
    expect(timeline(packet(-0.04, { discarded: true }), packet(0), packet(0.04))).toMatchObject({
      packets: 2,
      bytes: 300,
      startS: 0,
    });
  });

  it('knows its smallest and its largest step', () => {
    const { minGapS, maxGapS } = timeline(packet(0), packet(0.2), packet(0.04), packet(0.08));
    expect(minGapS).toBeCloseTo(0.04);
    expect(maxGapS).toBeCloseTo(0.12);
  });

  it('notices a clock that starts again', () => {
    const part = Array.from({ length: 100 }, (_, at) => packet(at * 0.04));
    expect(timeline(...part, ...part, ...part).jumpsBack).toBe(2);
  });

  it('without packets is nothing', () => {
    expect(timeline()).toEqual({
      packets: 0,
      hidden: 0,
      bytes: 0,
      startS: 0,
      endS: 0,
      minGapS: 0,
      maxGapS: 0,
      jumpsBack: 0,
      cuts: [],
    });
  });

  it('of any even rate, with frames stored up to eight places apart, has steps of one length', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 3, max: 300 }),
        fc.integer(),
        (fps, frames, seed) => {
          const times = Array.from({ length: frames }, (_, at) => at / fps);
          // Shuffled within groups of eight, as a pyramid of B-frames is.
          const stored = times
            .map((time, at) => ({ time, key: Math.floor(at / 8) * 1000 + (((at * 7919) ^ seed) & 255) }))
            .toSorted((a, b) => a.key - b.key);
          const line = timeline(...stored.map(({ time }) => packet(time, { durationS: 1 / fps })));
          expect(line.minGapS).toBeCloseTo(1 / fps, 6);
          expect(line.maxGapS).toBeCloseTo(1 / fps, 6);
          expect(line.endS).toBeCloseTo(frames / fps, 6);
          expect(line.jumpsBack).toBe(0);
        },
      ),
    );
  });
});
