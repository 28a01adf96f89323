/** A picture whose size, or shape of pixels, changes on the way: which sizes it has, and the one that all are fitted into. Pure. */
import type { Timeline } from './packets.ts';
import { type ProbeStream, stretch } from './streams.ts';

export interface Shapes {
  /** How often it changes. */
  changes: number;
  /** As shown with square pixels, not turned. */
  width: number;
  height: number;
  /** Of each shape, in the order they appear: `640x360`. */
  sizes: string[];
}

/** Codecs whose pictures may change, in containers that do not mind. */
const CHANGING = new Set(['h264', 'hevc', 'mpeg2video', 'mpeg1video', 'vp8', 'vp9', 'av1']);
const OPEN_CONTAINERS = /\b(mpegts|mpeg|mpegvideo|matroska|webm|flv|live_flv|wtv|nut)\b/;
/** The names under which MP4 has one size for all of a track, as cameras write it. */
const ONE_SIZE = /^(avc1|hvc1|mp4v)$/;

/**
 * Whether a film has to be looked through for changes. ffmpeg writes `avc1` over whatever it copies out of a stream; a camera's file
 * is not read again.
 */
export function mayChangeShape(
  stream: ProbeStream,
  format: { format_name?: string; tags?: Record<string, string> } = {},
): boolean {
  if (!CHANGING.has(stream.codec_name ?? '')) return false;
  const { format_name: container = '', tags = {} } = format;
  if (OPEN_CONTAINERS.test(container)) return true;
  const isCopied = tags['encoder']?.startsWith('Lav') === true;
  return /\bmp4\b/.test(container) && (isCopied || !ONE_SIZE.test(stream.codec_tag_string ?? ''));
}

/** These decode every frame, whatever is asked of them: a film of more pixels than these is looked at in its keyframes. */
const DECODES_ALL = new Set(['vp9', 'av1']);
const MAX_PIXELS_DECODED = 2e9;

/** What ffprobe has to do to show every shape: decode the keyframes, which alone may bring another one into most codecs. */
export function shapesArgs(stream: ProbeStream, line: Pick<Timeline, 'packets' | 'cuts'> | undefined): string[] {
  const { codec_name: codec = '', width = 0, height = 0, index } = stream;
  const { packets = 0, cuts = [] } = line ?? {};
  const isLong = DECODES_ALL.has(codec) && width * height * packets > MAX_PIXELS_DECODED;
  const keys = cuts.filter(({ key }) => key).map(({ atS }) => `${atS.toFixed(6)}%+#1`);
  return [
    ...['-select_streams', String(index), '-skip_frame', 'nokey', '-skip_loop_filter', 'all'],
    ...(isLong ? ['-read_intervals', ['%+#1', ...keys].join(',')] : []),
    ...[
      '-show_entries',
      'frame=best_effort_timestamp_time,width,height,sample_aspect_ratio,interlaced_frame',
      '-of',
      'compact',
    ],
  ];
}

/** More shapes than these are named by the last of them. */
const MAX_SHAPES = 20;
/** Shapes whose sides differ by less are alike: rounding, or a codec's blocks. */
const ALIKE = 0.02;

/** A later shape has to be shown so many times as long as one before it: of two halves, the first decides. */
const CLEARLY = 1.1;

interface Shape {
  width: number;
  height: number;
  seconds: number;
}

/** Gathers the shapes of a film, and which of its frames have fields, from ffprobe's lines. */
export class ShapeReader {
  readonly #shapes = new Map<string, Shape>();
  #changes = 0;
  #last: Shape | undefined;
  #lastS: number | undefined;
  #frames = 0;
  #interlaced = 0;

  /** Of the frames seen, how many say that they are interlaced. */
  get interlacedShare(): number {
    return this.#interlaced / Math.max(1, this.#frames);
  }

  add(line: string): void {
    const of = (name: string) => new RegExp(`\\b${name}=([\\d.:-]+)`).exec(line)?.[1];
    const [height, time] = [Number(of('height')), Number(of('best_effort_timestamp_time'))];
    const width = Math.round(Number(of('width')) * stretch({ sample_aspect_ratio: of('sample_aspect_ratio') }));
    if (!(width > 0 && height > 0)) return;
    this.#frames += 1;
    if (of('interlaced_frame') === '1') this.#interlaced += 1;
    this.#until(time);
    const name = `${width}x${height}`;
    let shape = this.#shapes.get(name);
    if (!shape) {
      shape = { width, height, seconds: 0 };
      if (this.#shapes.size < MAX_SHAPES) this.#shapes.set(name, shape);
    }
    if (this.#last && this.#last !== shape) this.#changes += 1;
    this.#last = shape;
  }

  /** `undefined` for a film that keeps its shape. `endS`: where it ends, on the clock of its frames. */
  result(endS: number): Shapes | undefined {
    this.#until(endS);
    if (this.#changes === 0) return undefined;
    const shapes = [...this.#shapes.values()];
    const longest = shapes.reduce((best, shape) => (shape.seconds > best.seconds * CLEARLY ? shape : best));
    const aspect = longest.width / longest.height;
    // A stream that began small because the line was slow is shown as large as it became.
    const { width, height } = shapes
      .filter(shape => Math.abs(shape.width / shape.height / aspect - 1) < ALIKE)
      .reduce((best, shape) => (shape.width > best.width ? shape : best), longest);
    return { changes: this.#changes, width, height, sizes: [...this.#shapes.keys()] };
  }

  #until(time: number): void {
    if (!Number.isFinite(time)) return;
    if (this.#last && this.#lastS !== undefined) this.#last.seconds += Math.max(0, time - this.#lastS);
    this.#lastS = time;
  }
}
