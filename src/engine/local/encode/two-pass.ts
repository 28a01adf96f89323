import { copyFile, link, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import { ShrinkError } from '../../../core/errors.ts';
import { formatBytes } from '../../../core/units.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { finePassLogs, passLogs, type Rate } from '../run/ffmpeg-args.ts';
import { type LocalJob, bytesOf, forget, recall, remember, syncFile } from '../run/local-job.ts';
import { formatRate } from '../plan/budget.ts';
import { budgetWith } from '../plan/encode-plan.ts';
import type { Segment } from '../plan/segments.ts';
import { secondsIn, stretched } from './x264-stats.ts';
import { bytesAt } from '../plan/crf.ts';
import {
  atCeiling,
  type Move,
  nextMove,
  type SegmentState,
  type EncodeRound,
  type State,
  type Try,
  wholeTolerance,
} from './rate-control.ts';
import {
  type Encode,
  encodeSegment,
  joinTracks,
  LIST,
  type Muxed,
  segmentFile,
  type EncodedSegment,
  SHARE,
} from './segment.ts';
import { nextQuality, slowerNeeds, type SvtQuality } from '../plan/svt-av1.ts';

/** The first pass of a part. */
interface Measured extends EncodedSegment {
  crf: number;
  /** Sizes of what it left for the second. */
  logs: (number | null)[];
  /** How long x264 believes it to be, seconds; that of the source where it does not say. */
  encoderS?: number;
}
/** A part as it was encoded last, and what came of all its rounds. */
interface Encoded extends EncodedSegment {
  tries: (Try & { quality?: SvtQuality })[];
}
interface RoundMade extends EncodeRound {
  made?: Muxed;
}
interface TwoPass {
  job: LocalJob;
  work: Encode;
  /** Checkpoints count only for the same picture, cut in the same places. */
  stamp: string;
  expected: Expected;
  measured: (Measured | undefined)[];
  encoded: (Encoded | undefined)[];
  rounds: RoundMade[];
}

/** Qualities on the codec's own scale: the one expected, and the one above which nothing is to be seen. */
export interface Expected {
  crf: number;
  ceilingCrf: number | undefined;
}

export interface Landed {
  output: Muxed;
  how: string;
  /** What was made in the end. */
  work: Encode;
}

/** Sees what the first pass needed; may say that it is begun again with another picture. */
export type MeasureAv1 = (seen: {
  crf: number;
  bytes: number;
}) => Promise<{ work: Encode; expected: Expected; measure: MeasureAv1 | undefined } | undefined>;

/** From this part on, frames that are missing are missing in the source: cutting worked out for the ones before. */
const TRUSTED_FROM = 3;

/**
 * Exactly into the budget: a first pass that looks, then rounds.ts decides from what is measured; here it is done and remembered,
 * part by part. Only a muxed file that fits can become the result, so overshoot is impossible.
 */
export async function intoSize(job: LocalJob, work: Encode, expected: Expected, measure?: MeasureAv1): Promise<Landed> {
  const twoPass = await takeUp(job, work, expected);
  if (!(await isDone(twoPass))) {
    await dropWhatIsGone(twoPass);
    await firstPasses(twoPass);
    const bytes = twoPass.measured.reduce((sum, one) => sum + (one?.bytes ?? 0), 0);
    const other = await measure?.({ crf: twoPass.measured[0]?.crf ?? expected.crf, bytes });
    if (other) return await intoSize(job, other.work, other.expected, other.measure);
  }
  let lastRound: number | undefined;
  for (;;) {
    const move = nextMove(stateOf(twoPass));
    job.context.log.debug({ move }, 'next');
    switch (move.kind) {
      case 'encode': {
        if (move.round !== lastRound) await job.context.step('pass-2', { attempt: move.round + 1 });
        lastRound = move.round;
        await encodeInRound(twoPass, move);
        break;
      }
      case 'join':
        lastRound = undefined;
        await joinRound(twoPass, move.round);
        break;
      case 'round':
        twoPass.rounds.push({ from: move.from });
        await keepRounds(twoPass);
        break;
      case 'done': {
        const output = twoPass.rounds[move.round]?.made;
        if (!output) throw cannotHit(twoPass);
        const { codec } = work.choice;
        const left = work.segments.map(({ index }) => [...passLogs(codec, index), ...finePassLogs(index)]);
        await forget(job, LIST, ...work.segments.map(segmentFile), ...left.flat());
        return { output, how: inWords(twoPass, output), work };
      }
      case 'give-up':
        throw cannotHit(twoPass);
    }
  }
}

async function takeUp(job: LocalJob, work: Encode, expected: Expected): Promise<TwoPass> {
  const stamp = JSON.stringify([work.picture.filters, work.segments.map(segment => segment.atS), work.budget.capBytes]);
  const ours = <T>(key: string) => {
    const stored = recall<{ stamp: string; value: T }>(job, key);
    return stored?.stamp === stamp ? stored.value : undefined;
  };
  return {
    job,
    work,
    stamp,
    expected,
    measured: work.segments.map(segment => ours<Measured>(measuredKey(segment))),
    encoded: work.segments.map(segment => ours<Encoded>(encodedKey(segment))),
    rounds: ours<RoundMade[]>('rounds') ?? [{ from: 0 }],
  };
}

const measuredKey = (segment: Segment): string => `pass-1/${segment.index}`;
const encodedKey = (segment: Segment): string => `pass-2/${segment.index}`;

async function keep(twoPass: TwoPass, key: string, value: unknown): Promise<void> {
  await remember(twoPass.job, key, { stamp: twoPass.stamp, value });
}

const keepRounds = async (twoPass: TwoPass): Promise<void> => await keep(twoPass, 'rounds', twoPass.rounds);

/** Finished before a restart: nothing but the result needs to be there. */
async function isDone(twoPass: TwoPass): Promise<boolean> {
  const move = nextMove(stateOf(twoPass));
  const output = move.kind === 'done' ? twoPass.rounds[move.round]?.made : undefined;
  return output !== undefined && (await bytesOf(twoPass.job, output.file)) === output.bytes;
}

/** What is on disk counts; where a file is gone, the parts that are still there begin a first round anew. */
async function dropWhatIsGone(twoPass: TwoPass): Promise<void> {
  const { job, work, encoded, rounds } = twoPass;
  const whole = await Promise.all(
    work.segments.map(async (segment, at) => (await bytesOf(job, segmentFile(segment))) === encoded[at]?.fileBytes),
  );
  const made = await Promise.all(
    rounds.map(async ({ made: output }) => !output || (await bytesOf(job, output.file)) === output.bytes),
  );
  const best = bestRound(twoPass);
  const isGone = encoded.some((one, at) => one && !whole[at]) || (best !== undefined && !made[best]);
  if (!isGone) return;
  twoPass.rounds = [{ from: 0 }];
  twoPass.encoded = encoded.map((one, at) => {
    const last = one?.tries.at(-1);
    return one && last && whole[at] ? { ...one, tries: [{ ...last, round: 0 }] } : undefined;
  });
}

function stateOf({ job, work, measured, encoded, rounds, expected }: TwoPass): State {
  const { codec } = work.choice;
  const parts = work.segments.map((segment, at): SegmentState => {
    const first = measured[at];
    const ceiling =
      first && expected.ceilingCrf !== undefined ? { ceilingBytes: bytesAt(codec, first, expected.ceilingCrf) } : {};
    return {
      durationS: segment.durationS,
      frames: segment.frames,
      variable: job.facts.video.variableFrameRate,
      weight: first?.bytes ?? 1,
      ...ceiling,
      tries: encoded[at]?.tries ?? [],
    };
  });
  const [first] = measured;
  const isWhole = first !== undefined && parts.length === 1;
  const budget = isWhole ? budgetWith(first.fileBytes - first.bytes, work.budget, job.facts) : work.budget;
  return { budget, parts, rounds, wholeKilobits: codec === 'h265' };
}

/**
 * So much coarser than expected is the first pass of x264: like that it has about the bytes that come out (geometric mean of eleven
 * clips 1.55 times as many without, for it works with fewer tools). Twice as many cost a quarter of its processor time more (02).
 */
const COARSER_CRF = 2.5;

/** Once per part: every round of it reads the same statistics. */
async function firstPasses(twoPass: TwoPass): Promise<void> {
  const { job, work, measured, expected } = twoPass;
  const crf = expected.crf + (work.choice.codec === 'h264' ? COARSER_CRF : 0);
  let said = false;
  for (const [at, segment] of work.segments.entries()) {
    const share = (SHARE.pass1 * segment.frames) / job.facts.video.frames;
    const logs = passLogs(work.choice.codec, segment.index);
    const sizes = async () => await Promise.all(logs.map(async log => (await bytesOf(job, log)) ?? null));
    if (measured[at] && JSON.stringify(measured[at].logs) === JSON.stringify(await sizes())) {
      job.meter.skip(share);
      continue;
    }
    if (!said) await job.context.step('pass-1');
    said = true;
    const encoded = await encodeSegment(job, work, {
      segment,
      rate: { kind: 'pass-1', crf },
      share: SHARE.pass1,
      note: 'pass 1 of 2',
      trusted: at >= TRUSTED_FROM,
    });
    for (const log of logs) {
      if ((await bytesOf(job, log)) !== undefined) await syncFile(join(job.context.workDir, log));
    }
    if (encoded) {
      const encoderS = work.choice.codec === 'h264' ? secondsIn(await firstLog(twoPass, segment)) : undefined;
      measured[at] = { ...encoded, crf, logs: await sizes(), ...(encoderS === undefined ? {} : { encoderS }) };
    }
    await keep(twoPass, measuredKey(segment), measured[at]);
  }
  // What the second passes have done already.
  for (const [at, segment] of work.segments.entries()) {
    if (twoPass.encoded[at]) job.meter.skip((SHARE.pass2 * segment.frames) / job.facts.video.frames);
  }
}

/**
 * Of a screen recording (03) the first part took 36 % more than the quick pass had said, and the rest was eight steps of CRF coarser for
 * it. The second part knows better; the first is made again.
 */
const FAR = 0.2;

async function encodeInRound(twoPass: TwoPass, move: Extract<Move, { kind: 'encode' }>): Promise<void> {
  const { job, work, encoded } = twoPass;
  const segment = work.segments[move.part];
  if (!segment) return;
  const rate = await finely(twoPass, rateFor(twoPass, move, segment), segment);
  const made = await encodeSegment(job, work, {
    segment,
    rate,
    share: SHARE.pass2,
    note: 'pass 2 of 2',
    trusted: true,
  });
  if (!made) return;
  const { round, askedBytes } = move;
  const tries = [
    ...(encoded[move.part]?.tries ?? []),
    { round, askedBytes, bytes: made.bytes, ...(rate.kind === 'quality' ? { quality: qualityOf(rate) } : {}) },
  ];
  encoded[move.part] = { ...made, tries };
  await keep(twoPass, encodedKey(segment), encoded[move.part]);
  const isFar = Math.abs(Math.log(Math.max(1, made.bytes) / move.wantBytes)) > FAR;
  if (work.choice.codec === 'av1' && work.segments.length > 1 && move.part === 0 && tries.length === 1 && isFar)
    await encodeInRound(twoPass, move);
}

async function firstLog({ job, work }: TwoPass, segment: Segment): Promise<string> {
  const path = join(job.context.workDir, passLogs(work.choice.codec, segment.index)[0] ?? '');
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'reading what the first pass found', path);
  });
}

