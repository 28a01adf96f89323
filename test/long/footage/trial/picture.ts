/** The picture of a result beside its source's: frames, their times, length, shape and colours. Pure. */
import type { Compared, Said, Wrong } from './compare.ts';
import { RASTER, RASTER_BYTES, type Seen, type SeenPicture } from './seen.ts';

export interface Excuses {
  said: Said;
  /** Fewer frames were asked for. */
  fewerFrames: boolean;
  /** A part was asked for. */
  cut: boolean;
}

export interface ComparedPictures {
  wrong: Wrong[];
  shown: Pick<Compared['shown'], 'frames' | 'length' | 'colours'>;
}

/** Containers round times, the coarsest to a millisecond. */
const TIME_TOLERANCE_S = 0.02;
const LENGTH_TOLERANCE_S = 0.05;
const ASPECT_TOLERANCE = 0.02;

export function comparePictures(source: Seen, result: Seen, excuses: Excuses): ComparedPictures {
  const { picture: before } = source;
  const { picture: after } = result;
  if (!before || !after) {
    const text = after ? 'nothing to compare: the source has no picture' : 'there is no picture';
    return { wrong: [{ column: 'frames', text }], shown: { frames: '-', length: '-', colours: '-' } };
  }
  const { said, fewerFrames, cut } = excuses;
  const counts = [before.times.length, after.times.length] as const;
  const isSameCount = counts[0] === counts[1];
  const isExcused = fewerFrames || cut || said(/frame|decoded|damaged|pictures/i);
  const lengths = [before.lengthS, after.lengthS] as const;
  const slack = Math.max(LENGTH_TOLERANCE_S, gapOf(before), fewerFrames ? gapOf(after) : 0) + 1e-6;
  const colours = cut ? { wrong: [], shown: '-' } : compareColours(before, after, source, result);
  const wrong: Wrong[] = [
    ...(isSameCount || isExcused
      ? []
      : [{ column: 'frames', text: `${counts[0]} frames became ${counts[1]}` } as const]),
    ...(isSameCount && !cut && !before.jumps ? lateFrames(before, after) : []),
    ...(Math.abs(lengths[0] - lengths[1]) <= slack || cut || before.jumps || (isExcused && !fewerFrames)
      ? []
      : [{ column: 'length', text: `${lengths[0].toFixed(3)} s became ${lengths[1].toFixed(3)} s` } as const]),
    ...(Math.abs(after.aspect / before.aspect - 1) <= ASPECT_TOLERANCE
      ? []
      : [
          {
            column: 'colours',
            text: `its shape ${before.aspect.toFixed(3)} became ${after.aspect.toFixed(3)}`,
          } as const,
        ]),
    ...colours.wrong,
  ];
  return {
    wrong,
    shown: {
      frames: isSameCount ? String(counts[0]) : counts.join('>'),
      length: `${lengths[1].toFixed(2)} s`,
      colours: colours.shown,
    },
  };
}

/** The usual time between two frames. */
function gapOf({ times }: SeenPicture): number {
  const gaps = times.slice(1).map((time, n) => time - (times[n] ?? 0));
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
}

function lateFrames(before: SeenPicture, after: SeenPicture): Wrong[] {
  const most = Math.max(TIME_TOLERANCE_S, gapOf(before) / 2);
  const at = before.times.findIndex((time, n) => Math.abs(time - (after.times[n] ?? 0)) > most);
  if (at < 0) return [];
  const times = [before.times[at] ?? 0, after.times[at] ?? 0].map(time => `${time.toFixed(3)} s`);
  return [{ column: 'frames', text: `frame ${at + 1} comes at ${times[1]} instead of ${times[0]}` }];
}

/** Steps of 255 by which a place of the picture may differ in the mean: two encodes of noise differ by one or two. */
const COLOUR_TOLERANCE = 7;
/** And by what a pixel at the edge makes out in one place of the raster, where an odd size became an even one. */
const EDGE_STEPS = 127 * RASTER.height;
/** A picture in which black or white became grey has another slope. */
const SLOPE_TOLERANCE = 0.07;
const MOST_SAMPLES = 400;

