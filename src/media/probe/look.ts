/** What only decoded frames show: whether they consist of fields, how many packets make one, and whether their shape changes. Pure. */
import type { ChildArg, ChildInput } from '../../platform/process/run-child.ts';
import { quiet, untrustedInput } from '../ffmpeg/args.ts';
import { type Fields, isShortPacket, type Timeline } from './packets.ts';
import type { Shapes } from './shapes.ts';
import { isInterlaced, type ProbeStream } from './streams.ts';

export interface Look {
  interlaced: boolean;
  /** The field that comes first, where frames have fields and do not say so: a deinterlacer goes by what they say. */
  unsaidFields?: 'tff' | 'bff';
  /** Its pixels could be transparent, and none is. */
  isOpaque?: boolean;
  /** Absent if the picture keeps its shape. */
  shapes?: Shapes;
}

/** And how its packets make frames. */
export interface Opening extends Look {
  fields?: Fields;
}

/** What the container says, for a track nobody has to look into. */
export const lookByContainer = (stream: ProbeStream): Look => ({ interlaced: isInterlaced(stream) });

/** Codecs whose frames say whether they are interlaced, each for itself. */
const SAY_FIELDS = new Set(['h264', 'mpeg2video', 'mpeg1video', 'mpeg4', 'vc1', 'wmv3', 'prores', 'dnxhd', 'cavs']);
/** And those that say nothing, or always the same (`dvvideo`: interlaced). */
const NEVER_SAY = new Set([
  ...['dvvideo', 'mjpeg', 'ffv1', 'huffyuv', 'ffvhuff', 'utvideo', 'magicyuv', 'lagarith', 'rawvideo', 'v210'],
]);

/** Whether its first frames have to be decoded: fields may be packets, or the container does not say. */
export function mustSeeFrames(stream: ProbeStream): boolean {
  const { codec_name: codec = '', field_order: order = 'unknown' } = stream;
  return codec === 'h264' ? order !== 'progressive' : SAY_FIELDS.has(codec) && order === 'unknown';
}

/** Whether the picture itself has to show if it is interlaced. */
export function mustDetectFields(stream: ProbeStream): boolean {
  const { codec_name: codec = '', field_order: order } = stream;
  const mayBe = NEVER_SAY.has(codec) && order !== 'progressive';
  return mayBe || (isInterlaced(stream) && !SAY_FIELDS.has(codec));
}

/** Packets that are decoded to see their frames: a second or two. */
export const OPENING_PACKETS = 64;
/** Entries of `-of compact` for the packets and frames of the opening. */
export const OPENING_ENTRIES =
  'packet=pts_time,dts_time,duration_time:frame=best_effort_timestamp_time,interlaced_frame';

/** Fewer interlaced frames than this share are stray ones. */
const INTERLACED_SHARE = 0.1;
/** How far from two the ratio of both may be: clocks of milliseconds round. */
const HALVED = 0.2;

/** What the opening of a track shows. `lines`: ffprobe's, of OPENING_ENTRIES. */
export function openingLook(lines: readonly string[], stream: ProbeStream): Opening {
  const packets = lines.filter(line => line.startsWith('packet|'));
  const frames = lines.filter(line => line.startsWith('frame|'));
  const interlaced = frames.filter(line => line.includes('interlaced_frame=1'));
  const is = isInterlaced(stream) || interlaced.length > frames.length * INTERLACED_SHARE;
  if (!is || stream.codec_name !== 'h264') return { interlaced: is };
  const frameS = frameLength(times(frames, 'best_effort_timestamp_time'));
  if (frameS === undefined) return { interlaced: true };
  const [first = 0, ...more] = times(packets, '[pd]ts_time');
  const packetS = ((more.at(-1) ?? first) - first) / Math.max(1, packets.length - 1);
  const lengths = times(packets, 'duration_time');
  const areShort = lengths.filter(length => isShortPacket(length, frameS)).length > packets.length / 2;
  // Twice as many as there is room for, and they do not say that they are short: a muxer that knows no fields wrote them.
  const isEach = isShortPacket(packetS, frameS) && !areShort;
  return { interlaced: true, fields: isEach ? 'all' : frameS };
}

/**
 * The opening of a film whose later frames were looked at too: a broadcast may change from whole pictures to fields. A deinterlacer
 * leaves whole ones alone.
 */
export function laterLook(opening: Opening, interlacedShare: number, stream: ProbeStream, line: Timeline): Opening {
  const { codec_name: codec = '' } = stream;
  if (opening.interlaced || !SAY_FIELDS.has(codec) || interlacedShare <= INTERLACED_SHARE) return opening;
  // Where some frames are a packet and others two, one distance is half the other.
  const isHalved = codec === 'h264' && Math.abs(line.maxGapS / line.minGapS - 2) < HALVED;
  return { ...opening, interlaced: true, ...(isHalved && { fields: line.maxGapS }) };
}

