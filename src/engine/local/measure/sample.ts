/** How many bits a clip needs, from a few seconds of it. docs/encoding.md, Samples */
import { isShrinkError } from '../../../core/errors.ts';
import type { Cut, MediaFacts } from '../../../core/media-info.ts';
import { fitInto, type Target } from '../../../core/target.ts';
import { quiet } from '../../../media/ffmpeg/args.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { say } from '../../../messages/say.ts';
import type { Clock } from '../../../platform/clock.ts';
import { type ChildInput, type ChildRequest, runChild } from '../../../platform/process/run-child.ts';
import {
  HALVED_SAMPLES_FROM_PIXELS,
  MAX_SAMPLED_SHARE,
  MIN_SAMPLE_OF_SHORT_S,
  MIN_SAMPLE_S,
  MORE_SAMPLES,
  MORE_SAMPLES_FROM_S,
  SAMPLE_S,
  SAMPLES,
  WORK_SHARE,
} from '../tuning.ts';
import { keyframeInterval } from '../plan/keyframes.ts';
import { memoryFor } from '../plan/presets.ts';
import { atFullSize, guessedRate, type SampledRate } from '../plan/scale.ts';
import { type PicturePlan, planPicture } from '../plan/video.ts';
import { sampleArgs } from '../run/picture-args.ts';
import { threadArgs } from '../run/step-args.ts';
import type { LocalJob } from '../run/local-job.ts';

const TIMEOUT_MS = 120_000;
/** Blocks instead of a picture: sampling those would tell nothing. */
const BROKEN = /error while decoding/;
/** Ten cores busy for all that time; and nothing is written except to standard output. */
const LIMITS = { cpuSeconds: 1_200, fileSizeBytes: 1_000_000 };

export interface Sampling extends Pick<ChildRequest, 'signal' | 'gate' | 'nice'> {
  tools: Tools;
  facts: MediaFacts;
  target: Target;
  input: ChildInput;
  threads: number | undefined;
  clock: Clock;
  onSample?: (done: number, of: number) => void;
}

/** How many bits this clip needs at full size, from a few seconds of it. Done once per job. */
export async function sampleRate(job: LocalJob): Promise<SampledRate> {
  const { context, meter, checkpoints } = job;
  const before = checkpoints.sample.get();
  if (before) {
    meter.skip(WORK_SHARE.sample);
    return before;
  }
  await context.step('sample');
  const step = meter.begin(WORK_SHARE.sample, say('step.sample', {}));
  const { facts, order, tools, input, threads, nice, clock } = job;
  const rate = await takeSamples({
    ...{ tools, facts, input, threads, nice, clock, target: order.target, signal: context.signal, gate: context.gate },
    onSample: (done, of) => step.at(done / of),
  }).finally(() => step.end());
  await checkpoints.sample.set(rate);
  return rate;
}

/** Reads the source, writes nothing. */
export async function takeSamples(sampling: Sampling): Promise<SampledRate> {
  const { facts, tools, target, clock, onSample } = sampling;
  const scale = sampledAt(facts, target);
  const picture = planPicture(facts, target, scale, tools);
  const fps = picture.fps ?? facts.video.fps;
  const began = clock.monotonic();
  const take = async (stretches: readonly Stretch[]) => await encodeStretches(sampling, picture, stretches);
  const places = samplePlaces(facts);
  // A short clip in one go, because starting a program takes as long as sampling it. A long one would need too much memory.
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

/** Packet sizes of each stretch; none if they cannot be read. */
async function encodeStretches(
  sampling: Sampling,
  picture: PicturePlan,
  stretches: readonly Stretch[],
): Promise<number[][]> {
  const { facts, tools, input, threads, signal, gate, nice } = sampling;
  try {
    const { stdout, stderrTail } = await runChild({
      ...{ signal, gate, nice },
      command: tools.ffmpeg,
      inputsBy: tools.inputsBy,
      args: [
        ...[...quiet(), '-nostdin', ...threadArgs(threads)],
        ...sampleArgs({ tools, facts, input, picture, stretches, threads }),
      ],
      doing: say('local.doing-sample'),
      timeoutMs: TIMEOUT_MS,
      limits: { addressSpaceBytes: memoryFor(facts), ...LIMITS },
    });
    return BROKEN.test(stderrTail) ? [] : packetSizes(stdout, stretches.length);
  } catch (error) {
    // Not every old file can be read from its middle.
    if (!isShrinkError(error, 'child-failed', 'timed-out')) throw error;
    return [];
  }
}

/** Half the size tells as much when a frame is expensive. */
function sampledAt({ video }: MediaFacts, target: Target): number {
  const { width, height } = fitInto({ width: video.displayWidth, height: video.displayHeight }, target.resolution);
  return video.hdr !== 'sdr' || width * height > HALVED_SAMPLES_FROM_PIXELS ? 0.5 : 1;
}

/**
 * From the packet sizes of each sample, which begins with a keyframe: a sample has one in two seconds, an encode as few as
 * keyframeInterval says. `pixels` of the sampled picture.
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

/** 4:4:4 of an old x264 decodes only from its beginning (segment.ts), so a short clip is read from there. */
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

/** Where samples are taken: in the middle of equal stretches, moved to a nearby keyframe. */
export function samplePlaces(facts: Sampled): Stretch[] {
  const { durationS, startS, cuts } = facts;
  const total = Math.min(SAMPLES * SAMPLE_S, durationS * MAX_SAMPLED_SHARE);
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
    // A little after the keyframe: right before it, everything since the previous one would be decoded in vain.
    return { fromS: readable(key ? key.atS - startS + 0.2 : middle - lengthS / 2, lengthS), lengthS };
  });

  /** Before the second keyframe, where what follows it may be broken. */
  function readable(fromS: number, lengthS: number): number {
    const second = mayBeBroken(facts) ? cuts.find(cut => cut.key && cut.atS > startS) : undefined;
    return second ? Math.max(0, Math.min(fromS, second.atS - startS - lengthS - 0.1)) : fromS;
  }
}
