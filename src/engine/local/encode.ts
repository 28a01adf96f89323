import { join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import type { Candidate } from '../../core/job.ts';
import { cannotWrite } from '../../platform/ffmpeg/tools.ts';
import { shown } from '../../platform/ffmpeg/refusals.ts';
import { formatBytes } from '../../core/units.ts';
import { atQuality } from './at-quality.ts';
import { type Bench, recall, remember } from './bench.ts';
import { LEAST_VIDEO_RATE, videoRate, videoTables } from './budget.ts';
import { intoSize } from './into-size.ts';
import { makeSound } from './make-sound.ts';
import type { Outcome } from './outcome.ts';
import { type Part, planParts, wholePart } from './parts.ts';
import { type PicturePlan, planPicture } from './picture.ts';
import { droppedTracks, type EncodeChoice } from './plan.ts';
import { ownCrf, SCALES } from './quality.ts';
import { chooseRung, decentRate, predictedCrf, predictedRate, type SampledRate } from './rung.ts';
import { sampleRate } from './sample.ts';
import { describeSound, planSound, type SoundPlan } from './sound.ts';
import { budgetOf, CutMissed, type Encode, type Muxed } from './steps.ts';

/** A ceiling this far below the budget is met in one pass; nearer to it the prediction may be wrong, and two passes are safe. */
const SURELY_BELOW_CEILING = 1;
/** A prediction this far over the cap is believed without encoding. */
const SURELY_TOO_LARGE = 1.6;

/** Encodes into a size or a quality. */
export async function encode(bench: Bench, choice: EncodeChoice): Promise<Outcome> {
  const why = cannotWrite(choice.codec, bench.tools);
  if (why) {
    throw new ShrinkError('cannot-do', `${choice.codec} cannot be made: ${why}`, {
      subject: bench.order.source,
      hint: 'Set `codec: h264` in the rule, or install an ffmpeg that has it.',
    });
  }
  const sample = await sampleRate(bench);
  const way = choice.mode === 'quality' ? byQuality : bySize;
  try {
    return await way(bench, choice, sample);
  } catch (error) {
    if (!(error instanceof CutMissed)) throw error;
    bench.context.log.debug({ why: error.message }, 'not in parts');
    await remember(bench, 'whole', true);
    return await way({ ...bench, cutting: undefined }, choice, sample);
  }
}

async function byQuality(bench: Bench, choice: EncodeChoice, sample: SampledRate): Promise<Outcome> {
  const { facts, order, tools } = bench;
  const crf = SCALES[choice.codec].losslessLook;
  const picture = planPicture(facts, order.target, 1, tools);
  const sound = planSound(facts, order.target, undefined);
  const expected = (predictedRate(sample, SCALES.h264.losslessLook, 1) * facts.durationS) / 8 + sound.estimateBytes;
  const otherwise = choice.otherwise;
  const instead = (): Outcome => {
    if (!otherwise)
      throw new ShrinkError('cannot-fit', 'it cannot become smaller and look the same', { subject: order.source });
    return { kind: 'instead', instead: otherwise, notes: [] };
  };
  // AV1 needs far fewer bits than the x264 sample says: there only trying tells.
  if (otherwise && choice.codec === 'h264' && expected > choice.capBytes * SURELY_TOO_LARGE) return instead();
  const parts = partsFor(bench, choice);
  const work: Encode = { choice, picture, parts, ...(await makeSound(bench, choice, sound)) };
  const made = await atQuality(bench, work, crf);
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
  const parts = partsFor(bench, choice);
  const work: Encode = { choice, picture, parts, ...(await makeSound(bench, choice, sound)) };
  const { ceiling } = SCALES[choice.codec];
  const x264Crf = predictedCrf(sample, Math.max(1, videoRate(work.budget)), rung.scale);
  const generous = x264Crf < SCALES.h264.ceiling - SURELY_BELOW_CEILING;
  if (order.target.quality === 'auto' && generous && recall<boolean>(bench, 'ceiling-missed') !== true) {
    const made = await atQuality(bench, work, ceiling);
    if (made && made.bytes <= choice.capBytes) {
      const unused = choice.capBytes - made.bytes;
      const saved = unused > choice.capBytes * 0.03 ? `; the other ${formatBytes(unused)} would not be seen` : '';
      return candidateOf(bench, work, made, `one pass, visually lossless (CRF ${ceiling})${saved}`);
    }
    await remember(bench, 'ceiling-missed', true);
  }
  const { made, how } = await intoSize(bench, work, {
    crf: ownCrf(choice.codec, x264Crf),
    ceilingCrf: order.target.quality === 'auto' ? ceiling : undefined,
  });
  return candidateOf(bench, work, made, how);
}

/** AV1 lands by mixing qualities 7 % apart over its parts: with twelve of them to half a percent. */
const AV1_PARTS = 12;
const AV1_SHORTEST_S = 2;

function partsFor(bench: Bench, { codec }: EncodeChoice): Part[] {
  const { facts, cutting } = bench;
  if (!cutting || recall<boolean>(bench, 'whole')) return wholePart(facts);
  const longestS = Math.min(cutting.longestS, Math.max(AV1_SHORTEST_S, facts.durationS / AV1_PARTS));
  return planParts(facts, codec === 'av1' ? { longestS } : cutting);
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
    ...(made.complaints > 0 || lost > 0 || sound.damaged ? { damagedSource: true } : {}),
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
