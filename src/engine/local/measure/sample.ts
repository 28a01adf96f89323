import { isShrinkError } from '../../../core/errors.ts';
import type { Cut, MediaFacts } from '../../../core/media-info.ts';
import { fitInto, type Target } from '../../../core/target.ts';
import { quiet } from '../../../media/ffmpeg/args.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type ChildRequest, runChild } from '../../../platform/process/run-child.ts';
import { sampleArgs } from '../run/ffmpeg-args.ts';
import { type LocalJob, memoryFor, recall, remember, threadArgs } from '../run/local-job.ts';
import { keyframeInterval } from '../plan/keyframes.ts';
import { planPicture } from '../plan/video.ts';
import { atFullSize, guessedRate, type SampledRate } from '../plan/scale.ts';

/**
 * Three times two seconds are within a quarter of the truth on average (encoding.md section 4c), which is what a rung needs.
 * Never more than 6 % of the clip: all of a short one would cost a fifth of its encode. Two or three shorter samples instead of one
 * of 0.6 s were nearer on one clip of six of 10 to 14 s, further off on the others (0.5 to 0.8 of the truth: little moves in 0.3 s) and dearer.
 */
const SAMPLES = 3;
const SAMPLE_S = 2;
const MAX_SHARE_OF_CLIP = 0.06;
const MIN_SAMPLE_S = 0.6;
/** A clip of three seconds has one scene: 0.6 s of it were a quarter of the clip and, with tone mapping, a tenth of its encode. */
const MIN_SAMPLE_OF_SHORT_S = 0.4;
/** A long film has more than three kinds of scenes, and time enough. */
const MORE_SAMPLES_FROM_S = 600;
const MORE_SAMPLES = 8;
/** From 720p on: there it saves 0.2 s of a job of 6 to 10. */
const DEAR_PIXELS = 800_000;
const SHARE = 0.02;
const TIMEOUT_MS = 120_000;
/** Blocks instead of a picture: a sample of those says nothing. */
const BROKEN = /error while decoding/;
/** Ten cores busy for all of that time; and nothing but standard output is written. */
const LIMITS = { cpuSeconds: 1_200, fileSizeBytes: 1_000_000 };

export interface Sampling extends Pick<ChildRequest, 'signal' | 'gate' | 'nice'> {
  tools: Tools;
  facts: MediaFacts;
  target: Target;
  input: string;
  threads: number | undefined;
  clock: Clock;
  onSample?: (done: number, of: number) => void;
}

/** How many bits this clip needs at full size, from a few seconds of it. Done once per job. */
export async function sampleRate(job: LocalJob): Promise<SampledRate> {
  const stored = recall<SampledRate>(job, 'sample');
  if (stored) {
    job.meter.skip(SHARE);
    return stored;
  }
  const { context, facts, order, tools, input, threads, nice, clock } = job;
  await context.step('sample');
  job.meter.begin(SHARE, 'sampling');
  const rate = await takeSamples({
    ...{ tools, facts, input, threads, nice, clock, target: order.target, signal: context.signal, gate: context.gate },
    onSample: (done, of) => job.meter.at(done / of),
  });
  await remember(job, 'sample', rate);
  return rate;
}

/** Reads the source, writes nothing. */
export async function takeSamples(sampling: Sampling): Promise<SampledRate> {
  const { facts, tools, input, target, threads, clock, onSample, ...child } = sampling;
  const scale = sampledAt(facts, target);
  const picture = planPicture(facts, target, scale, tools);
  const fps = picture.fps ?? facts.video.fps;
  const began = clock.monotonic();
  const take = async (stretches: readonly Stretch[]): Promise<number[][]> => {
    try {
      const { stdout, stderrTail } = await runChild({
        ...child,
        command: tools.ffmpeg,
        args: [
          ...[...quiet(), '-nostdin', ...threadArgs(threads)],
          ...sampleArgs({ tools, facts, input, picture, stretches, threads }),
        ],
        doing: 'taking samples',
        timeoutMs: TIMEOUT_MS,
        limits: { addressSpaceBytes: memoryFor(facts), ...LIMITS },
      });
      return BROKEN.test(stderrTail) ? [] : packetSizes(stdout, stretches.length);
    } catch (error) {
      // Not every old file can be read from its middle.
      if (!isShrinkError(error, 'child-failed', 'timed-out')) throw error;
      return [];
    }
  };
  const places = pieces(facts);
  // Of a short clip all at once: starting a program takes as long as a sample of it. Of a long one that would be much memory.
  let found = places.length <= SAMPLES ? await take(places) : [];
  if (found.length === 0 && places.length > 1) {
    for (const [at, place] of places.entries()) {
      found.push(...(await take([place])));
      onSample?.(at + 1, places.length);
    }
  }
  if (found.length === 0) found = await take([{ fromS: 0, lengthS: places[0]?.lengthS ?? MIN_SAMPLE_S }]);
  const rate = rateOf(found, fps, picture.width * picture.height);
  const frames = found.reduce((sum, sizes) => sum + sizes.length, 0);
  if (!rate) return atFullSize(guessedRate(picture, fps), scale);
  const secondsPerFrame = (clock.monotonic() - began) / 1000 / frames;
  const seen = { places: found.length, share: Number((frames / fps / facts.durationS).toFixed(3)) };
  return atFullSize({ ...rate, ...seen, secondsPerFrame }, scale);
}

