/** What happens to sound and subtitles. Pure. docs/encoding.md, Sound */
import type { AudioTrack, MediaFacts } from '../../../core/media-info.ts';
import type { Target } from '../../../core/target.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import {
  AAC_COPY_TOLERANCE,
  GENEROUS_PER_CHANNEL,
  MAX_AAC_RATE,
  MAX_SHARE_ALL_TRACKS,
  MAX_SHARE_ONE_TRACK,
  MIN_AAC_RATE,
  SOUND_LADDER,
  SURROUND_FROM,
  SURROUND_PER_CHANNEL,
} from '../tuning.ts';
import { soundBytes } from './budget.ts';
import { playableChannels } from './fold-down.ts';

/** What happens to one sound track. */
export interface SoundTrack {
  /** Stream index in the source. */
  index: number;
  how: 'copy' | 'aac';
  bitsPerSecond: number;
  channels: number;
  sampleRate: number;
  /** How much louder a mix of more channels becomes, dB; absent until it was measured. */
  gainDb?: number;
}

/** A track of sound or subtitles that does not get into the result; `note` says so to a person. */
export interface DroppedTrack {
  /** Stream index in the source. */
  index: number;
  note: Sentence;
}

export interface SoundPlan {
  tracks: SoundTrack[];
  /** Stream indices of the text subtitles that are kept. */
  subtitles: number[];
  /** Tracks that are left out, and why. */
  dropped: DroppedTrack[];
  /** For planning only: the budget is made from the real bytes. */
  estimateBytes: number;
  /** Something of the source could not be read. */
  damaged?: boolean;
  /** The decoder complained about the sound: what it skipped is silent, or missing at the end. */
  spoiled?: boolean;
}

const AAC_SAMPLE_RATES = new Set([8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]);
/** Their bit rate says nothing about how much there is to hear. */
const LOSSLESS = /^(pcm_|flac|alac|truehd|mlp|wavpack|ape|tta|dts)/;

/** The room that a result has. */
export interface Room {
  /** At most this many bytes in all. */
  capBytes: number;
  /** Of these, what the picture has no use for even at its best; 0 if that isn't known. */
  spareBytes: number;
}

/** Seconds of a sound track; those of the picture if it has no packets. */
export function lengthOf(
  { lengthS }: Pick<AudioTrack, 'lengthS'>,
  { durationS }: Pick<MediaFacts, 'durationS'>,
): number {
  return lengthS ?? durationS;
}

/** Sound and subtitles of an encode into `room`; without a limit, as good as the source. */
export function planSound(facts: MediaFacts, target: Target, room: Room | undefined): SoundPlan {
  const { heard, subtitles, dropped } = usableTracks(facts);
  if (target.audio.kind === 'mute') return { tracks: [], subtitles, dropped, estimateBytes: 0 };
  const longestS = Math.max(facts.durationS, ...heard.map(track => lengthOf(track, facts)));
  const total = room && (room.capBytes * 8) / longestS;
  const asked = target.audio.kind === 'bitrate' ? target.audio.bitsPerSecond : undefined;

  const planned = heard.map(track =>
    planTrack(track, {
      ...{ total, asked, spareRate: ((room?.spareBytes ?? 0) * 8) / longestS },
      // A copy can only be cut between packets.
      mayCopy: !facts.window,
    }),
  );
  const lengths = new Map(heard.map(track => [track.index, lengthOf(track, facts)]));
  const lengthS = ({ index }: SoundTrack) => lengths.get(index) ?? facts.durationS;
  const tracks = room ? keepWhatFits(planned, room, lengthS) : planned;
  for (const { index } of planned.slice(tracks.length)) {
    const track = heard.find(one => one.index === index);
    const name = [track?.title, track?.language, track?.codec].filter(Boolean).join(', ');
    dropped.push({ index, note: say('local.sound-track-no-room', { track: name }) });
  }
  const estimateBytes = tracks.reduce((sum, track) => sum + soundBytes(track, lengthS(track)), 0);
  return { tracks, subtitles, dropped, estimateBytes };
}

/** Bits per second: of the file, those asked for the sound, and those the picture has no use for. */
interface Rates {
  total: number | undefined;
  asked: number | undefined;
  spareRate: number;
}

interface Freedom extends Rates {
  mayCopy: boolean;
}

function planTrack(track: AudioTrack, { total, asked, spareRate, mayCopy }: Freedom): SoundTrack {
  const step = SOUND_LADDER.find(one => (total ?? Number.MAX_VALUE) >= one.from) ?? SOUND_LADDER.at(-1)!;
  const most = playableChannels(track);
  const hasRoom = total === undefined || total >= SURROUND_FROM || spareRate >= SURROUND_PER_CHANNEL * most;
  const surround = most > 2 && hasRoom;
  const channels = surround ? most : Math.min(track.channels || 2, step.channels);
  let bits = track.channels === 1 ? step.mono : step.stereo;
  if (surround) bits = SURROUND_PER_CHANNEL * channels;
  if (total === undefined) bits = Math.max(bits, GENEROUS_PER_CHANNEL * channels);
  if (asked !== undefined) bits = Math.min(asked, MAX_AAC_RATE * Math.max(1, channels / 2));
  const free = total === undefined && asked === undefined;
  const copy =
    mayCopy &&
    !track.isCut &&
    track.codec === 'aac' &&
    (free || (track.bitrate ?? Infinity) <= bits * AAC_COPY_TOLERANCE);
  if (!copy && track.bitrate !== undefined && !LOSSLESS.test(track.codec))
    bits = Math.min(bits, Math.max(MIN_AAC_RATE, track.bitrate));
  return {
    index: track.index,
    how: copy ? 'copy' : 'aac',
    bitsPerSecond: copy ? (track.bitrate ?? bits) : Math.round(bits),
    channels: copy ? track.channels : channels,
    sampleRate: AAC_SAMPLE_RATES.has(track.sampleRate) ? track.sampleRate : 48_000,
  };
}

