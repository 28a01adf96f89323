/** Why a file cannot be processed, in words: from its first bytes, from ffprobe's output, from its packets. */
import { basename } from 'node:path';
import { type ErrorCode, ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import type { Trim } from '../../core/trim.ts';
import { say } from '../../messages/say.ts';
import { ChildEnd } from '../../platform/process/exit-status.ts';
import type { Looks } from '../probe/sniff.ts';

/** Demuxers of pictures that follow one another without a container, and so without times. */
const RAW_STREAMS = new Set(['h264', 'hevc', 'vvc', 'vc1', 'cavsvideo', 'obu', 'mjpeg', 'rawvideo']);

const EXPORT_AGAIN = say('media.export-again-hint');

/** Why a file is not a video, from its first bytes; `undefined` if they don't say. */
export function refuseByLooks(path: string, looks: Looks): ShrinkError | undefined {
  const file = displayName(path);
  switch (looks.kind) {
    case 'empty':
      return refusal('not-media', say('media.empty', { file }), path, say('media.copy-again-hint'));
    case 'playlist':
      return refusal('unsafe-media', say('media.playlist', { file, what: looks.what }), path);
    case 'other':
      return refusal('not-media', say('media.not-a-video', { file, what: looks.what }), path);
    case 'mp4':
    case 'unknown':
      return undefined;
  }
}

/** What ffprobe's refusal means to a person. `error` is what runChild threw. */
export function refuseByProbe(path: string, error: unknown, looks: Looks): unknown {
  if (!(error instanceof ShrinkError) || !(error.cause instanceof ChildEnd)) return error;
  const { stderrTail: said, endSignal } = error.cause;
  const file = displayName(path);
  const because = (code: ErrorCode, message: Sentence, hint?: Sentence) =>
    new ShrinkError(code, message, { subject: path, cause: error, doing: error.doing, hint });
  // Killed from outside, by whomever: that says nothing about the file, and it is tried again.
  if (endSignal === 'SIGKILL') return error;
  if (error.code === 'out-of-memory')
    return because('unsafe-media', say('media.too-much-memory', { file }), EXPORT_AGAIN);
  if (error.code === 'timed-out') return because('unsafe-media', say('media.opens-too-slowly', { file }), EXPORT_AGAIN);
  if (error.code !== 'child-failed') return error;
  if (said.includes('exceeds specified max pixel count')) return tooManyPixels(path);
  // By its name alone, ffmpeg takes anything for an MP4; only what begins like one has lost its index.
  if (said.includes('moov atom not found') && looks.kind === 'mp4')
    return because('incomplete-media', say('media.no-index', { file }), EXPORT_AGAIN);
  if (said.includes('Format not on whitelist')) {
    const format = /\[([\w,]+) @ [^\]]*\] Format not on whitelist/.exec(said)?.[1];
    const hint = RAW_STREAMS.has(format ?? '') ? say('media.raw-stream-hint') : undefined;
    return because('not-media', say('media.format-not-accepted', { file, ...(format && { format }) }), hint);
  }
  if (/Permission denied/.test(said)) return because('denied', say('media.cannot-read', { file }));
  if (/No such file or directory/.test(said)) return because('gone', say('media.gone', { file }));
  if (/Stale file handle|Transport endpoint/.test(said))
    return because('unavailable', say('media.disk-unavailable', { file }));
  if (looks.kind === 'unknown' && looks.format)
    return because('not-media', say('media.damaged-container', { file, format: looks.format }), EXPORT_AGAIN);
  return because('not-media', say('media.unrecognisable', { file }), EXPORT_AGAIN);
}

/** Complaints on stderr during a completed scan: a file cut off in the middle still has readable packets. */
export function refuseByComplaints(path: string, stderr: string): ShrinkError | undefined {
  if (!/partial file|File ended prematurely|Truncating packet/.test(stderr)) return undefined;
  return endMissing(path);
}

export function endMissing(path: string): ShrinkError {
  return refusal('incomplete-media', say('media.end-missing', { file: displayName(path) }), path, EXPORT_AGAIN);
}

