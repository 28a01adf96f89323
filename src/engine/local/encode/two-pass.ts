import { ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { say } from '../../../messages/say.ts';
import { type Ask, partFile } from '../hands.ts';
import { FAR_FROM_MEASURED, HARDWARE_ENOUGH, UNUSED_WORTH_SAYING, WORK_SHARE } from '../tuning.ts';
import { nextStep, takesRates } from '../plan/hardware.ts';
import { HardwareGaveUp } from './hardware.ts';
import { bytesAt, nextQuality, SCALES, slowerNeeds, type SvtQuality } from '../plan/crf.ts';
import { videoBytes } from '../plan/budget.ts';
import { budgetWith } from '../plan/encode-plan.ts';
import type { Segment } from '../plan/segments.ts';
import type { FirstPasses, JoinedRound, MeasuredSegment, Muxed, RefinedSegment } from '../run/checkpoints.ts';
import { finePassLogs, passLogs } from '../run/picture-args.ts';
import type { LocalJob } from '../run/local-job.ts';
import { firstPassCrf, nextFirstPass } from './first-pass.ts';
import { atOnce, type Crowd } from './at-once.ts';
import { atCeiling, type EncodeMove, type Move, nextMoves, type SegmentState, type State } from './rate-control.ts';
import { encodePart, type Encode, joinTracks, LIST, measurePart, widthOf } from './segment.ts';

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
export type MeasureFirst = (seen: {
  crf: number;
  bytes: number;
}) => Promise<{ work: Encode; expected: Expected; measure: MeasureFirst | undefined } | undefined>;

/**
 * Exactly into the budget: a first pass measures, then rate-control.ts decides from the outcome; this class does the work and
 * records it, segment by segment. Only a muxed file that fits can become the result, so overshoot is impossible.
 */
export async function intoSize(
  job: LocalJob,
  work: Encode,
  expected: Expected,
  measure?: MeasureFirst,
): Promise<Landed> {
  const twoPass = new TwoPass(job, work, expected);
  if (work.encoder) await twoPass.goOn();
  else if (!(await twoPass.isDone())) {
    const seen = await twoPass.measure();
    const other = await measure?.(seen);
    if (other) return await intoSize(job, other.work, other.expected, other.measure);
  }
  return { ...(await twoPass.land()), work };
}

/** The progress of two passes over one picture. */
class TwoPass {
  readonly #job: LocalJob;
  readonly #work: Encode;
  readonly #expected: Expected;
  readonly #checkpoints: ReturnType<LocalJob['checkpoints']['twoPass']>;
  /** By index of the segment. */
  readonly #measured: (MeasuredSegment | undefined)[];
  #encoded: (RefinedSegment | undefined)[];
  /** Bytes that the segments being encoded now are wanted to have. */
  readonly #running = new Map<number, number>();
  #rounds: JoinedRound[];
  /** Absent as long as there is only one. */
  #firstPasses: FirstPasses | undefined;

  constructor(job: LocalJob, work: Encode, expected: Expected) {
    this.#job = job;
    this.#work = work;
    this.#expected = expected;
    const { picture, segments, budget } = work;
    // Checkpoints count only for the same picture, cut in the same places.
    const by = work.encoder ? [work.encoder.name] : [];
    const key = JSON.stringify([picture.filters, segments.map(segment => segment.atS), budget.capBytes, ...by]);
    this.#checkpoints = job.checkpoints.twoPass(key);
    this.#measured = segments.map(({ index }) => this.#checkpoints.measured(index).get());
    this.#encoded = segments.map(({ index }) => this.#checkpoints.encoded(index).get());
    this.#rounds = this.#checkpoints.rounds.get() ?? [{ from: 0 }];
    this.#firstPasses = this.#checkpoints.firstPasses.get();
  }

  /** Finished before a restart: only the result needs to exist. */
  async isDone(): Promise<boolean> {
    const [move] = nextMoves(this.#state());
    const output = move?.kind === 'done' ? this.#rounds[move.round]?.output : undefined;
    return output !== undefined && (await this.#job.bytesOf(output.file)) === output.bytes;
  }

  /**
   * The first pass of every segment, made again where it took far more or less than the result may. Resolves with the picture's bytes
   * and the quality they belong to.
   */
  async measure(): Promise<{ crf: number; bytes: number }> {
    await this.#dropWhatIsGone();
    await this.#measureAll();
    for (let crf = this.#nextFirstPass(); crf !== undefined; crf = this.#nextFirstPass()) {
      this.#firstPasses = { crf, before: [...(this.#firstPasses?.before ?? []), this.#seen()] };
      await this.#checkpoints.firstPasses.set(this.#firstPasses);
      await this.#measureAll();
    }
    const { segments } = this.#work;
    // What the second passes have already done.
    for (const segment of segments) {
      if (this.#encoded[segment.index]) this.#job.meter.skip(this.#shareOf(segment, WORK_SHARE.pass2));
    }
    return this.#seen();
  }

  /** In one pass nothing is measured first; what is there already counts. */
  async goOn(): Promise<void> {
    await this.#dropWhatIsGone();
    for (const segment of this.#work.segments) {
      if (this.#encoded[segment.index]) this.#job.meter.skip(this.#shareOf(segment, WORK_SHARE.onePass));
    }
  }

  /** Second passes, joined and repeated until the result fills the size well enough. */
  async land(): Promise<{ output: Muxed; how: Sentence }> {
    return await atOnce(async crowd => {
      let named: number | undefined;
      for (;;) {
        const moves = nextMoves(this.#state());
        this.#job.context.log.debug({ moves }, 'next');
        for (const move of moves) {
          if (move.kind === 'done' || move.kind === 'give-up') return await this.#finish(move);
          if (move.kind === 'encode' && move.round !== named) {
            await this.#job.context.step(this.#work.encoder ? 'one-pass' : 'pass-2', { attempt: move.round + 1 });
            named = move.round;
          }
          if (move.kind === 'join') named = undefined;
          await this.#carryOut(move, crowd);
        }
        // The next move depends on what comes out.
        await crowd.below(Math.max(1, crowd.size));
      }
    });
  }

  async #carryOut(move: Exclude<Move, { kind: 'done' | 'give-up' }>, crowd: Crowd): Promise<void> {
    switch (move.kind) {
      case 'encode':
        this.#running.set(move.segment, move.wantBytes);
        crowd.start(signal => this.#encode(move, signal).finally(() => this.#running.delete(move.segment)));
        break;
      case 'join':
        await this.#join(move.round);
        break;
      case 'round': {
        const { from, parts } = move;
        this.#rounds.push({ from, ...(parts && { parts }) });
        await this.#checkpoints.rounds.set(this.#rounds);
        break;
      }
    }
  }

  async #finish(move: Extract<Move, { kind: 'done' | 'give-up' }>): Promise<{ output: Muxed; how: Sentence }> {
    const output = move.kind === 'done' ? this.#rounds[move.round]?.output : undefined;
    const { encoder } = this.#work;
    if (encoder && !this.#isFullEnough(output)) {
      await this.#cleanUp();
      throw new HardwareGaveUp(say('local.hardware-missed', this.#misses(encoder.name)), { isFault: false });
    }
    if (!output) throw this.#cannotHit();
    await this.#cleanUp();
    return { output, how: this.#describe(output) };
  }

  /** An encoder that ignores what it is asked for, and a picture that has no use for more, look alike: the processor tells them apart. */
  #isFullEnough(output: Muxed | undefined): boolean {
    return output !== undefined && output.bytes >= this.#work.budget.capBytes * HARDWARE_ENOUGH;
  }

  #misses(encoder: string): { encoder: string; shares: string } {
    const { capBytes } = this.#work.budget;
    const shares = this.#rounds.flatMap(({ bytes }) => (bytes ? `${((bytes / capBytes) * 100).toFixed(1)} %` : []));
    return { encoder, shares: shares.join(', ') };
  }

  async #measureAll(): Promise<void> {
    const { meter, context } = this.#job;
    let isNamed = false;
    await atOnce(async crowd => {
      for (const segment of this.#work.segments) {
        await crowd.below(widthOf(this.#work));
        if (this.#isMeasured(segment)) {
          meter.skip(this.#shareOf(segment, WORK_SHARE.pass1));
          continue;
        }
        if (!isNamed) await context.step('pass-1', { attempt: (this.#firstPasses?.before.length ?? 0) + 1 });
        isNamed = true;
        crowd.start(signal => this.#measureSegment(segment, signal));
      }
    });
  }

  #seen(): { crf: number; bytes: number } {
    const bytes = this.#measured.reduce((sum, one) => sum + (one?.bytes ?? 0), 0);
    return { crf: this.#firstCrf(), bytes };
  }

  /** The same for all segments, or they could not be compared. */
  #firstCrf(): number {
    const before = this.#firstPasses?.crf ?? this.#measured.find(one => one !== undefined)?.crf;
    if (before !== undefined) return before;
    const { crf } = this.#expected;
    return this.#work.choice.codec === 'h264' ? firstPassCrf(crf, this.#finest()) : crf;
  }

  #finest(): number {
    return this.#expected.ceilingCrf ?? SCALES.h264.least;
  }

  /** Only x264's: x265's costs too much, and SVT-AV1's only measures. */
  #nextFirstPass(): number | undefined {
    if (this.#work.choice.codec !== 'h264' || this.#encoded.some(one => one !== undefined)) return undefined;
    const tries = [...(this.#firstPasses?.before ?? []), this.#seen()];
    const room = videoBytes(this.#state().budget);
    const crf = nextFirstPass(tries, room, this.#finest());
    this.#job.context.log.debug({ tries, room, crf }, 'first pass');
    return crf;
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
        weight: first?.bytes ?? (this.#work.encoder ? frames : 1),
        ceilingBytes: first && ceilingCrf !== undefined ? bytesAt(codec, first, ceilingCrf) : undefined,
        tries: this.#encoded[index]?.tries ?? [],
        ...this.#runningNow(index),
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
      width: widthOf(this.#work),
      firstAlone: codec === 'av1',
      ...(this.#work.encoder && { onePass: true }),
    };
  }

  #runningNow(index: number): Pick<SegmentState, 'running'> {
    const wantBytes = this.#running.get(index);
    return wantBytes === undefined ? {} : { running: { wantBytes } };
  }

  #shareOf(segment: Segment, share: number): number {
    return (share * segment.frames) / this.#job.facts.video.frames;
  }

  /** What is on disk counts; if a file is gone, the remaining segments begin a first round again. */
  async #dropWhatIsGone(): Promise<void> {
    const job = this.#job;
    const { segments } = this.#work;
    const isThere = await Promise.all(
      segments.map(async segment => (await job.bytesOf(partFile(segment))) === this.#encoded[segment.index]?.fileBytes),
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

  /** Once per segment: every round reads the same statistics. Where they are, or whether they have to be made again, the hands know. */
  #isMeasured(segment: Segment): boolean {
    const measured = this.#measured[segment.index];
    return measured !== undefined && (!this.#firstPasses || measured.crf === this.#firstPasses.crf);
  }

  async #measureSegment(segment: Segment, signal: AbortSignal): Promise<void> {
    const measured = await measurePart(this.#job, this.#work, { segment, crf: this.#firstCrf(), signal });
    await this.#keepMeasured(segment, measured);
  }

  async #keepMeasured({ index }: Segment, measured: MeasuredSegment): Promise<void> {
    this.#measured[index] = measured;
    await this.#checkpoints.measured(index).set(measured);
  }

  async #encode(move: EncodeMove, signal: AbortSignal): Promise<void> {
    const { segments, choice } = this.#work;
    const segment = segments[move.segment];
    if (!segment) return;
    const ask = this.#askFor(move);
    const made = await encodePart(this.#job, this.#work, { segment, ask, signal });
    if (!made) return;
    const { first, ...encoded } = made;
    if (first) await this.#keepMeasured(segment, first);
    const { round, askedBytes, wantBytes } = move;
    const { bytes } = encoded;
    const quality = ask.kind === 'quality' ? { crf: ask.crf, whole: ask.whole } : undefined;
    const tries = [...(this.#encoded[segment.index]?.tries ?? []), { round, askedBytes, bytes, quality }];
    const refined = { ...encoded, tries };
    this.#encoded[segment.index] = refined;
    await this.#checkpoints.encoded(segment.index).set(refined);
    // The other segments would have to make up for the quick pass's whole error, so the first one is encoded again.
    const isFirstTry = segments.length > 1 && segment.index === 0 && tries.length === 1;
    const isFar = Math.abs(Math.log(Math.max(1, bytes) / wantBytes)) > FAR_FROM_MEASURED;
    const isSought = choice.codec === 'av1' || ask.kind === 'quality';
    if (isSought && isFirstTry && isFar) await this.#encode(move, signal);
  }

  /** SVT-AV1 has no two passes and misses a bit rate by far, so it is asked for a quality. */
  #askFor(move: EncodeMove): Ask {
    const { segment: index, askedBytes, wantBytes, tolerance } = move;
    const measured = this.#measured[index];
    const { encoder } = this.#work;
    if (encoder)
      return takesRates(encoder) ? { kind: 'rate', bytes: askedBytes, step: 'one-pass' } : this.#stepFor(move);
    if (this.#work.choice.codec !== 'av1') {
      if (!measured) throw new Error(`segment ${index} was not measured`);
      return { kind: 'bytes', bytes: askedBytes, tolerance, first: measured };
    }
    const first = measured ?? { crf: this.#expected.crf, bytes: wantBytes };
    const expected = { crf: first.crf, bytes: first.bytes * slowerNeeds(this.#doneSoFar()) };
    const quality = nextQuality(qualitiesOf(this.#encoded[index]), expected, wantBytes);
    return { kind: 'quality', step: 'pass-2', ...quality };
  }

  /** Of an encoder that only holds qualities: what the parts so far showed says which whole step fits. */
  #stepFor({ segment: at, round, wantBytes }: EncodeMove): Ask {
    const { segments } = this.#work;
    const bytesPerFrame = (index: number, bytes: number) =>
      (bytes * (segments[at]?.frames ?? 1)) / (segments[index]?.frames ?? 1);
    const [before] = segments
      .filter(({ index }) => index !== at && this.#encoded[index] !== undefined)
      .toSorted((a, b) => Math.abs(a.index - at) - Math.abs(b.index - at))
      .flatMap(({ index }) =>
        qualitiesOf(this.#encoded[index])
          .slice(-1)
          .map(one => ({ ...one, bytes: bytesPerFrame(index, one.bytes) })),
      );
    const first = before ?? { crf: this.#expected.crf, bytes: wantBytes };
    const others = segments.filter(({ index }) => index !== at && this.#encoded[index]?.tries.at(-1)?.round !== round);
    const crf = nextStep(qualitiesOf(this.#encoded[at]), first, wantBytes, others.length === 0 || round > 0);
    return { kind: 'quality', step: 'one-pass', crf };
  }

  #doneSoFar(): Parameters<typeof slowerNeeds>[0] {
    return this.#encoded.flatMap((one, index) => {
      const last = qualitiesOf(one).at(-1);
      const first = this.#measured[index];
      return last && first ? [{ first, last }] : [];
    });
  }

  async #join(at: number): Promise<void> {
    const encoded = this.#encoded.filter(one => one !== undefined);
    const output = await joinTracks(this.#job, this.#work, encoded, `out-${at + 1}.mp4`);
    this.#rounds[at] = { from: 0, ...this.#rounds[at], bytes: output.bytes, output };
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
    await this.#job.remove(LIST, ...segments.map(partFile), ...logs);
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
      which: this.#rounds.some(round => round.parts) ? ('some' as const) : ('end' as const),
    };
    const { encoder } = this.#work;
    if (encoder)
      return say('local.how-hardware', { ...common, segments: this.#work.segments.length, encoder: encoder.name });
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