/** The first number of that name in each line, in order. */
function times(lines: readonly string[], name: string): number[] {
  const pattern = new RegExp(`\\b${name}=(-?[\\d.]+)`);
  return lines
    .flatMap(line => pattern.exec(line)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Seconds from one frame to the next: the median. */
function frameLength(shown: readonly number[]): number | undefined {
  const gaps = shown.slice(1).map((time, at) => time - (shown[at] ?? 0));
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] || undefined;
}

/** Whether a timeline read without regard to fields has packets close enough together to be some. */
export function mayHoldFields({ minGapS }: Pick<Timeline, 'minGapS'>, fields: Fields): boolean {
  return fields === 'all' || isShortPacket(minGapS, fields);
}

/** GIF has room for transparency whether it has any or not, and its decoder says nothing else. */
export function mustSeeAlpha({ codec_name: codec }: ProbeStream): boolean {
  return codec === 'gif';
}

const DARKEST = 'lavfi.signalstats.YMIN';
/** An animation that is opaque for so many pictures stays so. */
const ALPHA_FRAMES = 300;

/** ffmpeg prints how transparent the most transparent pixel of each picture is. */
export function alphaArgs(input: ChildInput, index: number): ChildArg[] {
  return [
    ...['-nostdin', ...quiet(), ...untrustedInput(input), '-map', `0:${index}`, '-frames:v', String(ALPHA_FRAMES)],
    ...['-vf', `alphaextract,signalstats,metadata=mode=print:key=${DARKEST}:file=-:direct=1`, '-f', 'null', '-'],
  ];
}

/** Whether a line of what alphaArgs prints is about a picture that can be seen through. */
export function showsAlpha(line: string): boolean {
  return line.startsWith(`${DARKEST}=`) && Number(line.slice(DARKEST.length + 1)) < 255;
}

/** Where the film is looked at for fields, as shares of its length, and for how long: a tape may begin with a still. */
const DETECTED_AT = [0, 0.25, 0.5, 0.75];
const DETECTED_S = 2;

/** ffmpeg prints what `idet` finds in some places of a track that lasts `lengthS`. */
export function detectArgs(input: ChildInput, { index, lengthS }: { index: number; lengthS: number }): ChildArg[] {
  const places = lengthS > DETECTED_S * DETECTED_AT.length ? DETECTED_AT.map(part => lengthS * part) : [0];
  const perPlace = places.length > 1 ? DETECTED_S : lengthS + 1;
  const print = `idet,metadata=mode=print:key=${DETECTED}:file=-:direct=1`;
  return [
    '-nostdin',
    ...quiet(),
    ...places.flatMap(at => ['-ss', at.toFixed(3), '-t', perPlace.toFixed(3), ...untrustedInput(input)]),
    ...['-filter_complex', places.map((_, at) => `[${at}:${index}]${print}[o${at}]`).join(';')],
    ...places.flatMap((_, at) => ['-map', `[o${at}]`]),
    ...['-f', 'null', '-'],
  ];
}

const DETECTED = 'lavfi.idet.multiple.current_frame';

/** What `idet` found, of frames that have an answer. */
export interface Detected {
  tff: number;
  bff: number;
  progressive: number;
}

/** Adds a line of what detectArgs prints. */
export function countDetected(found: Detected, line: string): void {
  const answer = line.startsWith(`${DETECTED}=`) ? line.slice(DETECTED.length + 1) : '';
  if (answer === 'tff' || answer === 'bff' || answer === 'progressive') found[answer] += 1;
}

/** What is called interlaced is, if this share of it is seen to be: a tape has quiet stretches. */
const SEEN_SHARE = 0.1;
/** DV up to this height begins with the bottom field; the other order is mere detail of a whole picture. */
const MAX_SD_HEIGHT = 576;

/** What the picture itself shows. */
export function detectedLook({ tff, bff, progressive }: Detected, stream: ProbeStream): Look {
  if (stream.codec_name === 'dvvideo') {
    // Whatever it holds, DV is called interlaced. Without any answer (a still, a black screen), that is believed.
    const fields = (stream.height ?? 0) <= MAX_SD_HEIGHT ? bff : Math.max(tff, bff);
    const all = tff + bff + progressive;
    return { interlaced: all === 0 || fields > all * SEEN_SHARE };
  }
  const most = Math.max(tff, bff);
  const interlaced = most > progressive * (isInterlaced(stream) ? SEEN_SHARE : 1);
  return interlaced ? { interlaced, unsaidFields: tff >= bff ? 'tff' : 'bff' } : { interlaced };
}
