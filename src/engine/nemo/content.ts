import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import { extensionOf } from '../../core/file-names.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { Sentence } from '../../core/message.ts';
import { partOf } from '../../core/trim.ts';
import { nothingInPart } from '../../media/ffmpeg/input-errors.ts';
import { fitInto, formatResolution, type Target } from '../../core/target.ts';
import { say } from '../../messages/say.ts';
import { kindOfFormat } from '../engine.ts';
import type { ContentRecord } from './checkpoints.ts';
import type { CloudTask } from './context.ts';
import { intentOf } from './message/intent.ts';

/**
 * What is in the source, by this machine's own reading of it; of a link, and of what cannot be read here, only what its name says.
 * The service's numbers are hints: their unit is not documented, so nothing is held for them.
 */
export async function contentOf(task: CloudTask): Promise<ContentRecord> {
  const { checkpoints } = task;
  const stored = checkpoints.content.get();
  if (stored) return stored;
  const content = await readContent(task);
  await checkpoints.content.set(content);
  return content;
}

async function readContent({ source, cloud, context }: CloudTask): Promise<ContentRecord> {
  const kind = kindOfFormat(extensionOf(source.name));
  if (kind === 'picture' || kind === 'sound' || source.kind === 'link' || !cloud.local) return { kind };
  try {
    const facts = await cloud.local.look({ file: source.file, signal: context.signal });
    const { durationS } = facts;
    const { codec, displayWidth: width, displayHeight: height } = facts.video;
    const totalS = lengthOfAll(facts);
    return { kind, durationS, ...(totalS > durationS && { totalS }), codec, width, height };
  } catch (error) {
    if (isShrinkError(error, 'no-video')) return { kind: kind === 'animation' ? 'picture' : 'sound' };
    if (isUnreadable(error)) return { kind };
    throw error;
  }
}

/** Seconds of what is asked for; `undefined` if nobody here knows how long the source is. */
export function wantedSeconds({ durationS }: ContentRecord, { trim }: Target): number | undefined {
  if (durationS === undefined || !trim) return durationS;
  const part = partOf(trim, durationS);
  return part.kind === 'part' ? part.toS - part.fromS : undefined;
}

/** For work on what the service has cut already, or is to cut. */
export function withoutPart(target: Target): Target {
  const { trim: _, ...others } = target;
  return others;
}

/** Of a file whose content this machine cannot tell: that says nothing about the service. */
export function isUnreadable(error: unknown): boolean {
  return isShrinkError(
    error,
    ...(['not-media', 'unsafe-media', 'incomplete-media', 'child-failed'] as const),
    ...(['child-killed', 'child-stalled', 'timed-out', 'out-of-memory', 'tool-missing'] as const),
  );
}

/**
 * Before anything is uploaded or paid. @throws ShrinkError `cannot-do` if the source cannot become an MP4 as asked: a picture or sound
 * holds no video to compress, so words have to say what to make of it.
 */
export function checkPossible({ order, source, checkpoints }: CloudTask, content: ContentRecord): void {
  const { kind, durationS } = content;
  const { trim } = order.target;
  const isPaidFor = checkpoints.message(1).get() !== undefined;
  const isNew = !isPaidFor && order.previous?.cloud?.session === undefined;
  if (trim && durationS !== undefined && isNew && partOf(trim, durationS).kind === 'nothing')
    throw nothingInPart(source.name, trim, durationS);
  if (kind === 'video' || kind === 'animation' || order.previous?.cloud?.session !== undefined) return;
  // What was paid for is delivered, whatever it was.
  if (isPaidFor) return;
  const { name } = source;
  const says = order.instruction?.trim() ?? '';
  const isSound = kind === 'sound';
  if (says === '' || intentOf(says).kind !== 'edit') {
    throw new ShrinkError(
      'cannot-do',
      isSound ? say('rules.sound-needs-words', { name }) : say('rules.picture-needs-words', { name }),
      {
        subject: name,
        hint: isSound ? say('rules.sound-needs-words-hint', { name }) : say('rules.picture-needs-words-hint', { name }),
      },
    );
  }
  if (order.target.size?.kind === 'share') {
    throw new ShrinkError('cannot-do', say('nemo.share-of-other', { name }), {
      subject: name,
      hint: say('nemo.share-of-link-hint'),
    });
  }
}

