import { isShrinkError } from '../../../core/errors.ts';
import { holdingsOf } from '../../../core/inventory.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import { keepFrameTimes, untrustedInput, WITHOUT_CHAPTERS } from '../../../media/ffmpeg/args.ts';
import { topBoxes } from '../../../media/mp4-boxes.ts';
import { probe } from '../../../media/probe/probe.ts';
import { say } from '../../../messages/say.ts';
import { ownFile } from '../../../platform/files/files.ts';
import { MAX_EXTRA_FRAMES, WORK_SHARE } from '../tuning.ts';
import { withGains } from '../measure/sound-levels.ts';
import { planInventory, planNotes } from '../plan/fates.ts';
import { type CopyChoice, insteadOfCopy } from '../plan/strategy.ts';
import type { CheckedCopy } from '../run/checkpoints.ts';
import { copyArgs } from '../run/join-args.ts';
import type { LocalJob } from '../run/local-job.ts';
import type { Outcome } from './encode.ts';

const COPY = 'copy.mp4';

/**
 * The source's own picture in an MP4, without loss. Not every copy ffmpeg makes is right (old AVI files, damaged sources):
 * each is measured and decoded first, and if it does not pass, the source is encoded instead.
 */
export async function copyPicture(job: LocalJob, choice: CopyChoice): Promise<Outcome> {
  const { checkpoints, context } = job;
  let bytes = await job.bytesOf(COPY);
  if (bytes === undefined || checkpoints.copy.get() !== bytes) {
    await context.step('copy');
    bytes = await makeCopy(job, choice);
    if (bytes === undefined) return await instead(job, choice, say('local.copy-refused'));
    await checkpoints.copy.set(bytes);
  }
  // The tables of an MP4 can make it larger than its source, which is then the better result where it is an MP4 itself.
  if (bytes > job.order.sourceBytes && (await isPlainMp4(job, choice))) return sourceItself(job, choice);
  if (bytes > choice.capBytes) return await instead(job, choice, say('local.copy-too-large'));
  const checked = checkpoints.checkedCopy.get() ?? (await checkCopy(job, choice));
  await checkpoints.checkedCopy.set(checked);
  return checked.fine ? candidateOf(job, choice, bytes, checked) : await instead(job, choice, checked.why);
}

function candidateOf(
  job: LocalJob,
  choice: CopyChoice,
  bytes: number,
  checked: Extract<CheckedCopy, { fine: true }>,
): Outcome {
  const { order, facts, tools } = job;
  const { why, sound, subtitles, capBytes } = choice;
  const more = extraFrames(facts, checked.frames);
  const encoded = sound.filter(track => track.how === 'aac').length;
  const inventory = planInventory({ way: 'copy', facts, target: order.target, tools, copy: choice });
  const hiddenShown = more > 0 ? [say('local.hidden-frames-shown', { frames: more })] : [];
  return {
    kind: 'candidate',
    candidate: {
      path: job.path(COPY),
      isSource: false,
      bytes,
      expect: {
        maxBytes: capBytes,
        durationS: checked.durationS,
        width: facts.video.displayWidth,
        height: facts.video.displayHeight,
        frames: checked.frames,
        audioTracks: sound.length,
        subtitleTracks: subtitles.length,
        maxFps: order.target.fps,
        videoCodecs: [facts.video.codec],
        holds: holdingsOf(inventory),
      },
    },
    how: encoded > 0 ? say('local.how-copied-with-aac', { tracks: encoded, why }) : say('local.how-copied', { why }),
    notes: [...hiddenShown, ...planNotes(inventory)],
  };
}

/** Bytes of the copy; `undefined` if ffmpeg cannot make one. */
async function makeCopy(job: LocalJob, choice: CopyChoice): Promise<number | undefined> {
  const { tools, facts, input } = job;
  const copy = { ...choice, sound: await withGains(job, choice.sound) };
  try {
    const { outputBytes } = await job.run({
      doing: say('local.doing-copy'),
      args: copyArgs({ tools, facts, input, copy }),
      output: COPY,
      share: WORK_SHARE.copy,
      note: say('step.copy', {}),
    });
    return outputBytes;
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
    job.context.log.debug({ said: error.message }, 'copy refused');
    return undefined;
  }
}

