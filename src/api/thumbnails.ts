/**
 * The same frame of a source and of its result, made on request. One ffmpeg at a time, short, small and hardened as for every
 * untrusted file; the newest pictures stay in memory.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { fileUrl, quiet, untrustedInput } from '../media/ffmpeg/args.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import { say } from '../messages/say.ts';
import { Semaphore } from '../platform/async.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { type ChildArg, type ChildInput, runChild } from '../platform/process/run-child.ts';
import type { JobDetail } from './types.ts';

type Side = 'before' | 'after';

export type PicturedJob = Pick<JobDetail, 'id' | 'source' | 'original' | 'output' | 'source_bytes' | 'output_bytes'>;

export interface ThumbnailOptions {
  tools: Tools;
  /** Opens an original or a result in its folder, never through a link. @throws ShrinkError, or an errno error */
  open(path: string): Promise<HeldFile>;
  /** Where a picture is written while it is made; by default the system's temporary folder. */
  tempDir?: string;
}

type Making = ThumbnailOptions & { signal: AbortSignal | undefined };

/** Large enough to see a difference, small enough for a phone. */
const MAX_WIDTH = 960;
const TIMEOUT_MS = 20_000;
const MAX_MEMORY = 4 * 2 ** 30;
const CACHE_BYTES = 16 * 2 ** 20;
const MAX_WAITING = 32;
/** The source's frame may be this much earlier than the result's and still be the same: less than half a frame at 120 a second. */
const SAME_FRAME_S = 0.004;

export class Thumbnails {
  readonly #options: ThumbnailOptions;
  readonly #turns = new Semaphore(1);
  readonly #cache = new PictureCache();

  constructor(options: ThumbnailOptions) {
    this.#options = options;
  }

  /**
   * A JPEG of one frame of the source (`before`) or of the result (`after`); both show the same moment. Ends when the signal
   * aborts: nobody waits for it any more.
   * @throws ShrinkError `gone` if the file is no longer there, `unavailable` if too many wait, and whatever a child may throw.
   */
  async picture(job: PicturedJob, side: Side, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const key = `${job.id} ${side} ${job.output}`;
    const cached = this.#cache.get(key);
    if (cached) return cached;
    if (this.#turns.waiting >= MAX_WAITING) {
      throw new ShrinkError('unavailable', say('api.too-many-pictures'), { hint: say('api.try-later') });
    }
    const making: Making = { ...this.#options, signal };
    return this.#turns.run(async () => {
      const made = this.#cache.get(key) ?? (await this.#make(job, side, making));
      this.#cache.put(key, made);
      return made;
    }, signal);
  }

  async #make(job: PicturedJob, side: Side, making: Making): Promise<Uint8Array<ArrayBuffer>> {
    const result = await this.#open(job, 'after');
    try {
      const pictured = side === 'after' ? result : await this.#open(job, side);
      try {
        return await frameAt(pictured, await momentOf(result, making), making);
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

function gone(side: Side): ShrinkError {
  return new ShrinkError('gone', side === 'after' ? say('api.result-gone') : say('api.original-gone'));
}

/** Seconds from the beginning to a frame a third into the result: beyond black beginnings, and really one of its frames. */
async function momentOf(file: ChildInput, making: Making): Promise<number> {
  const { format } = await probe(file, making, ['-show_entries', 'format=duration,start_time']);
  const start = number(format?.start_time) ?? 0;
  const wanted = start + (number(format?.duration) ?? 0) / 3;
  const around = ['-select_streams', 'V:0', '-read_intervals', `${wanted.toFixed(3)}%+5`];
  const { packets = [] } = await probe(file, making, [...around, '-show_entries', 'packet=pts_time']);
  // A seek lands on an earlier key frame; only the packets tell which frames follow.
  const times = packets.map(packet => number(packet.pts_time) ?? Number.NaN).filter(time => time >= wanted);
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
  { tools, tempDir = tmpdir(), signal }: Making,
): Promise<Uint8Array<ArrayBuffer>> {
  const dir = await mkdtemp(join(tempDir, 'shrinkbox-picture-'));
  try {
    const output = join(dir, 'frame.jpg');
    const filters = filtersFor(stream, tools).join(',');
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
): string[] {
  const size = [`scale=w='trunc(iw*if(gt(sar,0),sar,1)/2)*2':h=ih`, `scale=w='min(${MAX_WIDTH},iw)':h=-2`, 'setsar=1'];
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
