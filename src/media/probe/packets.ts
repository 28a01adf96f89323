import type { Cut } from '../../core/media-info.ts';

/**
 * What the packets of a track say about its timing, gathered in one go with constant memory. The container's header is not
 * asked: a forged duration of 49 days would make the bitrate zero (encoding.md section 5).
 */
export interface Timeline {
  packets: number;
  /** Packets that are decoded but not shown; not among `packets`. */
  hidden: number;
  bytes: number;
  /** Smallest presentation time and largest end, seconds. */
  startS: number;
  endS: number;
  /** Smallest and largest distance between neighbouring frames in display order, seconds; 0 with fewer than two. */
  minGapS: number;
  maxGapS: number;
  /** Times the clock jumped back by more than a second: recordings joined without care. */
  jumpsBack: number;
  /** Places to cut, one in every half second or, in longer files, in every second, two, four, ... */
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

/** Frames are shown in another order than they are stored: H.264 allows 16 in between, codecs with hidden frames a few more. */
const REORDER_WINDOW = 32;
const FIRST_CUT_SPACING_S = 0.5;
const MAX_CUTS = 256;

interface Shown {
  time: number;
  key: boolean;
}

/** `0,0.133467,-0.033367,0.033367,4754,__` of `-show_entries packet=stream_index,pts_time,dts_time,duration_time,size,flags`. */
export function parsePacket(line: string): Packet | undefined {
  const [stream, pts, dts, duration, size, flags] = line.split(',');
  if (stream === undefined || flags === undefined || !/^\d+$/.test(stream)) return undefined;
  return packetOf(stream, pts, dts, duration, size, flags);
}

const OBJECT =
  /^ *\{ "stream_index": (\d+)(?:, "pts_time": "([^"]*)")?(?:, "dts_time": "([^"]*)")?(?:, "duration_time": "([^"]*)")?(?:, "size": "(\d+)")?, "flags": "([^"]*)"/;

/** The same of `-of json=compact=1`, a line each; what a packet carries beside itself follows on further lines. */
export function parsePacketObject(line: string): Packet | undefined {
  const found = OBJECT.exec(line);
  if (!found) return undefined;
  const [, stream = '', pts, dts, duration, size, flags = ''] = found;
  return packetOf(stream, pts, dts, duration, size, flags);
}

function packetOf(
  stream: string,
  pts: string | undefined,
  dts: string | undefined,
  duration: string | undefined,
  size: string | undefined,
  flags: string,
): Packet {
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

export function gatherTimeline(): { add(packet: Packet): void; result(): Timeline } {
  const window: Shown[] = [];
  let last: number | undefined;
  let lastEnd = 0;
  const line = { packets: 0, hidden: 0, bytes: 0, startS: 0, endS: 0, minGapS: 0, maxGapS: 0, jumpsBack: 0 };
  const cuts = gatherCuts();
  let gaps = 0;
  let shown = 0;
  let untimed = 0;

  const pass = ({ time, key }: Shown) => {
    if (last !== undefined) {
      const gap = time - last;
      if (gap > 0) cuts.offer({ atS: time, beforeS: last, frame: shown, key });
      if (gap < -1) line.jumpsBack += 1;
      // Two packets at one time are one frame (fields, hidden frames).
      if (gap > 0) {
        line.minGapS = gaps === 0 ? gap : Math.min(line.minGapS, gap);
        line.maxGapS = Math.max(line.maxGapS, gap);
        gaps += 1;
      }
    }
    last = time;
    shown += 1;
  };

  return {
    add(packet) {
      line.bytes += packet.bytes;
      if (packet.discarded) {
        line.hidden += 1;
        return;
      }
      line.packets += 1;
      // AVI has no presentation times, Matroska no decoding times.
      const time = packet.ptsS ?? packet.dtsS;
      if (time === undefined) {
        untimed += 1;
        return;
      }
      line.startS = line.packets === 1 ? time : Math.min(line.startS, time);
      if (line.packets === 1) line.endS = time;
      if (time >= lastEnd || line.packets === 1) lastEnd = time;
      line.endS = Math.max(line.endS, time + (packet.durationS ?? 0));
      insertSorted(window, { time, key: packet.key });
      const next = window.length > REORDER_WINDOW ? window.shift() : undefined;
      if (next) pass(next);
    },
    result() {
      for (const frame of window.splice(0)) pass(frame);
      // The last packet may not say how long it lasts: then as long as the others did on average.
      if (line.packets > 1 && line.endS <= lastEnd) line.endS = lastEnd + (lastEnd - line.startS) / (line.packets - 1);
      return { ...line, cuts: untimed === 0 && line.jumpsBack === 0 ? cuts.result() : [] };
    },
  };
}

/** One cut per stretch of time, a keyframe where there is one; the stretches grow so that there are never too many. */
function gatherCuts(): { offer(cut: Cut): void; result(): Cut[] } {
  let cuts: Cut[] = [];
  let spacing = FIRST_CUT_SPACING_S;
  let zero: number | undefined;

  const add = (cut: Cut) => {
    const stretch = (one: Cut) => Math.floor((one.atS - (zero ?? 0)) / spacing);
    const before = cuts.at(-1);
    if (!before || stretch(cut) > stretch(before)) cuts.push(cut);
    else if (cut.key && !before.key) cuts[cuts.length - 1] = cut;
  };
  return {
    offer(cut) {
      zero ??= cut.beforeS;
      add(cut);
      if (cuts.length <= MAX_CUTS) return;
      const all = cuts;
      cuts = [];
      spacing *= 2;
      for (const one of all) add(one);
    },
    result: () => cuts,
  };
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