async function checkCopy(job: LocalJob, choice: CopyChoice): Promise<CheckedCopy> {
  const { context, facts, tools } = job;
  const file = ownFile(job.path(COPY));
  const copy = await probe(file, { tools, signal: context.signal, gate: context.gate, oneShape: true }).catch(
    (error: unknown) => {
      if (isShrinkError(error, 'not-media', 'no-video', 'incomplete-media', 'unsafe-media')) return undefined;
      throw error;
    },
  );
  if (!copy) return { fine: false, why: say('local.copy-does-not-open') };
  if (differs(facts, copy, choice)) return { fine: false, why: say('local.copy-differs') };
  const { frames } = copy.video;
  try {
    const played = await job.run({
      doing: say('local.doing-check-copy'),
      args: [
        ...[
          '-xerror',
          ...WITHOUT_CHAPTERS,
          ...untrustedInput(file),
          '-map',
          '0:v',
          ...keepFrameTimes(tools),
          ...IN_ORDER,
        ],
        ...(copy.audio.length > 0 ? ['-map', '0:a', '-f', 'null', '-'] : []),
      ],
      share: WORK_SHARE.checkCopy,
      note: say('local.checking-copy'),
      fraction: progress => progress.frames / frames,
    });
    if (played.complaints === 0 && played.frames >= frames) return { fine: true, frames, durationS: copy.durationS };
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
    if (OUT_OF_ORDER.test(error.message)) return { fine: false, why: say('local.copy-out-of-order') };
  }
  return { fine: false, why: say('local.source-damaged-spots') };
}

/** A muxer that, unlike `null`, refuses frames whose times go back: AVI has no times for pictures that are stored out of order. */
const IN_ORDER = ['-c:v', 'wrapped_avframe', '-f', 'framecrc', '-y', '/dev/null'];
const OUT_OF_ORDER = /non.?monoton/i;

/** Frames at the end that an edit list hides in the source, as phones do. Not worth an encode, which would lose HDR. */
function extraFrames(source: MediaFacts, frames: number): number {
  return frames - source.video.frames;
}

function differs(source: MediaFacts, copy: MediaFacts, choice: CopyChoice): boolean {
  const frameS = 1 / Math.max(1, source.video.fps);
  const more = extraFrames(source, copy.video.frames);
  return (
    more < 0 ||
    more > Math.min(MAX_EXTRA_FRAMES, source.video.hiddenFrames) ||
    Math.abs(source.durationS - copy.durationS) > Math.max(0.05, frameS) + more * 2 * frameS ||
    source.video.displayWidth !== copy.video.displayWidth ||
    source.video.displayHeight !== copy.video.displayHeight ||
    copy.audio.length !== choice.sound.length
  );
}

/** The source can be delivered as it is: already an MP4, with every requested track, and no change requested. */
async function isPlainMp4(job: LocalJob, choice: CopyChoice): Promise<boolean> {
  const { order, facts } = job;
  if (order.sourceBytes > choice.capBytes || order.target.audio.kind !== 'keep') return false;
  if (!facts.container.includes('mp4')) return false;
  const { boxes, brand } = await topBoxes(job.context.source);
  return brand !== '' && brand !== 'qt  ' && boxes.some(box => box.type === 'moov');
}

function sourceItself(job: LocalJob, choice: CopyChoice): Outcome {
  const { order, facts } = job;
  return {
    kind: 'candidate',
    candidate: {
      path: order.source,
      isSource: true,
      bytes: order.sourceBytes,
      expect: { maxBytes: choice.capBytes, durationS: facts.durationS, videoCodecs: [facts.video.codec] },
    },
    how: say('local.how-source-itself', { why: choice.why }),
    notes: [],
  };
}

async function instead(job: LocalJob, choice: CopyChoice, why: Sentence): Promise<Outcome> {
  await job.remove(COPY);
  return {
    kind: 'instead',
    instead: insteadOfCopy(choice, job.order, why),
    notes: [say('local.re-encoded', { why })],
  };
}
