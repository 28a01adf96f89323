import { basename } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import { ChildEnd } from '../../platform/process/exit-status.ts';
import type { Looks } from '../probe/sniff.ts';

const HINT_BROKEN = 'Copy or export it again; a player that still shows it may be able to save it anew.';

/** Why a file is not a video, in a sentence, from its first bytes; `undefined` where they don't say. */
export function refuseByLooks(path: string, looks: Looks): ShrinkError | undefined {
  const name = displayName(path);
  switch (looks.kind) {
    case 'empty':
      return new ShrinkError('not-media', `${name} is empty (0 bytes)`, { subject: path, hint: 'Copy it again.' });
    case 'playlist':
      return new ShrinkError(
        'unsafe-media',
        `${name} is not a video: it is ${looks.what}, a list of other files, which is never followed`,
        {
          subject: path,
          hint: 'Drop the video itself.',
        },
      );
    case 'other':
      return new ShrinkError('not-media', `${name} is not a video: it is ${looks.what}`, { subject: path });
    case 'mp4':
    case 'unknown':
      return undefined;
  }
}

/** What ffprobe's refusal means for a person. `error` is what runChild threw. */
export function refuseByProbe(path: string, error: unknown, looks: Looks): unknown {
  if (!(error instanceof ShrinkError) || !(error.cause instanceof ChildEnd)) return error;
  const said = error.cause.stderrTail;
  const because = (code: 'not-media' | 'unsafe-media' | 'incomplete-media', what: string, hint?: string) =>
    new ShrinkError(code, `${displayName(path)} ${what}`, {
      subject: path,
      cause: error,
      ...(error.doing === undefined ? {} : { doing: error.doing }),
      ...(hint === undefined ? {} : { hint }),
    });
  // Killed from outside, by whomever: that says nothing about the file, and it is tried again.
  if (error.cause.endSignal === 'SIGKILL') return error;
  if (error.code === 'out-of-memory') {
    return because('unsafe-media', 'asks for more memory to be opened than any sane video does', HINT_BROKEN);
  }
  if (error.code === 'timed-out') return because('unsafe-media', 'takes far too long to be opened', HINT_BROKEN);
  if (error.code !== 'child-failed') return error;
  if (said.includes('exceeds specified max pixel count')) return tooManyPixels(path);
  // By its name alone ffmpeg takes anything for an MP4; only what begins like one has lost its index.
  if (said.includes('moov atom not found') && looks.kind === 'mp4') {
    return because(
      'incomplete-media',
      'is only a part of a video: its index (moov) is missing, so the recording or copy did not finish',
      HINT_BROKEN,
    );
  }
  if (said.includes('Format not on whitelist'))
    return because('not-media', 'is not a video in a format that is accepted');
  if (/Permission denied/.test(said)) {
    return new ShrinkError('denied', `${displayName(path)} cannot be read`, { subject: path, cause: error });
  }
  if (/No such file or directory/.test(said)) {
    return new ShrinkError('gone', `${displayName(path)} is not there any more`, { subject: path, cause: error });
  }
  if (/Stale file handle|Transport endpoint/.test(said)) {
    return new ShrinkError('unavailable', `${displayName(path)} could not be read from its disk or share`, {
      subject: path,
      cause: error,
    });
  }
  return because('not-media', 'is not a video, or is damaged beyond recognition', HINT_BROKEN);
}

/** Complaints on stderr of a scan that went through: a file cut off in the middle still has readable packets. */
export function refuseByComplaints(path: string, stderr: string): ShrinkError | undefined {
  if (!/partial file|File ended prematurely|Truncating packet/.test(stderr)) return undefined;
  return new ShrinkError('incomplete-media', `${displayName(path)} is only a part of a video: its end is missing`, {
    subject: path,
    hint: HINT_BROKEN,
  });
}

export function tooManyPixels(path: string): ShrinkError {
  return new ShrinkError(
    'unsafe-media',
    `${displayName(path)} has pictures larger than 8192x8192, which is not a video anybody filmed`,
    {
      subject: path,
      hint: 'Scale it down with another program first.',
    },
  );
}

export function noVideo(path: string, sound: boolean): ShrinkError {
  return new ShrinkError(
    'no-video',
    `${displayName(path)} has ${sound ? 'sound but no moving picture' : 'no picture in it'}`,
    {
      subject: path,
    },
  );
}

export function onePicture(path: string): ShrinkError {
  return new ShrinkError('no-video', `${displayName(path)} lasts 0 seconds: it holds a single picture, not a video`, {
    subject: path,
  });
}

/** Cameras for slow motion write 1000 frames a second; encoders stop somewhere above. */
export const MAX_FPS = 1_000;

export function tooManyFrames(path: string, fps: number): ShrinkError {
  return new ShrinkError(
    'unsafe-media',
    `${displayName(path)} says that it has ${Math.round(fps)} frames a second, which is not a video anybody filmed`,
    { subject: path, hint: HINT_BROKEN },
  );
}

export function cannotDecode(path: string, codec: string): ShrinkError {
  return new ShrinkError('not-media', `${displayName(path)} is in a format (${codec}) this ffmpeg cannot decode`, {
    subject: path,
    hint: 'A newer ffmpeg may know it.',
  });
}

export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A file's name as it can stand in a sentence on one line. */
export function displayName(path: string): string {
  return basename(path).replace(UNPRINTABLE, '?') || path;
}
