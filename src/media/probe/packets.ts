import type { Cut } from '../../core/media-info.ts';
import type { TrackLength } from '../mp4-boxes.ts';

/**
 * What the packets of a track tell about its timing, gathered in one pass with constant memory. The container's header is
 * not trusted, it may be forged. docs/encoding.md, Untrusted input
 */
export interface Timeline {
  /** Where two fields are a packet each, the frame they make counts as one. */
  packets: number;
  /** Those among them that do not say when they are shown. */
  untimed: number;
  /** Packets that are decoded but not shown; not counted in `packets`. */
  hidden: number;
  /** Some of those are between shown ones, where an edit list joins parts of it; or its packets are not in the order of their times. */
  isCut: boolean;
  /** Its packets claim to last several times as long as it does: nothing they say of the last one can be true. */
  overlaps: boolean;
  bytes: number;
  /** Smallest and largest presentation time, and largest end, seconds. */
  startS: number;
  lastS: number;
  endS: number;
  /** Smallest and largest distance between neighbouring frames in display order, seconds; 0 with fewer than two. */
  minGapS: number;
  maxGapS: number;
  /** How often the clock jumped back by more than a second, as in carelessly joined recordings. */
  jumpsBack: number;
  /** How long it runs from frame to frame, seconds: with its sections in a row, without pauses that nobody filmed. */
  runsS: number;
  /** Places to cut, one every half second or, in longer files, every second, two, four, ... */
  cuts: Cut[];
}

export interface Packet {
  stream: number;
  ptsS: number | undefined;
  dtsS: number | undefined;
  durationS: number | undefined;
  bytes: number;
  /** Decoded but not shown (before the start of an edit list). */
  discarded: boolean;
  key: boolean;
}

/** Frames are shown in another order than stored: H.264 allows 16 in between, codecs with hidden frames a few more. */
const REORDER_WINDOW = 32;
/** Rounding of a movie's clock, which may tick once per millisecond. */
const ROUNDING_S = 0.002;
/** Hidden frames, and fields that nobody knows to be some, may double what packets claim to last; that it is far more is nonsense. */
const OVERLAP = 4;
const JUMP_S = 1;
/** ffmpeg closes longer pauses of a transport stream. */
const MAX_PAUSE_S = 10;
const FIRST_CUT_SPACING_S = 0.5;
const MAX_CUTS = 256;

interface Shown {
  time: number;
  key: boolean;
}

/** `0,0.133467,-0.033367,0.033367,4754,__` of `-show_entries packet=stream_index,pts_time,dts_time,duration_time,size,flags`. */
export function parsePacket(line: string): Packet | undefined {
  const fields = line.split(',');
  return fields.length < 6 || !/^\d+$/.test(fields[0] ?? '') ? undefined : packetOf(fields);
}

