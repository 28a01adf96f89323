/**
 * The same frame of a source and of its result, and small pictures for lists, made on request. One ffmpeg at a time, short, small
 * and hardened as for every untrusted file; the newest pictures stay in memory.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { fileUrl, quiet, untrustedInput } from '../media/ffmpeg/args.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import { ON_TIME_S } from '../media/probe/window.ts';
import { partOf, type Trim } from '../core/trim.ts';
import { say } from '../messages/say.ts';
import { Semaphore } from '../platform/async.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { type ChildArg, type ChildInput, runChild } from '../platform/process/run-child.ts';
import type { JobDetail } from './types.ts';

type Side = 'before' | 'after';

export type PicturedJob = Pick<
  JobDetail,
  'id' | 'source' | 'original' | 'output' | 'source_bytes' | 'output_bytes' | 'part'
>;

export interface ThumbnailOptions {
  tools: Tools;
  /** Opens an original or a result in its folder, never through a link. @throws ShrinkError, or an errno error */
  open(path: string): Promise<HeldFile>;
  /** Where a picture is written while it is made; by default the system's temporary folder. */
  tempDir?: string;
}

type Making = ThumbnailOptions & { signal: AbortSignal | undefined; width: number };

/** Shares of a result at which its pictures are taken, the first one being number 1. */
const MOMENTS: readonly number[] = [1 / 10, 1 / 3, 1 / 2, 2 / 3, 9 / 10];
export const MOMENT_COUNT = MOMENTS.length;
/** A third into it: beyond black beginnings. */
const USUAL_MOMENT = 2;

/** Every pixel of HD, for who looks closely. */
const MAX_WIDTH = 1920;
/** For a row of a list, on screens with two pixels for one. */
const SMALL_WIDTH = 320;
const TIMEOUT_MS = 20_000;
const MAX_MEMORY = 4 * 2 ** 30;
const CACHE_BYTES = 16 * 2 ** 20;
const MAX_WAITING = 32;
/** Files of which there is no picture, so that a list of them does not start ffmpeg each time it is looked at. */
const MAX_UNSHOWABLE = 1000;
/** The source's frame may be this much earlier than the result's and still be the same: less than half a frame at 120 a second. */
const SAME_FRAME_S = 0.004;

export class Thumbnails {
  readonly #options: ThumbnailOptions;
  readonly #turns = new Semaphore(1);
  readonly #cache = new PictureCache();
  readonly #unshowable = new Set<string>();

  constructor(options: ThumbnailOptions) {
    this.#options = options;
  }

  /**
   * A JPEG of one frame of the source (`before`) or of the result (`after`); both show the same moment, one of MOMENTS. Ends when
   * the signal aborts: nobody waits for it any more.
   * @throws ShrinkError `gone` if the file is no longer there, `unavailable` if too many wait, and whatever a child may throw.
   */
  async picture(
    job: PicturedJob,
    { side, moment = USUAL_MOMENT }: { side: Side; moment?: number | undefined },
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const key = `${job.id} ${side} ${moment} ${job.output}`;
    return this.#cached(key, { signal, width: MAX_WIDTH }, making => this.#make(job, { side, moment }, making));
  }

  /**
   * A small JPEG of the source or of the result alone, a third into it; of a job in any state.
   * @throws ShrinkError as `picture`; `not-media` if nothing can be shown of the file.
   */
  async thumbnail(job: PicturedJob, side: Side, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const key = `${job.id} small ${side} ${side === 'after' ? job.output : job.source} ${job.source_bytes}`;
    if (this.#unshowable.has(key)) throw unshowable();
    return this.#cached(key, { signal, width: SMALL_WIDTH }, async making => {
      const file = await this.#open(job, side);
      try {
        return await frameAt(file, await momentOf(file, making), making);
      } catch (error) {
        if (!isShrinkError(error, 'child-failed')) throw error;
        if (this.#unshowable.size >= MAX_UNSHOWABLE) this.#unshowable.clear();
        this.#unshowable.add(key);
        throw unshowable();
      } finally {
        await file.close();
      }
    });
  }

