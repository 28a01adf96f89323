import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  endByGaps,
  endByHeaders,
  type Fields,
  parsePacket,
  parsePacketObject,
  TimelineBuilder,
} from '../../../src/media/probe/packets.ts';

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
  return timelineOf(undefined, packets);
}

function timelineOf(fields: Fields | undefined, packets: ReturnType<typeof packet>[]) {
  const gathering = new TimelineBuilder(fields);
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

describe('a track whose packets are fields', () => {
  const field = (ptsS: number | undefined, more = {}) => packet(ptsS, { durationS: 0.02, ...more });
  const stored = [1.12, 1.04, 1.08, 1.24, 1.16, 1.2];

  it('was counted by packets, twice as many as it has frames: two fields are a frame', () => {
    const pairs = stored.flatMap(at => [field(at, { key: at === 1.12 }), field(at + 0.02)]);
    const line = timelineOf(0.04, pairs);
    expect(line).toMatchObject({ packets: 6, hidden: 0, bytes: 1_200, startS: 1.04 });
    expect([line.endS, line.minGapS, line.maxGapS].map(time => time.toFixed(3))).toEqual(['1.280', '0.040', '0.040']);
    // Nothing is cut between two fields.
    for (const { atS, beforeS } of line.cuts) expect(atS - beforeS).toBeCloseTo(0.04, 6);
  });

  it('may code some frames whole, and lose a field', () => {
    const mixed = [
      packet(1),
      field(1.04),
      field(1.06),
      packet(1.08),
      field(1.12),
      packet(1.16),
      field(1.2),
      field(1.22),
    ];
    expect(timelineOf(0.04, mixed).packets).toBe(6);
    expect(timelineOf(0.04, [field(1), field(1.04), field(1.06), field(1.08), field(1.1)]).packets).toBe(3);
  });

  it('counts hidden frames in the same way', () => {
    const hidden = [0, 0.02, 0.04, 0.06].map(at => field(at, { discarded: true }));
    expect(timelineOf(0.04, [...hidden, field(0.08), field(0.1)])).toMatchObject({ packets: 1, hidden: 2 });
  });

  it('may come from a muxer that knows no fields: they last a frame each, and many have no time', () => {
    const untold = [field(0), field(0.02), ...[0, 0, 0, 0].map(() => packet(undefined))];
    expect(timelineOf('all', untold).packets).toBe(3);
  });

  it('is not one of fifty whole frames a second', () => {
    expect(
      timelineOf(
        0.02,
        [0, 0.02, 0.04, 0.06].map(at => field(at)),
      ).packets,
    ).toBe(4);
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

  it('ends with both headers of an MP4 where its packets do not say it', () => {
    const line = timeline(packet(0), packet(0.04), packet(0.08));
    expect(endByHeaders(line, { endS: 5, mediaS: 5 })).toMatchObject({ lastS: 0.08, endS: 5 });
    expect(endByHeaders(line, { endS: 0.1, mediaS: 0.12 })).toMatchObject({ lastS: 0.08, endS: 0.1 });
    for (const [endS, mediaS] of [
      [0.121, 0.121],
      [4e6, 0.12],
      [0.12, 4e6],
      [0.05, 0.05],
      [0, 0],
    ] as const)
      expect(endByHeaders(line, { endS, mediaS })).toBe(line);
    expect(endByHeaders(line, undefined)).toBe(line);
  });

  it('begins where the picture does: an empty part before it is not its media', () => {
    const line = timeline(packet(3), packet(3.04));
    expect(endByHeaders(line, { endS: 8, mediaS: 5 }).endS).toBe(8);
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
    const stored = part.map(each => ({ ...each, dtsS: each.ptsS }));
    expect(timeline(...stored, ...stored, ...stored).runsS).toBeCloseTo(3 * 99 * 0.04);
  });

  it('laid short sections of a recording over each other: its clock starts again, however few frames it has', () => {
    const part = Array.from({ length: 10 }, (_, at) => packet(at * 0.2, { dtsS: at * 0.2 }));
    expect(timeline(...part, ...part).jumpsBack).toBe(1);
  });

  it('is cut where packets between shown ones are hidden, not where its beginning or end is', () => {
    const hidden = (at: number) => packet(at, { discarded: true });
    const isCut = (...packets: ReturnType<typeof packet>[]) => timeline(...packets).isCut;
    expect(isCut(packet(0), packet(1), hidden(2), hidden(3), packet(2))).toBe(true);
    expect(isCut(hidden(-2), hidden(-1), packet(0), packet(1), hidden(2))).toBe(false);
  });

  it('was copied with its packets out of order, each heard when the one before was over: is cut as well', () => {
    const stored = (...times: number[]) => timeline(...times.map(at => packet(at, { dtsS: at }))).isCut;
    expect(stored(0, 0.064, 0.128)).toBe(false);
    expect(stored(0.192, 0.256, 0, 0.064, 0.128, 0.32)).toBe(true);
    // Pictures are shown in another order than stored.
    expect(timeline(packet(0.08, { dtsS: 0 }), packet(0, { dtsS: 0.04 }), packet(0.04, { dtsS: 0.08 })).isCut).toBe(
      false,
    );
  });

  it("took the codec's own frame rate for the length of the last picture, where the container claims another", () => {
    const forged = timeline(...Array.from({ length: 9 }, (_, at) => packet(at / 65_535, { durationS: 1 / 12 })));
    expect(forged.overlaps).toBe(true);
    expect(endByGaps(forged).endS).toBeCloseTo(9 / 65_535, 6);
    const film = timeline(packet(0), packet(0.04), packet(0.08, { durationS: 1.6 }));
    expect(endByGaps(film)).toBe(film);
  });

  it('without packets is nothing', () => {
    expect(timeline()).toEqual({
      packets: 0,
      runsS: 0,
      untimed: 0,
      isCut: false,
      overlaps: false,
      hidden: 0,
      bytes: 0,
      startS: 0,
      lastS: 0,
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
