import type { Candidate } from '../core/job.ts';
import type { MediaFacts } from '../core/media-info.ts';
import { formatBytes } from '../core/units.ts';

/** What was measured of a candidate: its facts, its layout, and a decode from the first frame to the last. */
export interface Measured {
  /** Bytes on disk. */
  bytes: number;
  facts: MediaFacts;
  /** The index comes before the media. */
  startsFast: boolean;
  decodedFrames: number;
  /** Lines the decoders had to say at level error. */
  complaints: number;
}

/** Rounding of clocks on the way through containers; half a frame is allowed where frames are longer. */
const DURATION_TOLERANCE_S = 0.05;
/** A source delivered as it is may have a damaged spot: it had it before, and nobody can do better. */
const MIN_SHARE_OF_SOURCE = 0.95;

/**
 * Every promise the candidate breaks, a sentence each; empty when it may be delivered. Pure. A source that is delivered as it is
 * is only held to its size, and to being something that plays.
 */
export function check(candidate: Candidate, measured: Measured): string[] {
  const { expect } = candidate;
  const { facts } = measured;
  const wrong: string[] = [];
  const must = (holds: boolean, sentence: string) => {
    if (!holds) wrong.push(sentence);
  };

  must(measured.bytes > 0, 'the file is empty');
  must(
    measured.bytes === candidate.bytes,
    `it has ${measured.bytes} bytes on disk, not the ${candidate.bytes} it was made with`,
  );
  if (expect.maxBytes !== undefined) {
    must(measured.bytes <= expect.maxBytes, `it has ${sizes(measured.bytes, expect.maxBytes)}`);
  }
  if (candidate.isSource) {
    const played = measured.decodedFrames / Math.max(1, facts.video.frames);
    must(
      played >= MIN_SHARE_OF_SOURCE,
      `only ${measured.decodedFrames} of its ${facts.video.frames} frames can be decoded`,
    );
    return wrong;
  }

  if (expect.durationS !== undefined) {
    const tolerance = Math.max(
      expect.durationToleranceS ?? 0,
      DURATION_TOLERANCE_S,
      facts.video.fps > 0 ? 1 / facts.video.fps : 0,
    );
    const off = Math.abs(facts.durationS - expect.durationS);
    must(
      off <= tolerance + 1e-6,
      `it lasts ${facts.durationS.toFixed(3)} s instead of ${expect.durationS.toFixed(3)} s`,
    );
  }
  if (expect.width !== undefined && expect.height !== undefined) {
    const { displayWidth, displayHeight } = facts.video;
    const same = displayWidth === expect.width && displayHeight === expect.height;
    must(same, `its picture is ${displayWidth}x${displayHeight} instead of ${expect.width}x${expect.height}`);
  }
  if (expect.frames !== undefined) {
    must(facts.video.frames === expect.frames, `it has ${facts.video.frames} frames instead of ${expect.frames}`);
  }
  if (expect.audioTracks !== undefined)
    must(facts.audio.length === expect.audioTracks, tracks('sound', facts.audio.length, expect.audioTracks));
  if (expect.subtitleTracks !== undefined) {
    must(
      facts.subtitles.length === expect.subtitleTracks,
      tracks('subtitle', facts.subtitles.length, expect.subtitleTracks),
    );
  }
  if (expect.maxFps !== undefined) {
    // A clip of few frames measures a little high: n frames, n - 1 gaps and the last one's guessed length.
    const most = expect.maxFps * 1.01 + 1 / Math.max(1, facts.durationS);
    must(facts.video.fps <= most, `it has ${facts.video.fps.toFixed(2)} frames a second, more than ${expect.maxFps}`);
  }
  must(
    expect.videoCodecs.includes(facts.video.codec),
    `its codec is ${facts.video.codec}, not ${expect.videoCodecs.join(' or ')}`,
  );
  must(/\bmp4\b/.test(facts.container), `its container is ${facts.container}, not MP4`);
  must(measured.startsFast, 'its index does not come first, so it cannot be played while it loads');
  must(
    measured.decodedFrames >= facts.video.frames,
    `only ${measured.decodedFrames} of its ${facts.video.frames} frames can be decoded`,
  );
  must(measured.complaints === 0, `its decoder complained ${measured.complaints} times`);
  return wrong;
}

function tracks(what: string, found: number, wanted: number): string {
  return `it has ${found} ${what} track${found === 1 ? '' : 's'} instead of ${wanted}`;
}

function sizes(bytes: number, most: number): string {
  return `${bytes} bytes (${formatBytes(bytes)}), more than the ${most} allowed (${formatBytes(most)})`;
}