const MP4_CODECS: readonly string[] = ['h264', 'hevc', 'av1'];
const CODECS = { h264: 'h264', h265: 'hevc', av1: 'av1' } as const;

/** The codecs a result may have: the one asked for; without one, H.264, which plays everywhere, or the source's own. */
export function codecsFor(target: Target, content: ContentRecord): string[] {
  if (target.codec) return [CODECS[target.codec]];
  const own = content.codec !== undefined && MP4_CODECS.includes(content.codec) ? [content.codec] : [];
  return [...new Set(['h264', ...own])];
}

/** Pixels a side may have more than computed: services round to whole blocks. */
const SIDE_TOLERANCE = 16;

/** What the result has that was not asked for; empty if it is as asked. Length and playability are for verify to judge. */
export function deviations(
  { video, audio, durationS }: MediaFacts,
  target: Target,
  content: ContentRecord,
): Sentence[] {
  const { resolution, fps } = target;
  const { displayWidth: width, displayHeight: height } = video;
  const limit = fitInto({ width, height }, resolution);
  const found: (Sentence | false | undefined)[] = [
    !codecsFor(target, content).includes(video.codec) &&
      say('nemo.is-codec', { codec: video.codec, wanted: CODECS[target.codec ?? 'h264'] }),
    resolution &&
      (width > limit.width + SIDE_TOLERANCE || height > limit.height + SIDE_TOLERANCE) &&
      say('nemo.is-large', { width, height, limit: formatResolution(resolution) }),
    // A short clip measures a little high: n frames, n - 1 gaps.
    fps !== undefined &&
      video.fps > fps * 1.01 + 1 / Math.max(1, durationS) &&
      say('nemo.is-fast', { fps: video.fps, limit: fps }),
    target.audio.kind === 'mute' && audio.length > 0 && say('nemo.has-sound'),
  ];
  return found.filter(one => one !== false && one !== undefined);
}

/** What is smaller about the result's picture than about one made of the source within the target's resolution. */
export function shrunkenPicture(
  { video: { displayWidth: width, displayHeight: height } }: MediaFacts,
  { resolution }: Target,
  content: ContentRecord,
): Sentence | undefined {
  if (content.width === undefined || content.height === undefined) return undefined;
  const wanted = fitInto({ width: content.width, height: content.height }, resolution);
  const isSmaller = width < wanted.width - SIDE_TOLERANCE || height < wanted.height - SIDE_TOLERANCE;
  if (!isSmaller) return undefined;
  return say('nemo.smaller-picture', { width, height, wantedWidth: wanted.width, wantedHeight: wanted.height });
}

/** From the first to the last of picture and sound, seconds: sound may begin sooner and go on longer. */
export function lengthOfAll({ durationS, inventory }: Pick<MediaFacts, 'durationS' | 'inventory'>): number {
  const sounds = inventory.filter(({ kind }) => kind === 'sound');
  const startS = Math.min(0, ...sounds.map(sound => sound.startS ?? 0));
  return Math.max(durationS, ...sounds.map(sound => sound.endS ?? 0)) - startS;
}

/** How long a result may be: as long as the picture, as picture and sound together, or anything in between. */
export function expectedLength({ durationS, totalS = durationS }: Pick<ContentRecord, 'durationS' | 'totalS'>): {
  durationS?: number;
  durationToleranceS?: number;
} {
  if (durationS === undefined || totalS === undefined) return {};
  const middle = (durationS + totalS) / 2;
  return { durationS: middle, durationToleranceS: lengthTolerance(totalS) + totalS - middle };
}

/** How far a result's length may be off: the service's timeline rounds, and a truncated result is off by more. Seconds. */
export function lengthTolerance(durationS: number): number {
  return Math.max(0.5, durationS * 0.01);
}

/** Whether the length the service gave, in seconds, milliseconds or rounded either way, can mean this one (seconds). */
export function meansLength(hint: number, durationS: number): boolean {
  return [hint, hint / 1000].some(value => Math.abs(value - durationS) <= Math.max(1, durationS * 0.01));
}
