import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, ShrinkError } from '../../core/errors.ts';
import { extensionOf } from '../../core/names.ts';
import { formatBytes } from '../../core/units.ts';
import { fileUrl, untrustedInput } from '../../platform/ffmpeg/args.ts';
import { probe } from '../../platform/ffmpeg/probe.ts';
import { runFfmpeg } from '../../platform/ffmpeg/run.ts';
import type { Tools } from '../../platform/ffmpeg/tools.ts';
import type { LocalHelp, LocalRequest } from './cloud.ts';

/** Containers a part may be in: those the service takes that can be cut without re-encoding. */
const CUTTABLE: ReadonlySet<string> = new Set(['mp4', 'mov', 'mkv', 'webm', 'avi']);
/** Of the limit: rates vary over a file, and every part has tables of its own. */
const FIRST_SHARE = 0.85;
const MOST_TRIES = 6;

/** Cutting and joining with ffmpeg, without re-encoding; everything outside the streams' own data stays as it is. */
export function createPartTools(tools: Tools): Pick<LocalHelp, 'split' | 'join'> {
  return { split: request => split(tools, request), join: request => joinParts(tools, request) };
}

async function split(tools: Tools, request: LocalRequest & { source: string; maxBytes: number }): Promise<string[]> {
  const { source, maxBytes, dir, signal, gate } = request;
  const facts = await probe(source, { tools, signal, gate });
  const extension = CUTTABLE.has(extensionOf(source)) ? extensionOf(source) : 'mkv';
  let seconds = (facts.durationS * maxBytes * FIRST_SHARE) / facts.bytes;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    await emptyDir(dir);
    await runFfmpeg({
      tools,
      doing: 'cutting the file into parts',
      cwd: dir,
      signal,
      gate,
      args: [
        ...untrustedInput(source),
        ...['-map', '0:v:0', '-map', '0:a?', '-c', 'copy'],
        ...['-f', 'segment', '-segment_time', seconds.toFixed(3), '-reset_timestamps', '1'],
        fileUrl(join(dir, `part-%04d.${extension}`)),
      ],
    });
    const parts = (await readdir(dir)).filter(name => name.startsWith('part-')).sort();
    const sizes = await Promise.all(parts.map(async name => (await stat(join(dir, name))).size));
    if (parts.length > 1 && sizes.every(size => size <= maxBytes)) return parts.map(name => join(dir, name));
    seconds *= 0.7;
  }
  throw new ShrinkError('file-too-large', `no cut at keyframes gives parts of less than ${formatBytes(maxBytes)}`, {
    doing: 'cutting the file into parts',
    subject: source,
    hint: 'Set nemo.oversize: local, or compress or trim the file first.',
  });
}

async function joinParts(tools: Tools, request: LocalRequest & { sources: string[]; path: string }): Promise<void> {
  const { sources, path, signal, gate } = request;
  const list = `${path}.list`;
  // In the list a quote ends the name; written as the format wants it.
  const lines = sources.map(source => `file 'file:${source.replaceAll("'", String.raw`'\''`)}'`);
  try {
    await writeFile(list, `ffconcat version 1.0\n${lines.join('\n')}\n`, { mode: 0o600 });
  } catch (error) {
    throw fileError(error, 'joining the parts', list);
  }
  await runFfmpeg({
    tools,
    doing: 'joining the parts',
    cwd: dirname(path),
    signal,
    gate,
    args: [
      ...['-protocol_whitelist', 'file', '-f', 'concat', '-safe', '0', '-i', fileUrl(list)],
      ...['-map', '0:v:0', '-map', '0:a?', '-c', 'copy', '-movflags', '+faststart', '-f', 'mp4', fileUrl(path)],
    ],
  });
  await rm(list, { force: true });
}

async function emptyDir(dir: string): Promise<void> {
  try {
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, 'preparing the folder for the parts', dir);
  }
}