  async #cached(
    key: string,
    how: Pick<Making, 'signal' | 'width'>,
    make: (making: Making) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const cached = this.#cache.get(key);
    if (cached) return cached;
    if (this.#turns.waiting >= MAX_WAITING) {
      throw new ShrinkError('unavailable', say('api.too-many-pictures'), { hint: say('api.try-later') });
    }
    return this.#turns.run(async () => {
      const made = this.#cache.get(key) ?? (await make({ ...this.#options, ...how }));
      this.#cache.put(key, made);
      return made;
    }, how.signal);
  }

  async #make(
    job: PicturedJob,
    { side, moment }: { side: Side; moment: number },
    making: Making,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const result = await this.#open(job, 'after');
    try {
      const pictured = side === 'after' ? result : await this.#open(job, side);
      try {
        const momentS = await momentOf(result, making, MOMENTS[moment - 1]);
        const partS = side === 'before' && job.part ? await beginningOf(pictured, job.part, making) : 0;
        return await frameAt(pictured, partS + momentS, making);
      } finally {
        if (pictured !== result) await pictured.close();
      }
    } finally {
      await result.close();
    }
  }

  /** A link, or a different file in its place, is not shown. */
  async #open(job: PicturedJob, side: Side): Promise<HeldFile> {
    const [path, bytes] =
      side === 'after' ? [job.output, job.output_bytes] : [job.original ?? job.source, job.source_bytes];
    if (path === null || path === 'deleted') throw gone(side);
    const file = await this.#options.open(path).catch(() => {
      throw gone(side);
    });
    if (file.pin.sizeBytes === bytes) return file;
    await file.close();
    throw gone(side);
  }
}

function unshowable(): ShrinkError {
  return new ShrinkError('not-media', say('api.no-picture'));
}

function gone(side: Side): ShrinkError {
  return new ShrinkError('gone', side === 'after' ? say('api.result-gone') : say('api.original-gone'));
}

/** Seconds from the beginning of a source to the first frame of a part of it. */
async function beginningOf(file: ChildInput, part: Trim, making: Making): Promise<number> {
  const { format } = await probe(file, making, ['-show_entries', 'format=duration,start_time']);
  const found = partOf(part, number(format?.duration) ?? 0);
  return found.kind === 'part' && found.fromS > 0
    ? frameFrom(file, found.fromS, making, number(format?.start_time))
    : 0;
}

/** Seconds from the beginning to a frame at this share of the result, and really one of its frames. */
async function momentOf(file: ChildInput, making: Making, share = MOMENTS[USUAL_MOMENT - 1] ?? 0): Promise<number> {
  const { format } = await probe(file, making, ['-show_entries', 'format=duration,start_time']);
  const start = number(format?.start_time) ?? 0;
  return frameFrom(file, (number(format?.duration) ?? 0) * share, making, start);
}

/** Seconds from the beginning to the first frame that is shown at `atS` or after. */
async function frameFrom(file: ChildInput, atS: number, making: Making, start = 0): Promise<number> {
  const wanted = start + atS;
  const around = ['-select_streams', 'V:0', '-read_intervals', `${wanted.toFixed(3)}%+5`];
  const { packets = [] } = await probe(file, making, [...around, '-show_entries', 'packet=pts_time']);
  // A seek lands on an earlier key frame; only the packets tell which frames follow.
  const times = packets.map(packet => number(packet.pts_time) ?? Number.NaN).filter(time => time >= wanted - ON_TIME_S);
  return Math.max(0, (times.length > 0 ? Math.min(...times) : wanted) - start);
}

async function frameAt(file: ChildInput, atS: number, making: Making): Promise<Uint8Array<ArrayBuffer>> {
  const entries = ['-select_streams', 'V:0', '-show_entries', 'stream=codec_name,pix_fmt,color_transfer,color_range'];
  const { streams: [stream = {}] = [] } = await probe(file, making, entries);
  const seek = ['-ss', Math.max(0, atS - SAME_FRAME_S).toFixed(6)];
  const input = untrustedInput(file);
  if (!isReadFromItsStart(stream)) return capture(stream, [...seek, ...input], making);
  try {
    return await capture(stream, ['-xerror', '-err_detect', 'explode', ...seek, ...input], making);
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
    return capture(stream, [...input, ...seek], making);
  }
}

