import { spawn } from 'node:child_process';
import { copyFile, stat, writeFile } from 'node:fs/promises';
import type { UploadedFile, Wish } from './world.ts';

export type RenderMode =
  /** Re-encodes the upload with the real ffmpeg, to the size and lines wished for. */
  | 'ffmpeg'
  /** Hands the upload back as it is. */
  | 'copy'
  /** A few bytes that begin like an MP4: for tests about everything but video. */
  | 'tiny';

export interface RenderJob {
  mode: RenderMode;
  file: UploadedFile | undefined;
  wish: Wish;
  path: string;
  /** Take no notice of the size wished for. */
  oversize: boolean;
  tinyBytes: number;
  codec: 'h264' | 'hevc';
}

/** Writes the result to `path`; resolves with its size. */
export async function renderTo(job: RenderJob): Promise<number> {
  if (job.mode === 'tiny' || !job.file?.path)
    await writeFile(job.path, tinyMp4(job.oversize ? (job.wish.bytes ?? 0) + 4096 : job.tinyBytes, job.path));
  else if (job.mode === 'copy') await copyFile(job.file.path, job.path);
  else await runFfmpeg(argsFor(job, job.file));
  return (await stat(job.path)).size;
}

function tinyMp4(bytes: number, salt: string): Buffer {
  const buffer = Buffer.alloc(Math.max(32, bytes), salt);
  buffer.writeUInt32BE(buffer.length, 0);
  buffer.write('ftypisom', 4, 'latin1');
  return buffer;
}

function argsFor({ wish, path, oversize, codec }: RenderJob, file: UploadedFile): string[] {
  const seconds = Math.max(0.2, file.durationS);
  const kept = oversize ? undefined : wish.bytes;
  const total = kept === undefined ? 4_000_000 : (kept * 8 * 0.85) / seconds;
  const audio = Math.min(96_000, total * 0.15);
  const video = Math.max(20_000, total - audio);
  const scale = wish.lines === undefined ? [] : ['-vf', `scale=-2:'min(${wish.lines},ih)'`];
  return [
    ...['-hide_banner', '-v', 'error', '-nostdin', '-y', '-i', `file:${file.path}`, '-map', '0:v:0', '-map', '0:a?'],
    ...scale,
    ...(codec === 'hevc'
      ? ['-c:v', 'libx265', '-tag:v', 'hvc1', '-x265-params', 'log-level=none']
      : ['-c:v', 'libx264']),
    ...['-preset', 'ultrafast', '-threads', '1', '-pix_fmt', 'yuv420p'],
    ...[
      '-b:v',
      String(Math.round(video)),
      '-maxrate',
      String(Math.round(video)),
      '-bufsize',
      String(Math.round(video)),
    ],
    ...(wish.mute ? ['-an'] : ['-c:a', 'aac', '-ac', '2', '-b:a', String(Math.max(8000, Math.round(audio)))]),
    ...['-movflags', '+faststart', '-f', 'mp4', `file:${path}`],
  ];
}

function runFfmpeg(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.on('data', chunk => {
      words = (words + String(chunk)).slice(-500);
    });
    child.on('error', reject);
    child.on('close', code => (code === 0 ? resolve() : reject(new Error(`ffmpeg: ${words}`))));
  });
}

/** Length of a file in seconds, as ffprobe says it; 0 where it cannot tell. */
export function durationOf(path: string): Promise<number> {
  return new Promise(resolve => {
    const child = spawn(
      'ffprobe',
      ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', `file:${path}`],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    let out = '';
    child.stdout.on('data', chunk => {
      out += String(chunk);
    });
    child.on('error', () => resolve(0));
    child.on('close', () => resolve(Number.parseFloat(out) || 0));
  });
}