/** Half the size says as much where a frame is dear (rung.ts knows what it has at full size). Tone mapping costs 45 ms at 1080p. */
function sampledAt({ video }: MediaFacts, target: Target): number {
  const { width, height } = fitInto({ width: video.displayWidth, height: video.displayHeight }, target.resolution);
  return video.hdr !== 'sdr' || width * height > DEAR_PIXELS ? 0.5 : 1;
}

/**
 * From the sizes of the packets of each sample, the first of which is a keyframe: one in two seconds there, in the encode as far apart
 * as keyframeInterval says. Taken as every eight seconds, a street and a car park at ten frames a second got a third of their size.
 */
export function rateOf(samples: readonly (readonly number[])[], fps: number, pixels: number): SampledRate | undefined {
  const keys = samples.flatMap(sizes => sizes.slice(0, 1));
  const others = samples.flatMap(sizes => sizes.slice(1));
  if (keys.length === 0) return undefined;
  const mean = (sizes: readonly number[]) => sizes.reduce((sum, one) => sum + one, 0) / sizes.length;
  if (others.length === 0) return { bitsPerSecond: Math.round(mean(keys) * 8 * fps) };
  const bitsPerSecond = Math.round(8 * (mean(others) * fps + (mean(keys) * fps) / keyframeInterval(fps)));
  const keyframeS = mean(keys) / Math.max(1, mean(others)) / fps;
  return { bitsPerSecond, stillDetail: Number((((mean(keys) * 8) / pixels) * keyframeS).toFixed(3)) };
}

/** `2,  1024,  1024,  512,  3210, 0x1234abcd` of the framecrc muxer: number of the stretch first, size fifth. */
function packetSizes(text: string, stretches: number): number[][] {
  const packets = text
    .split('\n')
    .filter(line => /^\d+,/.test(line))
    .map(line => line.split(',').map(Number));
  return Array.from({ length: stretches }, (_, at) =>
    packets.flatMap(([stretch, , , , size = Number.NaN]) => (stretch === at && Number.isFinite(size) ? [size] : [])),
  ).filter(sizes => sizes.length > 0);
}

/** 4:4:4 of an old x264 can only be decoded from its beginning (steps.ts): of a short clip that is where it is read from at once. */
const SHORT_S = 60;
const mayBeBroken = ({ video, durationS }: Sampled): boolean =>
  video.codec === 'h264' && video.pixelFormat.includes('444') && durationS < SHORT_S;

type Sampled = Pick<MediaFacts, 'durationS' | 'startS' | 'cuts'> & {
  video: Pick<MediaFacts['video'], 'codec' | 'pixelFormat'>;
};

interface Stretch {
  fromS: number;
  lengthS: number;
}

/**
 * Where samples are taken from: the middles of equal stretches, moved to a keyframe close by. Of clips without one nearer the start was
 * tried, for less to decode in vain: it saved 0.2 s of 5, but was 0.5 to 3 times the truth (16, 10) where the middle is right.
 */
export function pieces(facts: Sampled): Stretch[] {
  const { durationS, startS, cuts } = facts;
  const total = Math.min(SAMPLES * SAMPLE_S, durationS * MAX_SHARE_OF_CLIP);
  const samples = durationS >= MORE_SAMPLES_FROM_S ? MORE_SAMPLES : Math.min(SAMPLES, Math.floor(total / MIN_SAMPLE_S));
  if (samples < 1) {
    const lengthS = Math.max(MIN_SAMPLE_OF_SHORT_S, Math.min(MIN_SAMPLE_S, durationS / 10));
    return [{ fromS: readable(durationS / 2, lengthS), lengthS: Math.min(durationS / 2, lengthS) }];
  }
  const lengthS = durationS >= MORE_SAMPLES_FROM_S ? SAMPLE_S : total / samples;
  const stretch = durationS / samples;
  return Array.from({ length: samples }, (_, at) => {
    const middle = stretch * (at + 0.5);
    const away = (cut: Cut) => Math.abs(cut.atS - startS - middle);
    const near = cuts.filter(cut => cut.key && away(cut) < stretch / 2 - lengthS);
    const key = near.toSorted((a, b) => away(a) - away(b))[0];
    // A little behind the keyframe: right before it, all that follows the one before would be decoded in vain.
    return { fromS: readable(key ? key.atS - startS + 0.2 : middle - lengthS / 2, lengthS), lengthS };
  });

  /** Before the second keyframe, where what follows it may be broken. */
  function readable(fromS: number, lengthS: number): number {
    const second = mayBeBroken(facts) ? cuts.find(cut => cut.key && cut.atS > startS) : undefined;
    return second ? Math.max(0, Math.min(fromS, second.atS - startS - lengthS - 0.1)) : fromS;
  }
}
