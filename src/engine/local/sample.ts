import { sampleArgs } from './argv.ts';
import { type Bench, forget, recall, remember, runStep } from './bench.ts';
import { planPicture } from './picture.ts';
import { guessedRate, type SampledRate } from './rung.ts';
import { isShrinkError } from '../../core/errors.ts';

/** Three times two seconds: within a quarter of the truth on average (encoding.md section 4c), which is what a rung needs. */
const SAMPLES = 3;
const SAMPLE_S = 2;
const SHARE = 0.02;
const FILE = 'sample.h264';

/** How many bits this clip needs at full size, from a few seconds of it. Done once per job. */
export async function sampleRate(bench: Bench): Promise<SampledRate> {
  const known = recall<SampledRate>(bench, 'sample');
  if (known) {
    bench.meter.skip(SHARE);
    return known;
  }
  await bench.context.step('sampling');
  const { facts, order, tools, input } = bench;
  const picture = planPicture(facts, order.target, 1, tools);
  let bytes = 0;
  let frames = 0;
  for (const piece of pieces(facts.durationS)) {
    try {
      const result = await runStep(bench, {
        doing: 'taking samples',
        args: sampleArgs({ tools, facts, input, picture, ...piece }),
        output: FILE,
        share: SHARE / SAMPLES,
        note: 'sampling',
      });
      bytes += result.outputBytes;
      frames += result.frames;
    } catch (error) {
      // Not every old file can be read from its middle.
      if (!isShrinkError(error, 'child-failed')) throw error;
    }
  }
  await forget(bench, FILE);
  const fps = picture.fps ?? facts.video.fps;
  const rate =
    frames > 0 && bytes > 0 ? { bitsPerSecond: Math.round((bytes * 8 * fps) / frames) } : guessedRate(picture, fps);
  await remember(bench, 'sample', rate);
  return rate;
}

/** Where samples are taken from: the middles of equal parts; of a short clip, all of it. */
export function pieces(durationS: number): { fromS: number; lengthS: number }[] {
  if (durationS <= SAMPLES * SAMPLE_S) return [{ fromS: 0, lengthS: durationS }];
  const part = durationS / SAMPLES;
  return Array.from({ length: SAMPLES }, (_, at) => ({ fromS: part * (at + 0.5) - SAMPLE_S / 2, lengthS: SAMPLE_S }));
}