/**
 * The first track always stays (smaller if necessary); the others are dropped, last first, while all together take too much: more
 * than their share, and more than the picture leaves.
 */
function keepWhatFits(
  tracks: readonly SoundTrack[],
  { capBytes, spareBytes }: Room,
  lengthS: (track: SoundTrack) => number,
): SoundTrack[] {
  const kept = [...tracks];
  const bytesOf = (track: SoundTrack) => (track.bitsPerSecond * lengthS(track)) / 8;
  const mostForAll = Math.max(capBytes * MAX_SHARE_ALL_TRACKS, spareBytes);
  while (kept.length > 1 && kept.reduce((sum, track) => sum + bytesOf(track), 0) > mostForAll) kept.pop();
  const [first] = kept;
  const mostForOne = Math.max(capBytes * MAX_SHARE_ONE_TRACK, spareBytes);
  if (first && bytesOf(first) > mostForOne) {
    const bits = Math.max(MIN_AAC_RATE, Math.round((mostForOne * 8) / lengthS(first) / 1000) * 1000);
    if (bits < first.bitsPerSecond) kept[0] = { ...first, how: 'aac', channels: 1, bitsPerSecond: bits };
  }
  return kept;
}

/**
 * The next plan when sound and subtitles could not be encoded: without the subtitles if they failed, then with copied tracks
 * encoded (a decoder skips what is damaged), and finally without sound. Each plan carries less than the one before.
 */
export function saferSound(plan: SoundPlan, failure: string): SoundPlan {
  const { tracks, subtitles } = plan;
  const copied = tracks.some(track => track.how === 'copy');
  if (subtitles.length > 0 && (/subtitle/i.test(failure) || !copied)) {
    return { ...plan, subtitles: [], dropped: alsoDropped(plan, subtitles, say('local.subtitles-not-for-mp4')) };
  }
  if (copied) {
    const encoded = tracks.map(track => ({
      ...track,
      how: 'aac' as const,
      bitsPerSecond: Math.min(track.bitsPerSecond, MAX_AAC_RATE),
    }));
    return { ...plan, tracks: encoded };
  }
  const indexes = tracks.map(({ index }) => index);
  return { ...plan, tracks: [], damaged: true, dropped: alsoDropped(plan, indexes, say('local.sound-damaged')) };
}

/** The rest of a plan that produced no sound: a stretch cut out of a recording may have sound only before its first frame. */
export function silentSound(plan: SoundPlan): SoundPlan {
  const sound = plan.tracks.map(({ index }) => index);
  const withoutSound = { ...plan, dropped: alsoDropped(plan, sound, say('local.sound-outside-picture')) };
  const dropped = alsoDropped(withoutSound, plan.subtitles, say('local.subtitles-outside-picture'));
  return { ...plan, tracks: [], subtitles: [], dropped };
}

function alsoDropped({ dropped }: SoundPlan, indexes: readonly number[], note: Sentence): DroppedTrack[] {
  return [...dropped, ...indexes.map(index => ({ index, note }))];
}

/** The tracks that can get into an MP4: sound this ffmpeg decodes, subtitles made of text; and why the others cannot. */
export function usableTracks(facts: MediaFacts): { heard: AudioTrack[]; subtitles: number[]; dropped: DroppedTrack[] } {
  const dropped: DroppedTrack[] = [];
  for (const { index, codec, isDecodable } of facts.audio)
    if (!isDecodable) dropped.push({ index, note: say('local.sound-undecodable', { codec }) });
  for (const { index, text, language, codec } of facts.subtitles) {
    const track = [language, codec].filter(Boolean).join(', ');
    if (!text) dropped.push({ index, note: say('local.bitmap-subtitles', { track }) });
  }
  const heard = facts.audio.filter(track => track.isDecodable);
  return { heard, subtitles: facts.subtitles.filter(track => track.text).map(({ index }) => index), dropped };
}

/** `AAC 96 kb/s`, `2 sound tracks, AAC 48 kb/s mono`, `no sound`. */
export function describeSound(tracks: readonly SoundTrack[]): Sentence {
  const [first] = tracks;
  if (!first) return say('local.no-sound');
  const { bitsPerSecond, channels } = first;
  const code = first.how === 'copy' ? 'local.sound-copied' : 'local.sound-aac';
  const sound = say(code, { bitsPerSecond, mono: channels === 1 ? 1 : 0 });
  return tracks.length > 1 ? say('local.sound-tracks', { count: tracks.length, sound }) : sound;
}
