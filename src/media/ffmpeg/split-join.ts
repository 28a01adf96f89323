/** Cutting a file into parts and joining parts into a file, both without re-encoding a frame. */
import { chmod, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InputFile } from '../../platform/files/files.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { ShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import { untrustedInput } from './args.ts';
import { type FfmpegRequest, runFfmpeg } from './run.ts';

export type PartsRequest = Pick<FfmpegRequest, 'tools' | 'signal' | 'gate'> & {
  /** Absolute; exists, private to this work. */
  dir: string;
  onProgress?(fraction: number): void;
};

/** Keyframes are seconds apart: a first guess can leave a part too large, and then shorter parts are tried. */
const MAX_TRIES = 6;

/**
 * Cuts `source` at keyframes into MP4 files of at most `maxBytes` each, in order.
 * @param durationS of the source, by its packets
 * @throws ShrinkError `cannot-fit` if a stretch between two keyframes is larger than that; errors of runChild.
 */
export async function splitAtKeyframes(
  request: PartsRequest & { source: InputFile; sourceBytes: number; durationS: number; maxBytes: number },
): Promise<string[]> {
  const { source, sourceBytes, durationS, maxBytes, dir, onProgress } = request;
  let seconds = (durationS * maxBytes * 0.9) / sourceBytes;
  for (let tries = 0; tries < MAX_TRIES; tries += 1, seconds /= 2) {
    await clear(dir);
    const cut = ['-map', '0:v:0', '-map', '0:a?', '-c', 'copy', '-f', 'segment', '-segment_time', seconds.toFixed(3)];
    await runFfmpeg({
      ...request,
      cwd: dir,
      doing: say('media.doing-split'),
      args: [
        ...untrustedInput(source),
        ...cut,
        '-reset_timestamps',
        '1',
        '-segment_format',
        'mp4',
        join(dir, 'part-%04d.mp4'),
      ],
      onProgress: ({ timeS }) => onProgress?.(Math.min(1, timeS / durationS)),
    });
    const parts = await partsIn(dir);
    // The number of parts was unknown until now.
    for (const part of parts) await chmod(part.path, 0o600);
    if (parts.length > 0 && parts.every(part => part.bytes <= maxBytes)) return parts.map(part => part.path);
  }
  throw new ShrinkError('cannot-fit', say('media.keyframes-too-far-apart'), {
    doing: say('media.doing-split'),
    subject: source.path,
    hint: say('media.keyframes-too-far-apart-hint'),
  });
}

/**
 * Joins compatible files, in order, into one MP4 with its index in front.
 * @throws ShrinkError as runChild does.
 */
export async function joinParts(request: PartsRequest & { sources: readonly string[]; path: string }): Promise<void> {
  const { sources, path, dir } = request;
  const list = join(dir, 'parts.txt');
  const lines = sources.map(source => `file '${source.replaceAll("'", "'\\''")}'`);
  await writeFile(list, `ffconcat version 1.0\n${lines.join('\n')}\n`, { mode: 0o600 }).catch(error => {
    throw fileError(error, say('files.writing', { path: list }), list);
  });
  await runFfmpeg({
    ...request,
    onProgress: undefined,
    cwd: dir,
    doing: say('media.doing-join-parts'),
    writes: [path],
    // The list is ours, and so are the files it names: the only list that may be opened.
    args: [
      '-protocol_whitelist',
      'file',
      '-f',
      'concat',
      '-safe',
      '0',
      '-i',
      `file:${list}`,
      '-map',
      '0',
      '-c',
      'copy',
      '-movflags',
      '+faststart',
      path,
    ],
  });
}

async function partsIn(dir: string): Promise<{ path: string; bytes: number }[]> {
  const names = (await readdir(dir)).filter(name => /^part-\d+\.mp4$/.test(name)).sort();
  return Promise.all(names.map(async name => ({ path: join(dir, name), bytes: (await stat(join(dir, name))).size })));
}

async function clear(dir: string): Promise<void> {
  for (const { path } of await partsIn(dir)) await rm(path);
}
