/**
 * The same frame of a source and of its result, made when somebody looks. One ffmpeg at a time, short, small and hardened as
 * for every file from outside; the newest pictures are kept in memory.
 */
import { lstat, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import PQueue from 'p-queue';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { fileUrl, quiet, untrustedInput } from '../media/ffmpeg/args.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import { runChild } from '../platform/process/run-child.ts';
import type { JobDetail } from './types.ts';

type Which = 'before' | 'after';

export interface Pictures {
  /**
   * A JPEG. @throws ShrinkError `gone` where there is no such file (any more), `unavailable` when too many wait, and what a
   * child may throw.
   */
  picture(job: PictureJob, which: Which): Promise<Uint8Array<ArrayBuffer>>;
}

export type PictureJob = Pick<JobDetail, 'id' | 'source' | 'original' | 'output' | 'source_bytes' | 'output_bytes'>;

export interface PictureOptions {
  tools: Tools;
  /** Where a picture lies for the moment it is made; the system's own place for such things unless given. */
  tempDir?: string;
}

/** Large enough to see a difference, small enough for a phone: 40 to 120 kB. */
const WIDEST = 960;
const LIMIT_MS = 20_000;
const MEMORY = 4 * 2 ** 30;
const KEPT_BYTES = 16 * 2 ** 20;
const MAX_WAITING = 32;
/** The source's frame may lie this much before the result's and still be the same: less than half a frame at 120 a second. */
const SAME_FRAME_S = 0.004;

export function createPictures(options: PictureOptions): Pictures {
  const queue = new PQueue({ concurrency: 1 });
  const kept = new Kept();
  return {
    async picture(job, which) {
      const key = `${job.id} ${which} ${job.output}`;
      const known = kept.get(key);
      if (known) return known;
      const path = await placeOf(job, which);
      const result = which === 'after' ? path : await placeOf(job, 'after');
      if (queue.size >= MAX_WAITING) {
        throw new ShrinkError('unavailable', 'too many pictures are being made', { hint: 'Try again in a moment.' });
      }
      return queue.add(async () => {
        const made = kept.get(key) ?? (await frame(path, await momentOf(result, options.tools), options));
        kept.put(key, made);
        return made;
      });
    },
  };
}

/** Where the file is now. Another one in its place, or a link, is not shown. */
async function placeOf(job: PictureJob, which: Which): Promise<string> {
  const [path, bytes] =
    which === 'after' ? [job.output, job.output_bytes] : [job.original ?? job.source, job.source_bytes];
  if (path === null || path === 'deleted') throw gone(which);
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== bytes) throw gone(which);
  return path;
}

function gone(which: Which): ShrinkError {
  return new ShrinkError(
    'gone',
    which === 'after' ? 'the result is no longer there' : 'the original is no longer there',
  );
}

/** Seconds after the beginning of a frame a third into the result: beyond black beginnings, and really one of its frames. */
async function momentOf(path: string, tools: Tools): Promise<number> {
  const { format } = await ask(path, tools, ['-show_entries', 'format=duration,start_time']);
  const start = number(format?.start_time) ?? 0;
  const wanted = start + (number(format?.duration) ?? 0) / 3;
  const around = ['-select_streams', 'V:0', '-read_intervals', `${wanted.toFixed(3)}%+5`];
  const { packets = [] } = await ask(path, tools, [...around, '-show_entries', 'packet=pts_time']);
  // A seek lands on a key frame before; which frames follow it is known from the packets alone.
  const times = packets.map(packet => number(packet.pts_time) ?? Number.NaN).filter(time => time >= wanted);
  return Math.max(0, (times.length > 0 ? Math.min(...times) : wanted) - start);
}

async function frame(path: string, atS: number, options: PictureOptions): Promise<Uint8Array<ArrayBuffer>> {
  const shown = ['-select_streams', 'V:0', '-show_entries', 'stream=codec_name,pix_fmt,color_transfer,color_range'];
  const { streams: [stream = {}] = [] } = await ask(path, options.tools, shown);
  const seek = ['-ss', Math.max(0, atS - SAME_FRAME_S).toFixed(6)];
  const input = untrustedInput(path);
  if (!isReadFromItsStart(stream)) return take(stream, [...seek, ...input], options);
  try {
    return await take(stream, ['-xerror', '-err_detect', 'explode', ...seek, ...input], options);
  } catch (error) {
    if (!isShrinkError(error, 'child-failed')) throw error;
    return take(stream, [...input, ...seek], options);
  }
}

/**
 * 4:4:4 by an x264 of before 2017 is decoded in another way, and which x264 it was stands at the beginning only: after a seek
 * ffmpeg does not know and shows garbage, with errors.
 */
function isReadFromItsStart({ codec_name: codec, pix_fmt: format = '' }: ShownStream): boolean {
  return codec === 'h264' && format.includes('444');
}

async function take(
  stream: ShownStream,
  input: readonly string[],
  { tools, tempDir = tmpdir() }: PictureOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const dir = await mkdtemp(join(tempDir, 'shrinkbox-picture-'));
  try {
    const output = join(dir, 'frame.jpg');
    const filters = filtersFor(stream, tools).join(',');
    await runChild({
      command: tools.ffmpeg,
      args: [
        ...[...quiet(), '-nostdin', '-y', '-threads', '1', ...input],
        ...['-map', '0:V:0', '-frames:v', '1', '-filter:v', filters, '-map_metadata', '-1'],
        ...['-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2', '-update', '1', fileUrl(output)],
      ],
      doing: 'making a picture',
      cwd: dir,
      timeoutMs: LIMIT_MS,
      limits: { addressSpaceBytes: MEMORY, fileSizeBytes: 4 * 2 ** 20 },
      nice: 10,
    });
    return new Uint8Array(await readFile(output));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** As a player shows it: square pixels, and HDR with the curve the local engine uses, so that both sides can be compared. */
export function filtersFor(
  color: { color_transfer?: string; color_range?: string },
  tools: Pick<Tools, 'filters'>,
): string[] {
  const size = [`scale=w='trunc(iw*if(gt(sar,0),sar,1)/2)*2':h=ih`, `scale=w='min(${WIDEST},iw)':h=-2`, 'setsar=1'];
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

interface Answer {
  format?: { duration?: string; start_time?: string };
  streams?: ShownStream[];
  packets?: { pts_time?: string }[];
}

async function ask(path: string, tools: Tools, wanted: string[]): Promise<Answer> {
  const { stdout } = await runChild({
    command: tools.ffprobe,
    args: [...quiet(), ...wanted, '-of', 'json', ...untrustedInput(path)],
    doing: 'looking for a frame to show',
    timeoutMs: LIMIT_MS,
    limits: { addressSpaceBytes: MEMORY },
  });
  return JSON.parse(stdout) as Answer;
}

function number(text: string | undefined): number | undefined {
  const value = Number.parseFloat(text ?? '');
  return Number.isFinite(value) ? value : undefined;
}

/** The pictures asked for last, up to `KEPT_BYTES`. */
class Kept {
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
      if (this.#bytes <= KEPT_BYTES) return;
      this.#pictures.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