/** `size`: where it is known. */
export function tooManyPixels(path: string, size: { width?: number; height?: number } = {}): ShrinkError {
  const message = say('media.too-many-pixels', { file: displayName(path), ...size });
  return refusal('unsafe-media', message, path, say('media.scale-down-hint'));
}

export function noVideo(path: string, sound: boolean): ShrinkError {
  const file = displayName(path);
  return refusal('no-video', sound ? say('media.sound-only', { file }) : say('media.no-picture', { file }), path);
}

/** `soundS`: seconds of the sound beside it. */
export function onePicture(path: string, soundS: number): ShrinkError {
  const file = displayName(path);
  const message =
    soundS > 0 ? say('media.picture-with-sound', { file, seconds: soundS }) : say('media.single-picture', { file });
  return refusal('no-video', message, path);
}

/** The part asked for begins where the video has ended, or ends before it begins. */
export function nothingInPart(path: string, trim: Trim, durationS: number): ShrinkError {
  const message = say('media.nothing-in-part', { file: displayName(path), part: say('rules.part', trim), durationS });
  return refusal('cannot-do', message, path, say('media.part-hint', { durationS }));
}

export function partIsOnePicture(path: string): ShrinkError {
  return refusal(
    'cannot-do',
    say('media.part-too-short', { file: displayName(path) }),
    path,
    say('media.part-short-hint'),
  );
}

/** Old formats whose pictures have no times: which of them are in the part, nobody knows. */
export function partUntimed(path: string): ShrinkError {
  const message = say('media.part-untimed', { file: displayName(path) });
  return refusal('cannot-do', message, path, say('media.part-untimed-hint'));
}

/** When they are shown can only be guessed: ffmpeg shows them all at once. Matroska whose clock begins before zero is read like this. */
export function untimed(path: string, pictures: number, all: number): ShrinkError {
  const message = say('media.untimed', { file: displayName(path), pictures, all });
  return refusal('not-media', message, path, EXPORT_AGAIN);
}

/** `how` names the protection: `cenc`, `FairPlay`, `DRM`. */
export function copyProtected(path: string, how: string): ShrinkError {
  const message = say('media.copy-protected', { file: displayName(path), how });
  return refusal('not-media', message, path, say('media.copy-protected-hint'));
}

/** A second film begins at `at` bytes. */
export function severalFilms(path: string, at: number): ShrinkError {
  return new ShrinkError('cannot-do', say('media.several-films'), {
    subject: path,
    hint: say('media.several-films-hint', { at, from: at + 1 }),
  });
}

export function noFrames(path: string): ShrinkError {
  return refusal('incomplete-media', say('media.no-frames', { file: displayName(path) }), path);
}

/** Slow-motion cameras write 1000 frames a second; encoders stop somewhere above. */
export const MAX_FPS = 1_000;

export function tooManyFrames(path: string, fps: number): ShrinkError {
  return refusal('unsafe-media', say('media.too-many-frames', { file: displayName(path), fps }), path, EXPORT_AGAIN);
}

export function claimsTooMuch(path: string): ShrinkError {
  return refusal('unsafe-media', say('media.claims-too-much', { file: displayName(path) }), path, EXPORT_AGAIN);
}

export function cannotDecode(path: string, codec: string): ShrinkError {
  const message = say('media.cannot-decode', { file: displayName(path), codec });
  return refusal('not-media', message, path, say('media.newer-ffmpeg-hint'));
}

/** A transport stream that was cut before its first header: the codec is known, and nothing can be decoded. */
export function headerMissing(path: string, codec: string): ShrinkError {
  const message = say('media.header-missing', { file: displayName(path), codec });
  return refusal('incomplete-media', message, path, EXPORT_AGAIN);
}

function refusal(code: ErrorCode, message: Sentence, subject: string, hint?: Sentence): ShrinkError {
  return new ShrinkError(code, message, { subject, hint });
}

export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A file's name, made fit for a sentence on one line. */
export function displayName(path: string): string {
  return basename(path).replace(UNPRINTABLE, '?') || path;
}
