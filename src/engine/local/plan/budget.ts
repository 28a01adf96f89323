/** How many bits go where. All pure; sizes in bytes, rates in bits per second. */

export interface Budget {
  /** The muxed file may have at most this. */
  capBytes: number;
  /** Sound, subtitles and all tables: what is there whatever the picture takes. An estimate until a file was muxed. */
  fixedBytes: number;
  durationS: number;
}

/** Below this no encoder makes a picture of anything. */
export const MIN_VIDEO_RATE = 10_000;

/** Bytes of MP4 tables for a picture track: 12 per frame, 8 more where frames differ in length, 16 per chunk of a second. */
export function videoTables(frames: number, durationS: number, variableFrameRate: boolean): number {
  return frames * (variableFrameRate ? 20 : 12) + Math.ceil(durationS) * 32 + 2_000;
}

/** Of the sound's file, tables that the joined one has only once; and of its picture, a chunk a second between those of the sound. */
const SHARED_TABLES = 350;
const CHUNK_BYTES = 16;
/** Of a box for a title or the like, without its text. */
const TAG_BYTES = 24;

/**
 * Tables of the joined file, less those of the sound's own, once a first pass has written the picture's (`pictureTables`). The
 * estimate of `videoTables` is up to 2 kB above that, 3 % of a clip of 50 kB; this is within 100 bytes.
 */
export function joinedTables(
  pictureTables: number,
  { durationS, tags, hasSound }: { durationS: number; tags: Readonly<Record<string, string>>; hasSound: boolean },
): number {
  const words = Object.entries(tags).reduce((sum, [key, value]) => sum + key.length + value.length + TAG_BYTES, 0);
  return pictureTables + words + (hasSound ? Math.ceil(durationS) * CHUNK_BYTES - SHARED_TABLES : 0);
}

export function videoBytes(budget: Budget): number {
  return budget.capBytes - budget.fixedBytes;
}

/** Bits per second left for the picture. */
export function videoRate(budget: Budget): number {
  return (videoBytes(budget) * 8) / budget.durationS;
}

/** `604 kb/s`, `1.21 Mb/s`. */
export function formatRate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(2)} Mb/s` : `${Math.round(bitsPerSecond / 1000)} kb/s`;
}