/** From here on a kilobit more or less is a fifth of a percent at most. */
const WHOLE_KILOBITS_FROM = 500_000;

/** For a small rate, with a first pass whose frames are as much shorter as the next whole kilobit is too much. */
async function finely(twoPass: TwoPass, rate: Rate, segment: Segment): Promise<Rate> {
  if (twoPass.work.choice.codec !== 'h264' || rate.kind !== 'pass-2' || rate.bitsPerSecond >= WHOLE_KILOBITS_FROM)
    return rate;
  const bitsPerSecond = Math.ceil(rate.bitsPerSecond / 1000) * 1000;
  const log = stretched(await firstLog(twoPass, segment), rate.bitsPerSecond / bitsPerSecond);
  const inWorkDir = (name: string) => join(twoPass.job.context.workDir, name);
  const fine = finePassLogs(segment.index);
  await forget(twoPass.job, ...fine);
  const [stats = '', tree = ''] = fine.map(inWorkDir);
  const [, treeBefore = ''] = passLogs('h264', segment.index).map(inWorkDir);
  try {
    await writeFile(stats, log, { mode: 0o600 });
    // Where no names can be linked, the copy is as good.
    await link(treeBefore, tree).catch(async () => await copyFile(treeBefore, tree));
  } catch (error) {
    throw fileError(error, 'writing what the second pass reads', stats);
  }
  return { ...rate, bitsPerSecond, fine: true };
}

