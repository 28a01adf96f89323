/** Whether cutting a source finds the same frames as reading it from its beginning. */
import type { Part } from '../hands.ts';
import type { EncodedSegment } from '../run/checkpoints.ts';
import { CUT_SLACK_FRAMES, CUT_SLACK_SHARE, TRUSTED_FROM } from '../tuning.ts';

/** Cutting dropped frames, duplicated some or broke them: this source cannot be processed in segments. */
export class CutMissed extends Error {}

/**
 * Some films decode only from their beginning (4:4:4 of an old x264): after a cut, ffmpeg shows broken frames and merely complains.
 * This is the first segment that reveals it; if the film itself is damaged, encoding it in one piece does no harm.
 */
const FIRST_AFTER_CUT = 1;

/** About how many frames come out. */
export function expectedFrames({ picture, segment, facts }: Part): number {
  if (picture.fps === undefined) return segment.frames;
  return Math.max(1, Math.round(segment.frames * Math.min(1, picture.fps / facts.video.fps)));
}

/** Looks at the first pass of a part; from the fourth part on, frames that are missing are missing in the source. @throws CutMissed */
export function checkCut(part: Part, made: EncodedSegment): void {
  const { index, of, facts, segment } = part;
  const isCut = of > 1 || (facts.window !== undefined && !segment.isReadFromStart);
  if (!isCut || index >= TRUSTED_FROM) return;
  expectAllFrames(part, made.frames);
  const isFirstAfterCut = index === (facts.window?.fromS === undefined ? FIRST_AFTER_CUT : 0);
  if (isFirstAfterCut && made.complaints > 0)
    throw new CutMissed(`segment ${index}: the decoder complained ${made.complaints} times`);
}

function expectAllFrames(part: Part, got: number): void {
  const { index, picture, facts } = part;
  const frames = expectedFrames(part);
  // Where frames are dropped to reach a rate, their number is known only roughly.
  const about = facts.video.variableFrameRate ? frames : CUT_SLACK_FRAMES + frames * CUT_SLACK_SHARE;
  const slack = picture.fps === undefined ? 0 : about;
  if (Math.abs(got - frames) > slack) throw new CutMissed(`segment ${index}: ${got} frames instead of ${frames}`);
}
