import type { AudioTrack, MediaFacts } from '../../../core/media-info.ts';
import type { Target } from '../../../core/target.ts';

/** What becomes of one sound track. */
export interface SoundTrack {
  /** Stream index in the source. */
  index: number;
  how: 'copy' | 'aac';
  bitsPerSecond: number;
  channels: number;
  sampleRate: number;
}

export interface SoundPlan {
  tracks: SoundTrack[];
  /** Stream indices of the text subtitles that are kept. */
  subtitles: number[];
  /** For planning only: the budget is made from the real bytes. */
  estimateBytes: number;
  notes: string[];
  /** Something of the source could not be read. */
  damaged?: boolean;
}

/** From this many bits per second of the whole file on: so many for a stereo track (encoding.md section 6.3). */
const LADDER: readonly { from: number; stereo: number; mono: number; channels: number }[] = [
  { from: 1_600_000, stereo: 128_000, mono: 80_000, channels: 2 },
  { from: 800_000, stereo: 96_000, mono: 64_000, channels: 2 },
  { from: 450_000, stereo: 64_000, mono: 48_000, channels: 2 },
  { from: 220_000, stereo: 48_000, mono: 48_000, channels: 1 },
  { from: 0, stereo: 32_000, mono: 32_000, channels: 1 },
];
/** Surround is kept from here on; below, two channels say more per bit. */
const SURROUND_FROM = 6_000_000;
const SURROUND_PER_CHANNEL = 64_000;
/** Without a size to keep: transparent for AAC. */
const GENEROUS_PER_CHANNEL = 80_000;
/** The least AAC-LC can be listened to at. */
const MIN_BITS = 16_000;
/** Further tracks give way first, then the first one shrinks: sound may take this share of all bits. */
const MAX_SHARE_EXTRA_TRACKS = 0.3;
const MAX_SHARE_ONE_TRACK = 0.4;

const AAC_RATES = new Set([8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]);
/** Their rate says nothing about how much there is to hear. */
const LOSSLESS = /^(pcm_|flac|alac|truehd|mlp|wavpack|ape|tta|dts)/;

/** Sound and subtitles of an encode into `capBytes`, or, without it, as good as the source. Pure. */
export function planSound(facts: MediaFacts, target: Target, capBytes: number | undefined): SoundPlan {
  const notes = bitmapNotes(facts);
  const subtitles = facts.subtitles.filter(track => track.text).map(track => track.index);
  if (target.audio.kind === 'mute') return { tracks: [], subtitles, estimateBytes: 0, notes };
  const total = capBytes === undefined ? undefined : (capBytes * 8) / facts.durationS;
  const asked = target.audio.kind === 'bitrate' ? target.audio.bitsPerSecond : undefined;

  let tracks = facts.audio.map(track => planTrack(track, total, asked));
  if (total !== undefined) {
    const kept = keepWhatFits(tracks, total);
    for (const track of tracks.slice(kept.length)) {
      notes.push(`sound track dropped for want of room: ${nameOf(facts.audio.find(one => one.index === track.index))}`);
    }
    tracks = kept;
  }
  return { tracks, subtitles, estimateBytes: estimate(tracks, facts.durationS), notes };
}

function planTrack(track: AudioTrack, total: number | undefined, asked: number | undefined): SoundTrack {
  const step = LADDER.find(one => (total ?? Number.MAX_VALUE) >= one.from) ?? LADDER[LADDER.length - 1]!;
  const surround = track.channels > 2 && (total === undefined || total >= SURROUND_FROM);
  const channels = surround ? track.channels : Math.min(track.channels || 2, step.channels);
  let bits = track.channels === 1 ? step.mono : step.stereo;
  if (surround) bits = SURROUND_PER_CHANNEL * channels;
  if (total === undefined) bits = Math.max(bits, GENEROUS_PER_CHANNEL * channels);
  if (asked !== undefined) bits = Math.min(asked, 256_000 * Math.max(1, channels / 2));
  const copy =
    track.codec === 'aac' &&
    (total === undefined && asked === undefined ? true : (track.bitrate ?? Infinity) <= bits * 1.1);
  if (!copy && track.bitrate !== undefined && !LOSSLESS.test(track.codec))
    bits = Math.min(bits, Math.max(MIN_BITS, track.bitrate));
  return {
    index: track.index,
    how: copy ? 'copy' : 'aac',
    bitsPerSecond: copy ? (track.bitrate ?? bits) : Math.round(bits),
    channels: copy ? track.channels : channels,
    sampleRate: AAC_RATES.has(track.sampleRate) ? track.sampleRate : 48_000,
  };
}