/**
 * x264's ratetol. 0.3 costs nothing and takes most of the overshoot of short clips away. 0.01 hits to a tenth of a percent, but over
 * a whole clip it starves the end (-0.4 VMAF, the worst frames -6: encoding.md 4a); 0.05 for the last tenth to quarter of one
 * does not show.
 */
function toleranceFor({ work, encoded }: TwoPass, segment: Segment): number {
  if (work.segments.length === 1) return wholeTolerance(segment, encoded[segment.index]?.tries ?? []);
  return segment.index === work.segments.length - 1 ? 0.05 : 0.3;
}

/** SVT-AV1 has no two passes and misses a bit rate by up to 14 %: there it is the quality that is asked for. */
function rateFor(twoPass: TwoPass, move: Extract<Move, { kind: 'encode' }>, segment: Segment): Rate {
  const { codec } = twoPass.work.choice;
  if (codec !== 'av1') {
    return {
      kind: 'pass-2',
      bitsPerSecond: (move.askedBytes * 8) / (twoPass.measured[move.part]?.encoderS ?? segment.durationS),
      tolerance: toleranceFor(twoPass, segment),
    };
  }
  const first = twoPass.measured[move.part] ?? { crf: twoPass.expected.crf, bytes: move.wantBytes };
  const expected = { crf: first.crf, bytes: first.bytes * slowerNeeds(doneIn(twoPass)) };
  return { kind: 'quality', ...nextQuality(knownOf(twoPass.encoded[move.part]), expected, move.wantBytes) };
}

