import { copyFile, link, readFile, writeFile } from 'node:fs/promises';
import { ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import {
  FAR_FROM_MEASURED,
  FIRST_PASS_COARSER,
  TOLERANCE_OF_LAST,
  TOLERANCE_OF_SEGMENTS,
  TRUSTED_FROM,
  UNUSED_WORTH_SAYING,
  WHOLE_KILOBITS_FROM,
  WORK_SHARE,
} from '../tuning.ts';
import { bytesAt, nextQuality, slowerNeeds, type SvtQuality } from '../plan/crf.ts';
import { budgetWith } from '../plan/encode-plan.ts';
import type { Segment } from '../plan/segments.ts';
import type { JoinedRound, MeasuredSegment, Muxed, RefinedSegment } from '../run/checkpoints.ts';
import { finePassLogs, passLogs, type Rate } from '../run/ffmpeg-args.ts';
import type { LocalJob } from '../run/local-job.ts';
import { atCeiling, type Move, nextMove, type SegmentState, type State, wholeTolerance } from './rate-control.ts';
import { type Encode, encodeSegment, joinTracks, LIST, segmentFile } from './segment.ts';
import { secondsIn, stretched } from './x264-stats.ts';

/** Qualities on the codec's own scale: the expected one, and the one beyond which no improvement is visible. */
export interface Expected {
  crf: number;
  ceilingCrf: number | undefined;
}

export interface Landed {
  output: Muxed;
  how: Sentence;
  /** What was encoded in the end. */
  work: Encode;
}

/** Called with what the first pass needed; may ask to start over with another picture. */
export type MeasureAv1 = (seen: {
  crf: number;
  bytes: number;
}) => Promise<{ work: Encode; expected: Expected; measure: MeasureAv1 | undefined } | undefined>;

/**
 * Exactly into the budget: a first pass measures, then rate-control.ts decides from the outcome; this class does the work and
 * records it, segment by segment. Only a muxed file that fits can become the result, so overshoot is impossible.
 */
export async function intoSize(job: LocalJob, work: Encode, expected: Expected, measure?: MeasureAv1): Promise<Landed> {
  const twoPass = new TwoPass(job, work, expected);
  if (!(await twoPass.isDone())) {
    const seen = await twoPass.measure();
    const other = await measure?.(seen);
    if (other) return await intoSize(job, other.work, other.expected, other.measure);
  }
  return { ...(await twoPass.land()), work };
}

type EncodeMove = Extract<Move, { kind: 'encode' }>;

/** The progress of two passes over one picture. */
class TwoPass {
  readonly #job: LocalJob;
  readonly #work: Encode;
  readonly #expected: Expected;
  readonly #checkpoints: ReturnType<LocalJob['checkpoints']['twoPass']>;
  /** By index of the segment. */
  readonly #measured: (MeasuredSegment | undefined)[];
  #encoded: (RefinedSegment | undefined)[];
  #rounds: JoinedRound[];

  constructor(job: LocalJob, work: Encode, expected: Expected) {
    this.#job = job;
    this.#work = work;
    this.#expected = expected;
    const { picture, segments, budget } = work;
    // Checkpoints count only for the same picture, cut in the same places.
    const key = JSON.stringify([picture.filters, segments.map(segment => segment.atS), budget.capBytes]);
    this.#checkpoints = job.checkpoints.twoPass(key);
    this.#measured = segments.map(({ index }) => this.#checkpoints.measured(index).get());
    this.#encoded = segments.map(({ index }) => this.#checkpoints.encoded(index).get());
    this.#rounds = this.#checkpoints.rounds.get() ?? [{ from: 0 }];
  }

  /** Finished before a restart: only the result needs to exist. */
  async isDone(): Promise<boolean> {
    const move = nextMove(this.#state());
    const output = move.kind === 'done' ? this.#rounds[move.round]?.output : undefined;
    return output !== undefined && (await this.#job.bytesOf(output.file)) === output.bytes;
  }

  /** The first pass of every segment that still lacks one. Resolves with the picture's bytes and the quality they belong to. */
  async measure(): Promise<{ crf: number; bytes: number }> {
    await this.#dropWhatIsGone();
    const job = this.#job;
    const { segments } = this.#work;
    let isNamed = false;
    for (const segment of segments) {
      if (await this.#isMeasured(segment)) {
        job.meter.skip(this.#shareOf(segment, WORK_SHARE.pass1));
        continue;
      }
      if (!isNamed) await job.context.step('pass-1');
      isNamed = true;
      await this.#measureSegment(segment);
    }
    // What the second passes have already done.
    for (const segment of segments) {
      if (this.#encoded[segment.index]) job.meter.skip(this.#shareOf(segment, WORK_SHARE.pass2));
    }
    const bytes = this.#measured.reduce((sum, one) => sum + (one?.bytes ?? 0), 0);
    return { crf: this.#measured[0]?.crf ?? this.#expected.crf, bytes };
  }

  /** Second passes, joined and repeated until the result fills the size well enough. */
  async land(): Promise<{ output: Muxed; how: Sentence }> {
    const { context } = this.#job;
    let named: number | undefined;
    for (;;) {
      const move = nextMove(this.#state());
      context.log.debug({ move }, 'next');
      switch (move.kind) {
        case 'encode':
          if (move.round !== named) await context.step('pass-2', { attempt: move.round + 1 });
          named = move.round;
          await this.#encode(move);
          break;
        case 'join':
          named = undefined;
          await this.#join(move.round);
          break;
        case 'round':
          this.#rounds.push({ from: move.from });
          await this.#checkpoints.rounds.set(this.#rounds);
          break;
        case 'done': {
          const output = this.#rounds[move.round]?.output;
          if (!output) throw this.#cannotHit();
          await this.#cleanUp();
          return { output, how: this.#describe(output) };
        }
        case 'give-up':
          throw this.#cannotHit();
      }
    }
  }

  #state(): State {
    const { codec } = this.#work.choice;
    const { facts } = this.#job;
    const { ceilingCrf } = this.#expected;
    const segments = this.#work.segments.map(({ index, durationS, frames }): SegmentState => {
      const first = this.#measured[index];
      return {
        durationS,
        frames,
        variable: facts.video.variableFrameRate,
        weight: first?.bytes ?? 1,
        ceilingBytes: first && ceilingCrf !== undefined ? bytesAt(codec, first, ceilingCrf) : undefined,
        tries: this.#encoded[index]?.tries ?? [],
      };
    });
    const [first] = this.#measured;
    const { budget } = this.#work;
    const isWhole = first !== undefined && segments.length === 1;
    return {
      budget: isWhole ? budgetWith(first.fileBytes - first.bytes, budget, facts) : budget,
      segments,
      rounds: this.#rounds,
      wholeKilobits: codec === 'h265',
    };
  }

  #shareOf(segment: Segment, share: number): number {
    return (share * segment.frames) / this.#job.facts.video.frames;
  }

  /** What is on disk counts; if a file is gone, the remaining segments begin a first round again. */
  async #dropWhatIsGone(): Promise<void> {
    const job = this.#job;
    const { segments } = this.#work;
    const isThere = await Promise.all(
      segments.map(
        async segment => (await job.bytesOf(segmentFile(segment))) === this.#encoded[segment.index]?.fileBytes,
      ),
    );
    const best = this.#bestOutput();
    const isBestThere = best === undefined || (await job.bytesOf(best.file)) === best.bytes;
    if (isBestThere && this.#encoded.every((one, at) => !one || isThere[at])) return;
    this.#rounds = [{ from: 0 }];
    this.#encoded = this.#encoded.map((one, at) => {
      const last = one?.tries.at(-1);
      return one && last && isThere[at] ? { ...one, tries: [{ ...last, round: 0 }] } : undefined;
    });
  }

  /** Once per segment: every round reads the same statistics. */
  async #isMeasured(segment: Segment): Promise<boolean> {
    const measured = this.#measured[segment.index];
    return measured !== undefined && JSON.stringify(measured.logs) === JSON.stringify(await this.#logSizes(segment));
  }

  async #logSizes({ index }: Segment): Promise<(number | null)[]> {
    const logs = passLogs(this.#work.choice.codec, index);
    return await Promise.all(logs.map(async log => (await this.#job.bytesOf(log)) ?? null));
  }

  async #measureSegment(segment: Segment): Promise<void> {
    const job = this.#job;
    const { codec } = this.#work.choice;
    const { index } = segment;
    const crf = this.#expected.crf + (codec === 'h264' ? FIRST_PASS_COARSER : 0);
    const encoded = await encodeSegment(job, this.#work, {
      segment,
      rate: { kind: 'pass-1', crf },
      step: 'pass-1',
      share: WORK_SHARE.pass1,
      trusted: index >= TRUSTED_FROM,
    });
    if (!encoded) return;
    for (const log of passLogs(codec, index)) {
      if ((await job.bytesOf(log)) !== undefined) await job.sync(log);
    }
    const encoderS = codec === 'h264' ? secondsIn(await this.#firstLog(segment)) : undefined;
    const measured = { ...encoded, crf, logs: await this.#logSizes(segment), encoderS };
    this.#measured[index] = measured;
    await this.#checkpoints.measured(index).set(measured);
  }

  async #encode(move: EncodeMove): Promise<void> {
    const { segments, choice } = this.#work;
    const segment = segments[move.segment];
    if (!segment) return;
    const rate = await this.#betweenKilobits(this.#rateFor(move, segment), segment);
    const encoded = await encodeSegment(this.#job, this.#work, {
      segment,
      rate,
      step: 'pass-2',
      share: WORK_SHARE.pass2,
      trusted: true,
    });
    if (!encoded) return;
    const { round, askedBytes, wantBytes } = move;
    const { bytes } = encoded;
    const quality = rate.kind === 'quality' ? { crf: rate.crf, whole: rate.whole } : undefined;
    const tries = [...(this.#encoded[segment.index]?.tries ?? []), { round, askedBytes, bytes, quality }];
    const refined = { ...encoded, tries };
    this.#encoded[segment.index] = refined;
    await this.#checkpoints.encoded(segment.index).set(refined);
    // The other segments would have to make up for the quick pass's whole error, so the first one is encoded again.
    const isFirstTry = segments.length > 1 && segment.index === 0 && tries.length === 1;
    const isFar = Math.abs(Math.log(Math.max(1, bytes) / wantBytes)) > FAR_FROM_MEASURED;
    if (choice.codec === 'av1' && isFirstTry && isFar) await this.#encode(move);
  }

  /** SVT-AV1 has no two passes and misses a bit rate by far, so it is asked for a quality. */
  #rateFor({ segment: index, askedBytes, wantBytes }: EncodeMove, segment: Segment): Rate {
    const measured = this.#measured[index];
    if (this.#work.choice.codec !== 'av1') {
      return {
        kind: 'pass-2',
        bitsPerSecond: (askedBytes * 8) / (measured?.encoderS ?? segment.durationS),
        tolerance: this.#toleranceFor(segment),
      };
    }
    const first = measured ?? { crf: this.#expected.crf, bytes: wantBytes };
    const expected = { crf: first.crf, bytes: first.bytes * slowerNeeds(this.#doneSoFar()) };
    return { kind: 'quality', ...nextQuality(qualitiesOf(this.#encoded[index]), expected, wantBytes) };
  }

  #toleranceFor(segment: Segment): number {
    const { segments } = this.#work;
    if (segments.length === 1) return wholeTolerance(segment, this.#encoded[segment.index]?.tries ?? []);
    return segment.index === segments.length - 1 ? TOLERANCE_OF_LAST : TOLERANCE_OF_SEGMENTS;
  }

  #doneSoFar(): Parameters<typeof slowerNeeds>[0] {
    return this.#encoded.flatMap((one, index) => {
      const last = qualitiesOf(one).at(-1);
      const first = this.#measured[index];
      return last && first ? [{ first, last }] : [];
    });
  }

  /** For a low rate: frames in the first pass's log are shortened by as much as the next whole kilobit is too high. */
  async #betweenKilobits(rate: Rate, segment: Segment): Promise<Rate> {
    if (this.#work.choice.codec !== 'h264' || rate.kind !== 'pass-2' || rate.bitsPerSecond >= WHOLE_KILOBITS_FROM)
      return rate;
    const job = this.#job;
    const bitsPerSecond = Math.ceil(rate.bitsPerSecond / 1000) * 1000;
    const log = stretched(await this.#firstLog(segment), rate.bitsPerSecond / bitsPerSecond);
    const fine = finePassLogs(segment.index);
    await job.remove(...fine);
    const [stats = '', tree = ''] = fine.map(file => job.path(file));
    const [, treeBefore = ''] = passLogs('h264', segment.index).map(file => job.path(file));
    try {
      await writeFile(stats, log, { mode: 0o600 });
      // Where hard links are not possible, a copy does as well.
      await link(treeBefore, tree).catch(async () => await copyFile(treeBefore, tree));
    } catch (error) {
      throw fileError(error, say('files.writing', { path: stats }), stats);
    }
    return { ...rate, bitsPerSecond, fine: true };
  }

  async #firstLog(segment: Segment): Promise<string> {
    const path = this.#job.path(passLogs(this.#work.choice.codec, segment.index)[0] ?? '');
    return await readFile(path, 'utf8').catch((error: unknown) => {
      throw fileError(error, say('files.reading', { path }), path);
    });
  }

  async #join(at: number): Promise<void> {
    const encoded = this.#encoded.filter(one => one !== undefined);
    const output = await joinTracks(this.#job, this.#work, encoded, `out-${at + 1}.mp4`);
    this.#rounds[at] = { from: this.#rounds[at]?.from ?? 0, bytes: output.bytes, output };
    // The disk holds one result, not six: any over the size or smaller than another is deleted.
    const best = this.#bestOutput();
    const others = this.#rounds.flatMap(one => (one.output && one.output !== best ? [one.output.file] : []));
    await this.#job.remove(...others);
    await this.#checkpoints.rounds.set(this.#rounds);
  }

  /** The largest that fits. */
  #bestOutput(): Muxed | undefined {
    let best: Muxed | undefined;
    for (const { output } of this.#rounds) {
      if (output && output.bytes <= this.#work.budget.capBytes && output.bytes > (best?.bytes ?? 0)) best = output;
    }
    return best;
  }

  async #cleanUp(): Promise<void> {
    const { segments, choice } = this.#work;
    const logs = segments.flatMap(({ index }) => [...passLogs(choice.codec, index), ...finePassLogs(index)]);
    await this.#job.remove(LIST, ...segments.map(segmentFile), ...logs);
  }

  #describe(output: Muxed): Sentence {
    const { budget, choice } = this.#work;
    const unused = budget.capBytes - output.bytes;
    const picture = this.#encoded.reduce((sum, one) => sum + (one?.bytes ?? 0), 0);
    const common = {
      bitsPerSecond: (picture * 8) / budget.durationS,
      filled: output.bytes / budget.capBytes,
      segments: this.#measured.length,
      again: this.#rounds.length - 1,
    };
    const crfs = this.#encoded.flatMap(one => one?.tries.at(-1)?.quality?.crf ?? []);
    const how =
      choice.codec === 'av1'
        ? say('local.how-av1', { ...common, crf: Math.min(...crfs), toCrf: Math.max(...crfs) })
        : say('local.how-two-pass', common);
    const isEnough = unused > budget.capBytes * UNUSED_WORTH_SAYING && atCeiling(this.#state().segments);
    if (!isEnough) return how;
    return say('local.how-unused', { how: say('local.how-lossless', { how }), bytes: unused });
  }

  #cannotHit(): ShrinkError {
    const { source } = this.#job.order;
    const { capBytes } = this.#work.budget;
    const sizes = this.#rounds.flatMap(round => round.bytes ?? []);
    const file = displayName(source);
    const message =
      sizes.length > 0
        ? say('local.too-large-after-all', { file, cap: capBytes, smallest: Math.min(...sizes) })
        : say('local.does-not-fit', { file, cap: capBytes });
    return new ShrinkError('cannot-fit', message, { subject: source, hint: say('local.larger-size-hint') });
  }
}

function qualitiesOf(encoded: RefinedSegment | undefined): (SvtQuality & { bytes: number })[] {
  return (encoded?.tries ?? []).flatMap(({ quality, bytes }) => (quality ? [{ ...quality, bytes }] : []));
}