/**
 * 4:4:4 by an x264 from before 2017 is decoded differently, and only the beginning tells which x264 it was: after a seek ffmpeg
 * does not know, and shows garbage with errors.
 */
function isReadFromItsStart({ codec_name: codec, pix_fmt: format = '' }: ShownStream): boolean {
  return codec === 'h264' && format.includes('444');
}

async function capture(
  stream: ShownStream,
  input: readonly ChildArg[],
  { tools, tempDir = tmpdir(), signal, width }: Making,
): Promise<Uint8Array<ArrayBuffer>> {
  const dir = await mkdtemp(join(tempDir, 'shrinkbox-picture-'));
  try {
    const output = join(dir, 'frame.jpg');
    const filters = filtersFor(stream, tools, width).join(',');
    await runChild({
      command: tools.ffmpeg,
      inputsBy: tools.inputsBy,
      args: [
        ...[...quiet(), '-nostdin', '-y', '-threads', '1', ...input],
        ...['-map', '0:V:0', '-frames:v', '1', '-filter:v', filters, '-map_metadata', '-1'],
        ...['-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2', '-update', '1', fileUrl(output)],
      ],
      doing: say('api.making-picture'),
      signal,
      cwd: dir,
      timeoutMs: TIMEOUT_MS,
      limits: { addressSpaceBytes: MAX_MEMORY, fileSizeBytes: 4 * 2 ** 20 },
      nice: 10,
    });
    return new Uint8Array(await readFile(output));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** As a player shows it: square pixels, and HDR with the local engine's curve, so that both sides can be compared. */
export function filtersFor(
  color: { color_transfer?: string; color_range?: string },
  tools: Pick<Tools, 'filters'>,
  maxWidth = MAX_WIDTH,
): string[] {
  const size = [`scale=w='trunc(iw*if(gt(sar,0),sar,1)/2)*2':h=ih`, `scale=w='min(${maxWidth},iw)':h=-2`, 'setsar=1'];
  const { color_transfer: transfer = '', color_range: range } = color;
  const isHdr = transfer === 'smpte2084' || transfer === 'arib-std-b67';
  if (!isHdr || !tools.filters.has('zscale') || !tools.filters.has('tonemap')) return [...size, 'format=yuvj420p'];
  return [
    ...size,
    `zscale=tin=${transfer}:pin=bt2020:min=bt2020nc:rin=${range === 'pc' ? 'full' : 'limited'}:t=linear:npl=100`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=full',
    'format=yuvj420p',
  ];
}

interface ShownStream {
  codec_name?: string;
  pix_fmt?: string;
  color_transfer?: string;
  color_range?: string;
}

interface Probed {
  format?: { duration?: string; start_time?: string };
  streams?: ShownStream[];
  packets?: { pts_time?: string }[];
}

async function probe(file: ChildInput, { tools, signal }: Making, entries: string[]): Promise<Probed> {
  const { stdout } = await runChild({
    command: tools.ffprobe,
    inputsBy: tools.inputsBy,
    args: [...quiet(), ...entries, '-of', 'json', ...untrustedInput(file)],
    doing: say('api.finding-frame'),
    signal,
    timeoutMs: TIMEOUT_MS,
    limits: { addressSpaceBytes: MAX_MEMORY },
  });
  return JSON.parse(stdout) as Probed;
}

function number(text: string | undefined): number | undefined {
  const value = Number.parseFloat(text ?? '');
  return Number.isFinite(value) ? value : undefined;
}

/** The most recently used pictures, up to `CACHE_BYTES`. */
class PictureCache {
  readonly #pictures = new Map<string, Uint8Array<ArrayBuffer>>();
  #bytes = 0;

  get(key: string): Uint8Array<ArrayBuffer> | undefined {
    const found = this.#pictures.get(key);
    if (found) {
      this.#pictures.delete(key);
      this.#pictures.set(key, found);
    }
    return found;
  }

  put(key: string, picture: Uint8Array<ArrayBuffer>): void {
    if (this.#pictures.has(key)) return;
    this.#pictures.set(key, picture);
    this.#bytes += picture.length;
    for (const [oldest, bytes] of this.#pictures) {
      if (this.#bytes <= CACHE_BYTES) return;
      this.#pictures.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