function knownOf(encoded: Encoded | undefined): (SvtQuality & { bytes: number })[] {
  return (encoded?.tries ?? []).flatMap(one => (one.quality ? [{ ...one.quality, bytes: one.bytes }] : []));
}

function qualityOf({ crf, whole }: SvtQuality): SvtQuality {
  return { crf, ...(whole === undefined ? {} : { whole }) };
}

function doneIn({ measured, encoded }: TwoPass): Parameters<typeof slowerNeeds>[0] {
  return encoded.flatMap((one, at) => {
    const last = knownOf(one).at(-1);
    const first = measured[at];
    return last && first ? [{ first, last }] : [];
  });
}

async function joinRound(twoPass: TwoPass, at: number): Promise<void> {
  const { job, work, rounds } = twoPass;
  const encoded = twoPass.encoded.filter(one => one !== undefined);
  const output = await joinTracks(job, work, encoded, `out-${at + 1}.mp4`);
  rounds[at] = { from: rounds[at]?.from ?? 0, bytes: output.bytes, made: output };
  // The disk holds one result, not six: whatever is over the cap or smaller than another goes.
  const best = bestRound(twoPass);
  await forget(job, ...rounds.flatMap((one, index) => (one.made && index !== best ? [one.made.file] : [])));
  await keepRounds(twoPass);
}

function bestRound({ rounds, work }: TwoPass): number | undefined {
  let best: number | undefined;
  for (const [at, { made }] of rounds.entries()) {
    if (made && made.bytes <= work.budget.capBytes && made.bytes > (rounds[best ?? -1]?.made?.bytes ?? 0)) best = at;
  }
  return best;
}

function inWords(twoPass: TwoPass, output: Muxed): string {
  const { work, rounds, encoded, measured } = twoPass;
  const { codec } = work.choice;
  const picture = encoded.reduce((sum, one) => sum + (one?.bytes ?? 0), 0);
  const rate = formatRate((picture * 8) / work.budget.durationS);
  const filled = ((output.bytes / work.budget.capBytes) * 100).toFixed(1);
  const crfs = encoded.flatMap(one => one?.tries.at(-1)?.quality?.crf ?? []);
  const ends = new Set([Math.min(...crfs), Math.max(...crfs)].map(crf => crf.toFixed(1)));
  const passes = codec === 'av1' ? `CRF ${[...ends].join(' to ')}` : 'two passes';
  const parts = measured.length > 1 ? ` in ${measured.length} parts` : '';
  const what = measured.length > 1 ? 'the end ' : '';
  const again = rounds.length < 2 ? '' : `, ${rounds.length > 2 ? `${rounds.length - 1} times ` : ''}${what}made again`;
  const unused = work.budget.capBytes - output.bytes;
  const enough = unused > work.budget.capBytes * WORTH_SAYING && atCeiling(stateOf(twoPass).parts);
  const saved = enough ? `, visually lossless; the other ${formatBytes(unused)} would not be seen` : '';
  return `${passes}${parts} at ${rate}, ${filled} % of the size${again}${saved}`;
}

/** Unused because of the ceiling, not because nothing nearer was hit. */
const WORTH_SAYING = 0.015;

function cannotHit({ job, work, rounds }: TwoPass): ShrinkError {
  const smallest = Math.min(...rounds.map(round => round.bytes ?? Number.POSITIVE_INFINITY));
  const got = Number.isFinite(smallest) ? `: the smallest that came out has ${formatBytes(smallest)}` : '';
  return new ShrinkError(
    'cannot-fit',
    `${displayName(job.order.source)} does not go into ${formatBytes(work.budget.capBytes)}${got}`,
    {
      subject: job.order.source,
      hint: 'Ask for a larger size.',
    },
  );
}