function compareColours(before: SeenPicture, after: SeenPicture, source: Seen, result: Seen) {
  const pairs = samePictures(before, after);
  if (pairs.length === 0) return { wrong: [], shown: '-' };
  const late = shiftOf(before, after, pairs);
  const shifted: Wrong[] =
    late === 0 ? [] : [{ column: 'sync', text: `the picture is ${late} frames ${late > 0 ? 'late' : 'early'}` }];
  const means = [0, 1].map(side =>
    Array.from({ length: RASTER_BYTES }, (_, at) => {
      const rasters = (side === 0 ? before : after).rasters;
      return pairs.reduce((sum, pair) => sum + (rasters[(pair[side] ?? 0) * RASTER_BYTES + at] ?? 0), 0) / pairs.length;
    }),
  );
  const [one = [], other = []] = means;
  const isToneMapped = source.others.includes('HDR') && !result.others.includes('HDR');
  if (isToneMapped) {
    const alike = correlation(one, other);
    const wrong: Wrong[] = alike > 0.8 ? [] : [{ column: 'colours', text: `only ${alike.toFixed(2)} alike after HDR` }];
    return { wrong: [...shifted, ...wrong], shown: `~${alike.toFixed(2)}` };
  }
  const worst = Math.max(...one.map((value, at) => Math.abs(value - (other[at] ?? 0))));
  const slope = slopeOf(one, other);
  const isFlat = spread(one) < 12;
  const wrong: Wrong[] = [
    ...(worst > COLOUR_TOLERANCE + EDGE_STEPS / after.lines
      ? [
          {
            column: 'colours',
            text: `a place of the picture differs by ${worst.toFixed(1)} of 255 in the mean`,
          } as const,
        ]
      : []),
    ...(!isFlat && Math.abs(slope - 1) > SLOPE_TOLERANCE
      ? [{ column: 'colours', text: `its contrast is ${slope.toFixed(2)} times the source's` } as const]
      : []),
  ];
  return { wrong: [...shifted, ...wrong], shown: worst.toFixed(1) };
}

/** Frame numbers of both that are shown at the same time, spread over the whole. */
function samePictures(before: SeenPicture, after: SeenPicture): [number, number][] {
  const pairs: [number, number][] = [];
  const step = Math.max(1, Math.floor(before.times.length / MOST_SAMPLES));
  const isSameCount = before.times.length === after.times.length;
  let at = 0;
  for (let n = 0; n < before.times.length; n += step) {
    const time = (before.times[n] ?? 0) + 1e-3;
    while (at + 1 < after.times.length && (after.times[at + 1] ?? 0) <= time) at += 1;
    if (isSameCount) pairs.push([n, n]);
    else if (Math.abs((after.times[at] ?? 0) - time) < 0.1) pairs.push([n, at]);
  }
  return pairs;
}

/** By how many frames the result lags behind: where another frame is clearly more like the source's than the one at its time. */
function shiftOf(before: SeenPicture, after: SeenPicture, pairs: readonly [number, number][]): number {
  const distance = (shift: number) => {
    const differences = pairs.flatMap(([n, at]) => {
      const other = at + shift;
      if (other < 0 || other >= after.times.length) return [];
      let sum = 0;
      for (let byte = 0; byte < RASTER_BYTES; byte += 1)
        sum += Math.abs(
          (before.rasters[n * RASTER_BYTES + byte] ?? 0) - (after.rasters[other * RASTER_BYTES + byte] ?? 0),
        );
      return [sum / RASTER_BYTES];
    });
    return differences.reduce((a, b) => a + b, 0) / Math.max(1, differences.length);
  };
  const now = distance(0);
  const shifts = [-3, -2, -1, 1, 2, 3].map(shift => ({ shift, far: distance(shift) }));
  const best = shifts.toSorted((a, b) => a.far - b.far)[0];
  return best && best.far < 0.5 * now && now - best.far > 0.5 ? best.shift : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
}

function spread(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map(value => (value - middle) ** 2)));
}

function covariance(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [mean(one), mean(other)];
  return mean(one.map((value, n) => (value - a) * ((other[n] ?? 0) - b)));
}

export function correlation(one: readonly number[], other: readonly number[]): number {
  return covariance(one, other) / Math.max(1e-9, spread(one) * spread(other));
}

function slopeOf(one: readonly number[], other: readonly number[]): number {
  return covariance(one, other) / Math.max(1e-9, spread(one) ** 2);
}