const OBJECT =
  /^ *\{ "stream_index": (\d+)(?:, "pts_time": "([^"]*)")?(?:, "dts_time": "([^"]*)")?(?:, "duration_time": "([^"]*)")?(?:, "size": "(\d+)")?, "flags": "([^"]*)"/;

/** The same from `-of json=compact=1`, one per line; a packet's side data follows on further lines. */
export function parsePacketObject(line: string): Packet | undefined {
  const found = OBJECT.exec(line);
  return found ? packetOf(found.slice(1)) : undefined;
}

/** From stream, presentation time, decoding time, duration, size and flags. */
function packetOf([stream, pts, dts, duration, size, flags = '']: readonly (string | undefined)[]): Packet {
  return {
    stream: Number(stream),
    ptsS: seconds(pts),
    dtsS: seconds(dts),
    durationS: seconds(duration),
    bytes: Number(size) || 0,
    discarded: flags.includes('D'),
    key: flags.includes('K'),
  };
}

/** Packets of any file; a larger one may have one in every two bytes. The smallest real ones take about four with their tables. */
const MIN_PACKETS = 10_000;
const PACKETS_PER_BYTE = 0.5;
/** Bytes of media in any file; edit lists may show the same part again and again, so a larger one may have several times its size. */
const MIN_MEDIA_BYTES = 16_000_000;
const MEDIA_PER_BYTE = 8;

/** The most packets a file of that many bytes can hold, whatever its tables claim. */
export function maxPackets(fileBytes: number): number {
  return MIN_PACKETS + PACKETS_PER_BYTE * fileBytes;
}

/**
 * Which packets of a track are fields, two of which make a frame: `all`, or those much shorter than a frame, whose length it is in
 * seconds. H.264 may change between both ways from picture to picture.
 */
export type Fields = 'all' | number;

/** A packet that lasts less than this share of a frame is a field, and so far from the first field the second one may be. */
const FIELD_SHARE = 0.75;

/** Whether something that lasts so long may be a field, where a frame lasts `frameS`. */
export function isShortPacket(lengthS: number, frameS: number): boolean {
  return lengthS > 0 && lengthS < frameS * FIELD_SHARE;
}

/** The timelines of all tracks of a file, from its packets in stored order. */
export class TimelineReader {
  readonly #tracks = new Map<number, TimelineBuilder>();
  readonly #fields: ReadonlyMap<number, Fields>;
  #packets = 0;
  #bytes = 0;

  /** `fields`: by track, for those that may have fields as packets. */
  constructor(fields: ReadonlyMap<number, Fields> = new Map()) {
    this.#fields = fields;
  }

  /** Whether there are more packets, or more bytes in them, than a file of that many bytes can hold. */
  exceeds(fileBytes: number): boolean {
    return this.#packets > maxPackets(fileBytes) || this.#bytes > MIN_MEDIA_BYTES + MEDIA_PER_BYTE * fileBytes;
  }

  add(packet: Packet | undefined): void {
    if (!packet) return;
    this.#packets += 1;
    this.#bytes += packet.bytes;
    let track = this.#tracks.get(packet.stream);
    if (!track) this.#tracks.set(packet.stream, (track = new TimelineBuilder(this.#fields.get(packet.stream))));
    track.add(packet);
  }

  /** One for every track that has packets. */
  result(): Map<number, Timeline> {
    return new Map([...this.#tracks].map(([index, track]) => [index, track.result()]));
  }
}

/** Finds the second fields among the packets of a track, in stored order. */
export class FieldPairs {
  readonly #fields: Fields | undefined;
  /** The field before, if it is the first of its frame. */
  #firstField: { time: number | undefined } | undefined;

  constructor(fields: Fields | undefined) {
    this.#fields = fields;
  }

  /** Whether the packet before it is the other field of the same frame: in stored order, both are neighbours. */
  isSecond({ durationS = 0 }: Packet, time: number | undefined): boolean {
    const fields = this.#fields;
    const first = this.#firstField;
    this.#firstField = undefined;
    if (fields === undefined) return false;
    const isField = fields === 'all' || isShortPacket(durationS, fields);
    if (!isField) return false;
    const apart = time === undefined || first?.time === undefined ? 0 : Math.abs(time - first.time);
    if (first && (fields === 'all' || apart < fields * FIELD_SHARE)) return true;
    this.#firstField = { time };
    return false;
  }
}

/** The timeline of a track without packets. */
export const NO_PACKETS: Readonly<Timeline> = {
  packets: 0,
  untimed: 0,
  hidden: 0,
  isCut: false,
  overlaps: false,
  bytes: 0,
  startS: 0,
  lastS: 0,
  endS: 0,
  minGapS: 0,
  maxGapS: 0,
  jumpsBack: 0,
  runsS: 0,
  cuts: [],
};

/** The timeline of one track. */
export class TimelineBuilder {
  readonly #line = { ...NO_PACKETS };
  readonly #cuts = new CutPicker();
  /** Frames that may still be preceded by one stored later. */
  readonly #window: Shown[] = [];
  #lastS: number | undefined;
  #gaps = 0;
  #shown = 0;
  #isPaused = false;
  #storedS: number | undefined;
  #claimedS = 0;
  #longestS = 0;
  readonly #pairs: FieldPairs;

  constructor(fields?: Fields) {
    this.#pairs = new FieldPairs(fields);
  }

  add(packet: Packet): void {
    const line = this.#line;
    line.bytes += packet.bytes;
    // AVI has no presentation times, Matroska no decoding times.
    const time = packet.ptsS ?? packet.dtsS;
    if (this.#pairs.isSecond(packet, time)) {
      if (!packet.discarded && time !== undefined) line.endS = Math.max(line.endS, time + (packet.durationS ?? 0));
      return;
    }
    if (packet.discarded) {
      line.hidden += 1;
      this.#isPaused = line.packets > 0;
      return;
    }
    const backS = this.#goesBackBy(packet);
    line.isCut ||= this.#isPaused || backS > ROUNDING_S;
    // What is stored behind a joint is not shown among the frames before it, however few those are.
    if (backS > JUMP_S) for (const frame of this.#window.splice(0)) this.#show(frame);
    line.packets += 1;
    this.#claimedS += packet.durationS ?? 0;
    this.#longestS = Math.max(this.#longestS, packet.durationS ?? 0);
    if (time === undefined) {
      line.untimed += 1;
      return;
    }
    const isFirst = line.packets - line.untimed === 1;
    line.startS = isFirst ? time : Math.min(line.startS, time);
    if (isFirst) line.endS = time;
    line.lastS = isFirst ? time : Math.max(line.lastS, time);
    line.endS = Math.max(line.endS, time + (packet.durationS ?? 0));
    insertSorted(this.#window, { time, key: packet.key });
    const next = this.#window.length > REORDER_WINDOW ? this.#window.shift() : undefined;
    if (next) this.#show(next);
  }

  result(): Timeline {
    const line = this.#line;
    for (const frame of this.#window.splice(0)) this.#show(frame);
    // The last packet may not say how long it lasts: then it counts as long as the others on average.
    if (line.packets > 1 && line.endS <= line.lastS)
      line.endS = line.lastS + (line.lastS - line.startS) / (line.packets - 1);
    const shownS = line.lastS - line.startS;
    // Without the longest: the last one may well stay.
    line.overlaps = shownS > 0 && this.#claimedS - this.#longestS > OVERLAP * shownS;
    return { ...line, cuts: line.untimed === 0 && line.jumpsBack === 0 ? this.#cuts.result() : [] };
  }

  /** Seconds; decoding times of one film only ever grow. */
  #goesBackBy({ dtsS }: Packet): number {
    const before = this.#storedS;
    this.#storedS = dtsS ?? before;
    return before === undefined || dtsS === undefined ? 0 : before - dtsS;
  }

  #show({ time, key }: Shown): void {
    const line = this.#line;
    if (this.#lastS !== undefined) {
      const gap = time - this.#lastS;
      if (gap < -JUMP_S) line.jumpsBack += 1;
      if (gap > 0 && gap <= MAX_PAUSE_S) line.runsS += gap;
      // Two packets at one time are one frame (fields, hidden frames).
      if (gap > 0) {
        this.#cuts.offer({ atS: time, beforeS: this.#lastS, frame: this.#shown, key });
        line.minGapS = this.#gaps === 0 ? gap : Math.min(line.minGapS, gap);
        line.maxGapS = Math.max(line.maxGapS, gap);
        this.#gaps += 1;
      }
    }
    this.#lastS = time;
    this.#shown += 1;
  }
}

/** One cut per stretch of time, at a keyframe if there is one; the stretches grow so that there are never too many. */
class CutPicker {
  #cuts: Cut[] = [];
  #spacingS = FIRST_CUT_SPACING_S;
  #zeroS: number | undefined;

  offer(cut: Cut): void {
    this.#zeroS ??= cut.beforeS;
    this.#add(cut);
    if (this.#cuts.length <= MAX_CUTS) return;
    const all = this.#cuts;
    this.#cuts = [];
    this.#spacingS *= 2;
    for (const one of all) this.#add(one);
  }

  result(): Cut[] {
    return this.#cuts;
  }

  #add(cut: Cut): void {
    const stretch = (one: Cut) => Math.floor((one.atS - (this.#zeroS ?? 0)) / this.#spacingS);
    const before = this.#cuts.at(-1);
    if (!before || stretch(cut) > stretch(before)) this.#cuts.push(cut);
    else if (cut.key && !before.key) this.#cuts[this.#cuts.length - 1] = cut;
  }
}

/**
 * The end of a picture whose packets all claim to last far longer than they do (a forged frame rate beside the codec's own): the last
 * one counts as long as the others on average.
 */
export function endByGaps(line: Timeline): Timeline {
  const { overlaps, lastS, startS, packets } = line;
  return overlaps ? { ...line, endS: lastS + (lastS - startS) / (packets - 1) } : line;
}

/**
 * The end of a picture by the headers of an MP4, as far as both agree: where frames are stored in another order than shown, packets
 * do not say how long the last one stays, or ffprobe guesses from the frame rate.
 */
export function endByHeaders(line: Timeline, length: TrackLength | undefined): Timeline {
  const endS = length ? Math.min(length.endS, line.startS + length.mediaS) : 0;
  const isNews = Math.abs(endS - line.endS) > ROUNDING_S && endS > line.lastS + ROUNDING_S;
  return isNews ? { ...line, endS } : line;
}

function insertSorted(window: Shown[], frame: Shown): void {
  let at = window.length;
  while (at > 0 && (window[at - 1]?.time ?? 0) > frame.time) at -= 1;
  window.splice(at, 0, frame);
}

function seconds(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || text === '' || text === 'N/A' || !Number.isFinite(value) ? undefined : value;
}
