import { join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import type { Candidate } from '../../core/job.ts';
import { shown } from '../../platform/ffmpeg/refusals.ts';
import { formatBytes } from '../../core/units.ts';
import { intoSize } from './attempts.ts';
import { type Bench, bytesOf, recall, remember } from './bench.ts';
import { LEAST_VIDEO_RATE, videoRate, videoTables } from './budget.ts';
import type { Outcome } from './outcome.ts';
import { type PicturePlan, planPicture } from './picture.ts';
import { droppedTracks, type EncodeChoice, encoderFor } from './plan.ts';
import { chooseRung, decentRate, predictedCrf, predictedRate, type SampledRate } from './rung.ts';
import { sampleRate } from './sample.ts';
import { describeSound, planSound, type SoundPlan } from './sound.ts';
import { budgetOf, type Encode, encodePicture, joinTracks, makeSound, type Muxed, SHARE } from './steps.ts';

/** Where more bits can no longer be seen: VMAF 98 to 99 (encoding.md section 4f). Nothing is spent above it. */
const CEILING_CRF = { h264: 18, h265: 20, av1: 24 } as const;
/** Asked for no size: VMAF about 98, the worst frames about 95. */
const LOSSLESS_LOOK_CRF = { h264: 20, h265: 22, av1: 28 } as const;
/** A ceiling this far below the budget is met in one pass; nearer to it the prediction may be wrong, and two passes are safe. */
const SURELY_BELOW_CEILING = 1;
/** A prediction this far over the cap is believed without encoding. */
const SURELY_TOO_LARGE = 1.6;

/** Encodes into a size or a quality. */
export async function encode(bench: Bench, choice: EncodeChoice): Promise<Outcome> {
  const encoder = encoderFor(choice.codec, bench.tools);
  if (typeof encoder !== 'string') {
    throw new ShrinkError('cannot-do', `${choice.codec} cannot be made: ${encoder.missing}`, {
      subject: bench.order.source,
      hint: 'Set `codec: h264` in the rule, or install an ffmpeg that has it.',
    });
  }
  const sample = await sampleRate(bench);
  return choice.mode === 'quality' ? await byQuality(bench, choice, sample) : await bySize(bench, choice, sample);
}

async function byQuality(bench: Bench, choice: EncodeChoice, sample: SampledRate): Promise<Outcome> {
  const { facts, order, tools } = bench;
  const crf = LOSSLESS_LOOK_CRF[choice.codec];
  const picture = planPicture(facts, order.target, 1, tools);
  const sound = planSound(facts, order.target, undefined);
  const expected = (predictedRate(sample, LOSSLESS_LOOK_CRF.h264, 1) * facts.durationS) / 8 + sound.estimateBytes;
  const otherwise = choice.otherwise;
  const instead = (): Outcome => {
    if (!otherwise)
      throw new ShrinkError('cannot-fit', 'it cannot become smaller and look the same', { subject: order.source });
    return { kind: 'instead', instead: otherwise, notes: [] };
  };
  // AV1 needs far fewer bits than the x264 sample says: there only trying tells.
  if (otherwise && choice.codec === 'h264' && expected > choice.capBytes * SURELY_TOO_LARGE) return instead();
  const work: Encode = { choice, picture, sound, ...(await makeSound(bench, choice, sound)) };
  const made = await onePass(bench, work, crf);
  if (!made || made.bytes > choice.capBytes) return instead();
  return candidateOf(bench, work, made, `one pass at visually lossless quality (CRF ${crf})`);
}

async function bySize(bench: Bench, choice: EncodeChoice, sample: SampledRate): Promise<Outcome> {
  const { facts, order, tools } = bench;
  const full = planPicture(facts, order.target, 1, tools);
  const sound = planSound(facts, order.target, choice.capBytes);
  const planned = budgetOf(bench.facts, choice, sound.estimateBytes);
  const rung = chooseRung(sample, Math.max(1, videoRate(planned)), full);
  if (videoRate(planned) < LEAST_VIDEO_RATE || rung.hopeless) throw hopeless(bench, choice, sample, sound, full);

  const picture = rung.scale < 1 ? planPicture(facts, order.target, rung.scale, tools) : full;
  const work: Encode = { choice, picture, sound, ...(await makeSound(bench, choice, sound)) };
  const ceiling = CEILING_CRF[choice.codec];
  const generous = predictedCrf(sample, videoRate(work.budget), rung.scale) < CEILING_CRF.h264 - SURELY_BELOW_CEILING;
  if (order.target.quality === 'auto' && generous && recall<boolean>(bench, 'ceiling-missed') !== true) {
    const made = await onePass(bench, work, ceiling);
    if (made && made.bytes <= choice.capBytes) {
      const unused = choice.capBytes - made.bytes;
      const saved = unused > choice.capBytes * 0.03 ? `; the other ${formatBytes(unused)} would not be seen` : '';
      return candidateOf(bench, work, made, `one pass, visually lossless (CRF ${ceiling})${saved}`);
    }
    await remember(bench, 'ceiling-missed', true);
  }
  if (order.target.quality === 'auto') work.budget.ceilingRate = predictedRate(sample, CEILING_CRF.h264, rung.scale);
  const { made, how } = await intoSize(bench, work);
  return candidateOf(bench, work, made, how);
}

/** One pass at constant quality; `undefined` once it is clear that it will not fit. */
async function onePass(bench: Bench, work: Encode, crf: number): Promise<Muxed | undefined> {
  const known = recall<Muxed>(bench, 'one-pass');
  if (known && known.bytes === (await bytesOf(bench, known.file))) return known;
  await bench.context.step('one pass');
  const picture = await encodePicture(bench, work, { kind: 'quality', crf }, SHARE.onePass, 'one pass');
  if (!picture) return undefined;
  const made = await joinTracks(bench, work, picture, 'out-quality.mp4');
  await remember(bench, 'one-pass', made);
  return made;
}

/** Of a source with more frames missing than this, nobody would say that it "came out smaller". */
const MOST_LOST = 0.02;

function candidateOf(bench: Bench, work: Encode, made: Muxed, what: string): Outcome {
  const { facts, order, context } = bench;
  const { picture, sound, choice } = work;
  const lost = picture.fps === undefined ? facts.video.frames - made.frames : 0;
  if (lost > facts.video.frames * MOST_LOST) {
    throw new ShrinkError(
      'incomplete-media',
      `${shown(order.source)} is damaged: only ${made.frames} of its ${facts.video.frames} frames can be decoded`,
      {
        subject: order.source,
        hint: 'Copy or export it again.',
      },
    );
  }
  const notes = [...picture.notes, ...sound.notes, ...droppedTracks(facts)];
  if (made.complaints > 0 && lost === 0)
    notes.push('the source has damaged spots; they are concealed as well as the decoder can');
  if (lost > 0) notes.push(`${lost} frames of the source could not be decoded and are missing`);
  const wanted = { width: facts.video.displayWidth, height: facts.video.displayHeight };
  if (picture.height < wanted.height - 1 || picture.width < wanted.width - 1) {
    notes.push(`picture made smaller, from ${wanted.width}x${wanted.height} to ${picture.width}x${picture.height}`);
  }
  const candidate: Candidate = {
    path: join(context.workDir, made.file),
    isSource: false,
    ...(made.complaints > 0 || lost > 0 ? { damagedSource: true } : {}),
    bytes: made.bytes,
    expect: {
      maxBytes: Math.min(choice.capBytes, order.sourceBytes),
      durationS: facts.durationS,
      // A dropped frame at the end shortens it by its own length, a lost one by as much.
      durationToleranceS:
        picture.fps === undefined ? (lost > 0 ? lost / facts.video.fps + 0.05 : 0) : 1 / picture.fps + 0.05,
      width: picture.width,
      height: picture.height,
      frames: made.frames,
      audioTracks: sound.tracks.length,
      subtitleTracks: sound.subtitles.length,
      ...(order.target.fps === undefined ? {} : { maxFps: order.target.fps }),
      videoCodecs: [{ h264: 'h264', h265: 'hevc', av1: 'av1' }[choice.codec]],
    },
    how: `${what}, ${picture.width}x${picture.height}, ${describeSound(sound.tracks)}`,
    notes,
  };
  return { kind: 'candidate', candidate };
}

/** Said before hours are spent, with the size from which on it would look decent. */
function hopeless(
  bench: Bench,
  choice: EncodeChoice,
  sample: SampledRate,
  sound: SoundPlan,
  size: PicturePlan,
): ShrinkError {
  const { facts, order } = bench;
  const leastSound = sound.tracks.length === 0 ? 0 : (32_000 * facts.durationS) / 8;
  const tables = videoTables(facts.video.frames, facts.durationS, facts.video.variableFrameRate);
  const rate = Math.max(decentRate(sample, size), LEAST_VIDEO_RATE);
  const decent = (rate * facts.durationS) / 8 + leastSound + tables;
  const inWords = formatBytes(decent * 1.05);
  // The cap may be the source's own size, when nothing smaller was asked for.
  const asked = choice.capBytes < order.sourceBytes ? '' : ` (${choice.why})`;
  return new ShrinkError(
    'cannot-fit',
    `${shown(order.source)} would be unrecognisable in ${formatBytes(choice.capBytes)}${asked}: ${Math.round(facts.durationS)} s of this picture need about ${inWords} to look decent`,
    { subject: order.source, hint: `Ask for at least ${inWords}, or cut it shorter first.` },
  );
}