/** The first track always stays (smaller if it must); the others go, last first, while all together take too much. */
function keepWhatFits(tracks: SoundTrack[], total: number): SoundTrack[] {
  const kept = [...tracks];
  while (kept.length > 1 && kept.reduce((sum, track) => sum + track.bitsPerSecond, 0) > total * MAX_SHARE_EXTRA_TRACKS)
    kept.pop();
  const [first] = kept;
  if (first && first.bitsPerSecond > total * MAX_SHARE_ONE_TRACK) {
    const bits = Math.max(MIN_BITS, Math.round((total * MAX_SHARE_ONE_TRACK) / 1000) * 1000);
    if (bits < first.bitsPerSecond) kept[0] = { ...first, how: 'aac', channels: 1, bitsPerSecond: bits };
  }
  return kept;
}

/**
 * What is tried next when sound and subtitles could not be made: without the subtitles where it was them, copied tracks encoded
 * (a decoder skips what is damaged), and in the end without sound. Pure; there is always less of it.
 */
export function saferSound(plan: SoundPlan, said: string): SoundPlan {
  const { tracks, subtitles, notes } = plan;
  const copied = tracks.some(track => track.how === 'copy');
  if (subtitles.length > 0 && (/subtitle/i.test(said) || !copied)) {
    return { ...plan, subtitles: [], notes: [...notes, 'subtitles dropped: they cannot be put into an MP4'] };
  }
  if (copied) {
    return {
      ...plan,
      tracks: tracks.map(track => ({ ...track, how: 'aac', bitsPerSecond: Math.min(track.bitsPerSecond, 256_000) })),
    };
  }
  return {
    ...plan,
    tracks: [],
    damaged: true,
    notes: [...notes, 'sound dropped: it is damaged and cannot be decoded'],
  };
}

/** What is left of a plan that no sound came of: a stretch cut out of a recording may hold sound from before its first picture only. */
export function silentSound(plan: SoundPlan): SoundPlan {
  return {
    ...plan,
    tracks: [],
    subtitles: [],
    notes:
      plan.tracks.length > 0 ? [...plan.notes, 'sound dropped: there is none while the picture lasts'] : plan.notes,
  };
}

/** Packets, 4 bytes of table per packet of 1024 samples, and the track's own header. */
function estimate(tracks: readonly SoundTrack[], durationS: number): number {
  return tracks.reduce((sum, track) => {
    return sum + (track.bitsPerSecond * durationS * 1.005) / 8 + (track.sampleRate / 1024) * durationS * 4 + 1_000;
  }, 0);
}

function bitmapNotes(facts: MediaFacts): string[] {
  return facts.subtitles
    .filter(track => !track.text)
    .map(
      track =>
        `subtitles dropped, they are pictures, which MP4 cannot carry: ${[track.language, track.codec].filter(Boolean).join(', ')}`,
    );
}

function nameOf(track: AudioTrack | undefined): string {
  return [track?.title, track?.language, track?.codec].filter(Boolean).join(', ') || 'unnamed';
}

/** `AAC 96 kb/s`, `2 tracks, AAC 48 kb/s mono`, `no sound`. */
export function describeSound(tracks: readonly SoundTrack[]): string {
  const [first] = tracks;
  if (!first) return 'no sound';
  const rate = `${Math.round(first.bitsPerSecond / 1000)} kb/s${first.channels === 1 ? ' mono' : ''}`;
  const what = first.how === 'copy' ? `sound untouched (${rate})` : `sound AAC ${rate}`;
  return tracks.length > 1 ? `${tracks.length} sound tracks, the first: ${what}` : what;
}
