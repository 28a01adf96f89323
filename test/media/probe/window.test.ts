import { describe, expect, it } from 'vitest';
import { type Packet } from '../../../src/media/probe/packets.ts';
import { WindowReader, type WindowRequest } from '../../../src/media/probe/window.ts';

const packet = (stream: number, ptsS: number, changes: Partial<Packet> = {}): Packet => ({
  ...{ stream, ptsS, dtsS: undefined, durationS: 0.04, bytes: 100, discarded: false, key: false },
  ...changes,
});

/** Ten seconds that begin at 100 on their own clock: 25 pictures a second (0), stored as encoders do, sound (1) and a text (2). */
const film: Packet[] = [
  ...Array.from({ length: 250 }, (_, at) => packet(0, 100 + ((at ^ 1) * 40) / 1000)),
  ...Array.from({ length: 500 }, (_, at) => packet(1, 99.9 + at * 0.0213, { durationS: 0.0213, bytes: 10 })),
  packet(2, 102, { durationS: 3, bytes: 20 }),
  packet(2, 105, { durationS: 5, bytes: 2 }),
];

function read(fromS: number | undefined, toS: number | undefined, packets = film) {
  const request: WindowRequest = { main: 0, texts: new Set([2]), startS: 100, durationS: 10, fromS, toS };
  const reader = new WindowReader(request);
  for (const each of packets) reader.add(each);
  return reader.result(100_000);
}

describe('a part of a film', () => {
  it('begins with the first picture at or after its beginning and ends with the last before its end', () => {
    const { window, lines } = read(102.01, 104.5)!;
    expect(lines.get(0)).toMatchObject({ packets: 62, startS: 102.04, endS: 104.52 });
    expect(window).toMatchObject({ beforeS: 102, sourceStartS: 100, sourceDurationS: 10 });
    expect(window.fromS).toBeCloseTo(102.02, 6);
    expect(window.toS).toBeCloseTo(104.5, 6);
  });

  it('takes a picture for on time that rounding made early', () => {
    expect(read(102.0003, 104.0003)!.lines.get(0)).toMatchObject({ packets: 50, startS: 102 });
  });

  it('has of every other track what is to be heard and read in it', () => {
    const { lines } = read(103, 104)!;
    expect(lines.get(1)).toMatchObject({ startS: 103, endS: 104 });
    expect(lines.get(2)).toMatchObject({ startS: 103, endS: 104, packets: 1 });
    // A gap between two texts is none.
    expect(read(106, 107)!.lines.has(2)).toBe(false);
  });

  it('keeps sound beyond the picture where nothing was cut', () => {
    expect(read(undefined, 104)!.lines.get(1)?.startS).toBe(99.9);
    expect(read(104, undefined)!.lines.get(1)?.endS).toBeGreaterThan(110.1);
    expect(read(104, undefined)!.window.toS).toBeUndefined();
  });

  it('knows the bytes that belong to it', () => {
    expect(read(100, 105)!.window.bytes / 100_000).toBeCloseTo(0.5, 1);
  });

  it('has the keyframe before it as well, where it has none (a still film lost all its bytes, and was refused)', () => {
    const still = Array.from({ length: 250 }, (_, at) =>
      packet(0, 100 + at * 0.04, { bytes: at % 125 === 0 ? 50_000 : 0, key: at % 125 === 0 }),
    );
    expect(read(102, 104, still)!.window.bytes).toBe(50_000);
    expect(read(104, 106, still)!.window.bytes).toBe(100_000);
    expect(read(105, 106, still)!.window.bytes).toBe(50_000);
  });

  it('keeps both fields of a frame, or none', () => {
    const fields = Array.from({ length: 100 }, (_, at) => packet(0, 100 + at * 0.02, { durationS: 0.02 }));
    const request = { main: 0, fields: 'all' as const, texts: new Set<number>(), startS: 100, durationS: 2 };
    const reader = new WindowReader({ ...request, fromS: 100.5, toS: 101.5 });
    for (const each of fields) reader.add(each);
    // The frame of 100.48 has its second field at 100.5.
    expect(reader.result(1000)?.lines.get(0)).toMatchObject({ packets: 25, startS: 100.52, endS: 101.52 });
  });

  it('is none without a picture', () => {
    expect(read(102.01, 102.02)).toBeUndefined();
  });
});
