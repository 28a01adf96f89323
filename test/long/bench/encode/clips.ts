/** What is encoded: real footage where there is some, else clips that ffmpeg makes; and the sizes asked of them. */
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { extensionOf, VIDEO_EXTENSIONS } from '../../../../src/core/file-names.ts';
import type { MediaFacts } from '../../../../src/core/media-info.ts';
import { probe } from '../../../../src/media/probe/probe.ts';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { footage, type FootageName } from '../../../support/footage.ts';
import { ownFile } from '../../../../src/platform/files/files.ts';

export interface Clip {
  /** Short: the number or name in front of the file's name. */
  name: string;
  about: string;
  path: string;
  bytes: number;
  facts: MediaFacts;
  /** Not among those that constants were fitted on (BENCH_UNSEEN). */
  unseen?: boolean;
}

export const TARGETS = ['generous', 'normal', 'brutal'] as const;
export type TargetName = (typeof TARGETS)[number];

/** Bits for each pixel of the picture; of what the source has, at most this share. */
const SIZES: Readonly<Record<TargetName, { bitsPerPixel: number; share: number }>> = {
  generous: { bitsPerPixel: 0.16, share: 0.75 },
  normal: { bitsPerPixel: 0.05, share: 0.4 },
  brutal: { bitsPerPixel: 0.0125, share: 0.12 },
};
const SOUND_BITS = 128_000;

/** Bytes asked for: the bits of the picture and 128 kb/s for sound, or less where the source itself has hardly more. */
export function sizeFor(clip: Clip, target: TargetName): number {
  const { video, durationS, audio } = clip.facts;
  const { bitsPerPixel, share } = SIZES[target];
  const picture = video.displayWidth * video.displayHeight * video.frames * bitsPerPixel;
  const sound = audio.length > 0 ? SOUND_BITS * durationS : 0;
  return Math.floor(Math.min((picture + sound) / 8, clip.bytes * share));
}

const MADE: readonly FootageName[] = ['plain', 'sixty', 'vfr', 'rotated', 'hdr10', 'anamorphic', 'tracks', 'avi'];

/** Clips whose names contain one of `wanted` (all without); long ones are cut to `mostS` seconds without re-encoding. */
export async function clips(options: {
  tools: Tools;
  wanted: readonly string[];
  mostS: number;
  dir: string;
}): Promise<Clip[]> {
  const { tools, wanted, mostS, dir } = options;
  const found: Clip[] = [];
  for (const path of await paths()) {
    const name = basename(path, extname(path));
    if (wanted.length > 0 && !wanted.some(part => name.includes(part))) continue;
    const unseen = dirname(path) === process.env['BENCH_UNSEEN'];
    found.push({ ...(await excerpt(await clipAt(path, tools), mostS, dir, tools)), unseen });
  }
  return found;
}

/** The fitted half, then the half that nothing was fitted on. */
async function paths(): Promise<string[]> {
  const { SHRINKBOX_CORPUS: fitted, BENCH_UNSEEN: unseen } = process.env;
  const seen = fitted ? await videosIn(fitted) : await Promise.all(MADE.map(name => footage(name)));
  return [...seen, ...(unseen ? await videosIn(unseen) : [])];
}

async function videosIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter(name => VIDEO_EXTENSIONS.has(extensionOf(name)))
    .toSorted()
    .map(name => join(folder, name));
}

export async function clipAt(path: string, tools: Tools): Promise<Clip> {
  const stem = basename(path, extname(path));
  const facts = await probe(ownFile(path), { tools });
  return { name: /^\d+/.exec(stem)?.[0] ?? stem, about: stem, path, bytes: (await stat(path)).size, facts };
}

/** The clip itself, or `mostS` seconds from a third of it on. */
async function excerpt(clip: Clip, mostS: number, dir: string, tools: Tools): Promise<Clip> {
  if (clip.facts.durationS <= mostS * 1.25) return clip;
  const cut = await cutClip(clip, clip.facts.durationS / 3, mostS, join(dir, basename(clip.path)), tools);
  return { ...cut, name: clip.name, about: `${clip.about}, ${Math.round(mostS)} s of it` };
}

/** A stretch of a clip by stream copy, from the keyframe before `fromS`: as people cut files. */
export async function cutClip(clip: Clip, fromS: number, lengthS: number, to: string, tools: Tools): Promise<Clip> {
  const { video, audio } = clip.facts;
  const args = [
    ...['-v', 'error', '-nostdin', '-y', '-ss', fromS.toFixed(3), '-i', clip.path, '-t', lengthS.toFixed(3)],
    ...['-map', `0:${video.index}`, ...audio.flatMap(track => ['-map', `0:${track.index}`]), '-c', 'copy', to],
  ];
  await promisify(execFile)(tools.ffmpeg, args);
  return await clipAt(to, tools);
}
