/** How the bits are distributed. All pure; sizes in bytes, rates in bits per second. docs/encoding.md, MP4 tables */
import type { MediaFacts } from '../../../core/media-info.ts';
import {
  AAC_OVERSHOOT,
  CHAPTER_BYTES,
  CHUNK_BYTES,
  MAX_CHAPTERS,
  SHARED_TABLE_BYTES,
  TABLE_BYTES_BESIDES,
  TABLE_BYTES_PER_FRAME,
  TABLE_BYTES_PER_SECOND,
  TABLE_BYTES_PER_SOUND_FRAME,
  TABLE_BYTES_PER_SOUND_TRACK,
  TABLE_BYTES_PER_VARIABLE_FRAME,
  TAG_BYTES,
} from '../tuning.ts';

/** The estimate of the tables is that much too high anyway. docs/encoding.md, MP4 tables */
const SPARE_FOR_TAGS = 2_000;

export interface Budget {
  /** The muxed file may have at most this. */
  capBytes: number;
  /** Sound, subtitles and all tables: what is there however small the picture is. An estimate until a file was muxed. */
  fixedBytes: number;
  durationS: number;
}

/** Bytes of MP4 tables for a picture track, at most. */
export function videoTables(frames: number, durationS: number, variableFrameRate: boolean): number {
  const perFrame = variableFrameRate ? TABLE_BYTES_PER_VARIABLE_FRAME : TABLE_BYTES_PER_FRAME;
  return frames * perFrame + Math.ceil(durationS) * TABLE_BYTES_PER_SECOND + TABLE_BYTES_BESIDES;
}

/** Bytes of MP4 tables for a sound track. AAC packets hold 1024 samples. */
export function soundTables(sampleRate: number, durationS: number): number {
  return (sampleRate / 1024) * durationS * TABLE_BYTES_PER_SOUND_FRAME + TABLE_BYTES_PER_SOUND_TRACK;
}

/** Bytes an AAC track will have, with its tables. */
export function soundBytes(track: { bitsPerSecond: number; sampleRate: number }, durationS: number): number {
  return (track.bitsPerSecond * durationS * AAC_OVERSHOOT) / 8 + soundTables(track.sampleRate, durationS);
}

/**
 * Tables of the joined file, minus those of the sound's own, once a first pass has written the picture's (`pictureTables`): the
 * estimate before that is a few percent of a small clip too high.
 */
export function joinedTables(
  pictureTables: number,
  { hasSound, ...words }: Words & { durationS: number; tags: Readonly<Record<string, string>>; hasSound: boolean },
): number {
  const { durationS, tags } = words;
  const wordBytes = bytesOfWords(words) + Object.keys(tags).length * TAG_BYTES;
  return pictureTables + wordBytes + (hasSound ? Math.ceil(durationS) * CHUNK_BYTES - SHARED_TABLE_BYTES : 0);
}

/** Bytes of tags and chapters that no estimate of the tables has room for: lyrics, an embedded document, a long reading. */
export function longTags(words: Words): number {
  return Math.max(0, bytesOfWords(words) - SPARE_FOR_TAGS);
}

/** What a file says about itself: the bytes of its tags, and the number of its chapters. */
type Words = Pick<MediaFacts, 'tagBytes' | 'chapters'>;

function bytesOfWords(words: Words): number {
  return words.tagBytes + (keepsChapters(words) ? words.chapters * CHAPTER_BYTES : 0);
}

/** Whether the result gets the chapters of its source: all of them or none. */
export function keepsChapters({ chapters }: Pick<MediaFacts, 'chapters'>): boolean {
  return chapters > 0 && chapters <= MAX_CHAPTERS;
}

export function videoBytes(budget: Budget): number {
  return budget.capBytes - budget.fixedBytes;
}

/** Bits per second left for the picture. */
export function videoRate(budget: Budget): number {
  return (videoBytes(budget) * 8) / budget.durationS;
}
