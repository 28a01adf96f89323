import { join } from 'node:path';
import { isShrinkError } from '../../../core/errors.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { keepFrameTimes, untrustedInput } from '../../../media/ffmpeg/args.ts';
import { topBoxes } from '../../../media/mp4-boxes.ts';
import { probe } from '../../../media/probe/probe.ts';
import { copyArgs } from '../run/ffmpeg-args.ts';
import { type LocalJob, bytesOf, forget, recall, remember, runStep } from '../run/local-job.ts';
import type { Outcome } from './outcome.ts';
import { type CopyChoice, droppedTracks, insteadOfCopy } from '../plan/strategy.ts';

const COPY = 'copy.mp4';

/** What a copy turned out to be. */
type Checked = { fine: true; frames: number; durationS: number } | { fine: false; why: string };

/**
 * The source's own picture in an MP4, without loss. Not every copy that ffmpeg makes is right (old AVI files, damaged sources):
 * it is measured and decoded before it counts, and what does not pass is encoded instead.
 */
export async function copyPicture(job: LocalJob, choice: CopyChoice): Promise<Outcome> {
  const { context } = job;
  let bytes = await bytesOf(job, COPY);
  if (bytes === undefined || recall<number>(job, 'copy') !== bytes) {
    await context.step('copy');
    const made = await makeCopy(job, choice);
    if (typeof made === 'string') return instead(job, choice, made);
    bytes = made;
  }
  if (bytes > choice.capBytes && (await isPlainMp4(job, choice))) return asItIs(job, choice);
  // Of nine films packed as Matroska five came out 0.03 to 0.2 % larger as MP4: its tables. Never enlarged is the promise.
  if (bytes > choice.capBytes) return instead(job, choice, 'as an MP4 it would be larger than it may be');
  const checked = recall<Checked>(job, 'copy-checked') ?? (await checkCopy(job, choice));
  await remember(job, 'copy-checked', checked);
  return checked.fine ? candidateOf(job, choice, bytes, checked) : instead(job, choice, checked.why);
}

function candidateOf(
  job: LocalJob,
  choice: CopyChoice,
  bytes: number,
  checked: { frames: number; durationS: number },
): Outcome {
  const { order, context, facts } = job;
  return {
    kind: 'candidate',
    candidate: {
      path: join(context.workDir, COPY),
      isSource: false,
      bytes,
      expect: {
        maxBytes: choice.capBytes,
        durationS: checked.durationS,
        width: facts.video.displayWidth,
        height: facts.video.displayHeight,
        frames: checked.frames,
        audioTracks: choice.sound.length,
        subtitleTracks: choice.subtitles.length,
        ...(order.target.fps === undefined ? {} : { maxFps: order.target.fps }),
        videoCodecs: [facts.video.codec],
      },
      how: `copied without loss${soundWords(choice)}: ${choice.why}`,
      notes: [...choice.notes, ...endNote(facts, checked.frames), ...droppedTracks(facts)],
    },
  };
}

function endNote(facts: MediaFacts, frames: number): string[] {
  const more = shownMore(facts, frames);
  if (more <= 0) return [];
  return [`${more === 1 ? 'a frame' : `${more} frames`} at the end, hidden in the source, can be seen`];
}

/** Bytes of the copy, or why there is none. */
async function makeCopy(job: LocalJob, choice: CopyChoice): Promise<number | string> {
  const { tools, facts, input } = job;
  try {
    const { outputBytes } = await runStep(job, {
      doing: 'copying into an MP4',
      args: copyArgs({ tools, facts, input, copy: choice }),
      output: COPY,
      share: 0.5,
      note: 'copying',
    });
    await remember(job, 'copy', outputBytes);
    return outputBytes;
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
    job.context.log.debug({ said: (error as Error).message }, 'copy refused');
    return 'it cannot be put into an MP4 as it is';
  }
}

async function checkCopy(job: LocalJob, choice: CopyChoice): Promise<Checked> {
  const { context, facts, tools } = job;
  const path = join(context.workDir, COPY);
  const copy = await probe(path, { tools, signal: context.signal, gate: context.gate }).catch((error: unknown) => {
    if (isShrinkError(error, 'not-media', 'no-video', 'incomplete-media', 'unsafe-media')) return undefined;
    throw error;
  });
  if (!copy) return { fine: false, why: 'a copy of it does not open' };
  if (differs(facts, copy, choice)) return { fine: false, why: 'a copy of it comes out different' };
  const { frames } = copy.video;
  try {
    const played = await runStep(job, {
      doing: 'playing the copy to its end',
      args: [
        '-xerror',
        ...untrustedInput(path),
        '-map',
        '0:v',
        '-map',
        '0:a?',
        ...keepFrameTimes(tools),
        '-f',
        'null',
        '-',
      ],
      share: 0.5,
      note: 'checking the copy',
      fraction: progress => progress.frames / frames,
    });
    if (played.complaints === 0 && played.frames >= frames) return { fine: true, frames, durationS: copy.durationS };
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
  }
  return { fine: false, why: 'the source has damaged spots' };
}

/**
 * Phones hide a frame or two at the end with an edit list, which a copy shows. That is no reason to encode it: an HDR film that
 * fits many times over would lose its HDR.
 */
const MAX_EXTRA_FRAMES = 4;

function shownMore(source: MediaFacts, frames: number): number {
  return frames - source.video.frames;
}

function differs(source: MediaFacts, copy: MediaFacts, choice: CopyChoice): boolean {
  const frameS = 1 / Math.max(1, source.video.fps);
  const more = shownMore(source, copy.video.frames);
  return (
    more < 0 ||
    more > Math.min(MAX_EXTRA_FRAMES, source.video.hiddenFrames) ||
    Math.abs(source.durationS - copy.durationS) > Math.max(0.05, frameS) + more * 2 * frameS ||
    source.video.displayWidth !== copy.video.displayWidth ||
    source.video.displayHeight !== copy.video.displayHeight ||
    copy.audio.length !== choice.sound.length
  );
}

/** The source can be handed over as it is: an MP4 already, with every track that was asked for and no other wish. */
async function isPlainMp4(job: LocalJob, choice: CopyChoice): Promise<boolean> {
  const { order, facts } = job;
  if (order.sourceBytes > choice.capBytes || order.target.audio.kind !== 'keep') return false;
  if (!facts.container.includes('mp4')) return false;
  const { boxes, brand } = await topBoxes(order.source);
  return brand !== '' && brand !== 'qt  ' && boxes.some(box => box.type === 'moov');
}

function asItIs(job: LocalJob, choice: CopyChoice): Outcome {
  const { order, facts } = job;
  return {
    kind: 'candidate',
    candidate: {
      path: order.source,
      isSource: true,
      bytes: order.sourceBytes,
      expect: { maxBytes: choice.capBytes, durationS: facts.durationS, videoCodecs: [facts.video.codec] },
      how: `the file itself: ${choice.why}, and packing it anew would make it larger`,
      notes: [],
    },
  };
}

async function instead(job: LocalJob, choice: CopyChoice, why: string): Promise<Outcome> {
  await forget(job, COPY);
  return { kind: 'instead', instead: insteadOfCopy(choice, job.order, why), notes: [`re-encoded, because ${why}`] };
}

function soundWords(choice: CopyChoice): string {
  const encoded = choice.sound.filter(track => track.how === 'aac').length;
  return encoded === 0 ? '' : `, ${encoded === 1 ? 'one sound track' : `${encoded} sound tracks`} turned into AAC`;
}
