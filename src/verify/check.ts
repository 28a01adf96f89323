import type { Candidate, Expectation } from '../core/job.ts';
import { differences, type Holding } from '../core/inventory.ts';
import type { MediaFacts } from '../core/media-info.ts';
import type { Sentence } from '../core/message.ts';
import { FINDERS } from '../media/inventory/inventory.ts';
import { say } from '../messages/say.ts';

/** What was measured about a candidate: its facts, its layout, and a decode from the first frame to the last. */
export interface Measured {
  /** Bytes on disk. */
  bytes: number;
  facts: MediaFacts;
  /** The index comes before the media. */
  startsFast: boolean;
  decodedFrames: number;
  /** Lines the decoders wrote at level error. */
  decoderErrors: number;
}

/** Rounding of timestamps on the way through containers; a frame, where nobody promised more and frames are longer. */
const DURATION_TOLERANCE_S = 0.05;
/** A source delivered as it is may have a damaged spot: it had it before, and nothing can repair it. */
const MIN_SHARE_OF_SOURCE = 0.95;

/**
 * Everything that is wrong with the candidate, one sentence each; empty if it may be delivered. Pure. A source that is
 * delivered as it is only has to have the right size and be playable.
 */
export function check(candidate: Candidate, measured: Measured): Sentence[] {
  const complaints = candidate.isSource
    ? [...sizeComplaints(candidate, measured), ...sourceComplaints(measured)]
    : [
        ...sizeComplaints(candidate, measured),
        ...contentComplaints(candidate.expect, measured.facts),
        ...inventoryComplaints(candidate, measured.facts),
        ...playbackComplaints(measured),
      ];
  return complaints.filter(complaint => complaint !== false);
}

/** What is wrong, as sentences. A measurement that is not a number must not pass: `!(a <= b)`, not `a > b`. */
type Complaints = (Sentence | false)[];

function sizeComplaints({ bytes: expected, expect: { maxBytes } }: Candidate, { bytes }: Measured): Complaints {
  return [
    bytes === 0 && say('verify.empty'),
    bytes !== expected && say('verify.bytes-changed', { bytes, expected }),
    maxBytes !== undefined && !(bytes <= maxBytes) && say('verify.too-large', { bytes, maxBytes }),
  ];
}

function sourceComplaints({ decodedFrames: decoded, facts }: Measured): Complaints {
  const { frames } = facts.video;
  const isPlayable = decoded / Math.max(1, frames) >= MIN_SHARE_OF_SOURCE;
  return [!isPlayable && say('verify.undecodable', { decoded, frames })];
}

function contentComplaints(
  expect: Expectation,
  { durationS: seconds, video, audio, subtitles }: MediaFacts,
): Complaints {
  const { durationS, width, height, frames, audioTracks, subtitleTracks, maxFps, videoCodecs } = expect;
  const { displayWidth, displayHeight, fps, codec } = video;
  const frameS = fps > 0 ? 1 / fps : 0;
  const toleranceS = Math.max(expect.durationToleranceS ?? frameS, DURATION_TOLERANCE_S) + 1e-6;
  // A short clip measures a little high: n frames, n - 1 gaps and a guessed length of the last frame; and the first may come late in
  // its slot, where AVI stores its frames in another order than shown.
  const measuredMaxFps = (maxFps ?? 0) * 1.01 + 2 / Math.max(1, seconds);
  return [
    durationS !== undefined &&
      !(Math.abs(seconds - durationS) <= toleranceS) &&
      say('verify.duration', { seconds, expected: durationS }),
    width !== undefined &&
      height !== undefined &&
      (displayWidth !== width || displayHeight !== height) &&
      say('verify.dimensions', {
        width: displayWidth,
        height: displayHeight,
        expectedWidth: width,
        expectedHeight: height,
      }),
    frames !== undefined && video.frames !== frames && say('verify.frames', { frames: video.frames, expected: frames }),
    audioTracks !== undefined &&
      audio.length !== audioTracks &&
      say('verify.audio-tracks', { count: audio.length, expected: audioTracks }),
    subtitleTracks !== undefined &&
      subtitles.length !== subtitleTracks &&
      say('verify.subtitle-tracks', { count: subtitles.length, expected: subtitleTracks }),
    maxFps !== undefined && !(fps <= measuredMaxFps) && say('verify.frame-rate', { fps, maxFps }),
    !videoCodecs.includes(codec) && say('verify.codec', { codec, expected: videoCodecs.join(', ') }),
  ];
}

/** How the result differs from what the plan said of every part of the source. */
function inventoryComplaints({ expect: { holds }, damagedSource }: Candidate, { inventory }: MediaFacts): Complaints {
  if (!holds) return [];
  const { missing, extra, moved } = differences(holds, inventory, kind => FINDERS[kind].compared);
  return [
    ...missing.map(({ kind, value }) => say('verify.lacks', { kind, value })),
    ...extra.map(({ kind, value }) => say('verify.holds-unplanned', { kind, value })),
    // Where a decoder skips damaged sound, it ends earlier.
    ...(damagedSource ? [] : moved.map(({ expected, found }) => movedComplaint(expected, found))),
  ];
}

function movedComplaint({ kind, value, startS: expectedStartS = 0, endS: expectedEndS = 0 }: Holding, found: Holding) {
  const { startS = 0, endS = 0 } = found;
  return say('verify.moved', { kind, value, startS, endS, expectedStartS, expectedEndS });
}

function playbackComplaints({ facts, startsFast, decodedFrames: decoded, decoderErrors }: Measured): Complaints {
  const { container, video } = facts;
  return [
    !/\bmp4\b/.test(container) && say('verify.container', { container }),
    !startsFast && say('verify.late-index'),
    !(decoded >= video.frames) && say('verify.undecodable', { decoded, frames: video.frames }),
    decoderErrors !== 0 && say('verify.decoder-errors', { count: decoderErrors }),
  ];
}
