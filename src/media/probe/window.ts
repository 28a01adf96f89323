import type { Window } from '../../core/media-info.ts';
import { FieldPairs, type Fields, type Packet, type Timeline, TimelineBuilder } from './packets.ts';

/** Containers that round times to milliseconds or ticks show a frame this much early: it is on time. */
export const ON_TIME_S = 0.0005;
/** A gap between two texts is a packet of its own in MP4. */
const EMPTY_TEXT_BYTES = 2;

/** What is asked of a file, on its own clock. */
export interface WindowRequest {
  /** Index of the main picture track, and those of the subtitles. */
  main: number;
  /** Which packets of the main picture are fields. */
  fields?: Fields | undefined;
  texts: ReadonlySet<number>;
  /** When the main picture begins, and its length. */
  startS: number;
  durationS: number;
  /** Absent: from the first picture, to the end. */
  fromS: number | undefined;
  toS: number | undefined;
}

/**
 * The timelines of a part of a file, from all its packets in stored order: pictures from the first at or after its beginning to the
 * last before its end; of every other track what overlaps with them.
 */
export class WindowReader {
  readonly #request: WindowRequest;
  readonly #tracks = new Map<number, TimelineBuilder>();
  readonly #pairs: FieldPairs;
  /** Whether the main picture before is in the part. */
  #isIn = false;
  #beforeS: number | undefined;
  #lastS: number | undefined;
  #nextS: number | undefined;
  #bytes = 0;
  /** Of the keyframe that its first picture is made from, where that is none: it needs one of its own. */
  #keyBytes = 0;
  #allBytes = 0;

  constructor(request: WindowRequest) {
    this.#request = request;
    this.#pairs = new FieldPairs(request.fields);
  }

  add(packet: Packet): void {
    this.#allBytes += packet.bytes;
    const timeS = packet.ptsS ?? packet.dtsS;
    const isWanted =
      packet.stream === this.#request.main ? this.#isPicture(packet, timeS) : this.#overlaps(packet, timeS);
    const isMain = packet.stream === this.#request.main;
    if (isMain && packet.key && !this.#tracks.has(packet.stream)) this.#keyBytes = isWanted ? 0 : packet.bytes;
    if (!isWanted) return;
    this.#bytes += packet.bytes;
    let track = this.#tracks.get(packet.stream);
    const fields = packet.stream === this.#request.main ? this.#request.fields : undefined;
    if (!track) this.#tracks.set(packet.stream, (track = new TimelineBuilder(fields)));
    track.add(packet);
  }

  /** `undefined` if there is no picture in the part. @param fileBytes of the whole file */
  result(fileBytes: number): { window: Window; lines: Map<number, Timeline> } | undefined {
    const { main, startS: sourceStartS, durationS: sourceDurationS } = this.#request;
    const picture = this.#tracks.get(main)?.result();
    if (!picture) return undefined;
    // How long the film's last picture stays, its headers may know better than its packets.
    const endS = this.#nextS ?? sourceStartS + sourceDurationS;
    const lines = new Map([[main, { ...picture, endS }]]);
    for (const [index, track] of this.#tracks) {
      if (index === main) continue;
      const line = track.result();
      const clipped = {
        ...line,
        startS: this.#beforeS === undefined ? line.startS : Math.max(line.startS, picture.startS),
        endS: this.#nextS === undefined ? line.endS : Math.min(line.endS, endS),
      };
      if (clipped.endS > clipped.startS) lines.set(index, clipped);
    }
    const between = (before: number | undefined, after: number | undefined) =>
      before === undefined || after === undefined ? undefined : (before + after) / 2;
    const window = {
      fromS: between(this.#beforeS, picture.startS),
      toS: between(this.#lastS, this.#nextS),
      beforeS: this.#beforeS,
      ...{ sourceStartS, sourceDurationS },
      bytes: Math.round((fileBytes * (this.#bytes + this.#keyBytes)) / Math.max(1, this.#allBytes)),
    };
    return { window, lines };
  }

  /** The second field of a frame goes with its first. */
  #isPicture(packet: Packet, timeS: number | undefined): boolean {
    if (!this.#pairs.isSecond(packet, timeS)) this.#isIn = this.#isFrame(packet, timeS);
    return this.#isIn;
  }

  #isFrame({ discarded }: Packet, timeS: number | undefined): boolean {
    const { fromS = Number.NEGATIVE_INFINITY, toS = Number.POSITIVE_INFINITY } = this.#request;
    if (timeS === undefined) return false;
    // Frames that an edit list hides before the first one matter only where that one is shown.
    if (discarded) return fromS === Number.NEGATIVE_INFINITY && timeS < toS;
    if (timeS < fromS - ON_TIME_S) this.#beforeS = Math.max(this.#beforeS ?? timeS, timeS);
    else if (timeS >= toS - ON_TIME_S) this.#nextS = Math.min(this.#nextS ?? timeS, timeS);
    else {
      this.#lastS = Math.max(this.#lastS ?? timeS, timeS);
      return true;
    }
    return false;
  }

  #overlaps({ stream, bytes, durationS = 0 }: Packet, timeS: number | undefined): boolean {
    const { texts, fromS = Number.NEGATIVE_INFINITY, toS = Number.POSITIVE_INFINITY } = this.#request;
    if (texts.has(stream) && bytes <= EMPTY_TEXT_BYTES) return false;
    return timeS !== undefined && timeS < toS && timeS + durationS > fromS;
  }
}
