import { readFile } from 'node:fs/promises';
import { isShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { foldGainDb } from '../plan/fold-down.ts';
import { levelsArgs } from '../run/sound-args.ts';
import type { LocalJob } from '../run/local-job.ts';

const FILES = { source: 'levels-source.txt', mix: 'levels-mix.txt' };

/** A planned sound track; `how: 'aac'` with fewer channels than its source is a mix. */
interface Planned {
  index: number;
  how: 'copy' | 'aac';
  channels: number;
  gainDb?: number;
}

/**
 * The tracks, each mix of surround sound with the gain that keeps it as loud as it was: without one, voices are lost, and with
 * ffmpeg's own weights a mix clips. Two channels that become one need none.
 */
export async function withGains<Track extends Planned>(job: LocalJob, tracks: readonly Track[]): Promise<Track[]> {
  const measured: Track[] = [];
  for (const track of tracks) {
    const source = job.facts.audio.find(({ index }) => index === track.index);
    const isMix = track.how === 'aac' && source && source.channels > 2 && source.channels > track.channels;
    const gainDb = isMix ? await gainOf(job, source, track.channels) : undefined;
    measured.push(gainDb === undefined ? track : { ...track, gainDb });
  }
  return measured;
}

/** `undefined` where the sound cannot be read: encoding it says why. */
async function gainOf(job: LocalJob, source: LocalJob['facts']['audio'][number], channels: number) {
  try {
    await job.run({
      doing: say('local.doing-levels'),
      args: levelsArgs({ facts: job.facts, source, input: job.input, channels, files: FILES }),
      share: 0,
      note: say('step.audio', {}),
    });
    const [from, mix] = [await lastLevels(job, FILES.source), await lastLevels(job, FILES.mix)];
    return foldGainDb({ source: from.channels, mix: mix.channels, mixPeak: mix.peak }, source.layout);
  } catch (error) {
    if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
    return undefined;
  } finally {
    await job.remove(FILES.source, FILES.mix);
  }
}

/** What astats says of everything up to the last report: `lavfi.astats.1.RMS_level=-18.07`, `lavfi.astats.Overall.Peak_level=-15.06`. */
async function lastLevels(job: LocalJob, file: string): Promise<{ channels: number[]; peak: number }> {
  const path = job.path(file);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError(error, say('files.reading', { path }), path);
  });
  const last = text.slice(Math.max(0, text.lastIndexOf('frame:')));
  const decibels = (level = '') => (level === '-inf' ? Number.NEGATIVE_INFINITY : Number(level));
  const channels = [...last.matchAll(/astats\.\d+\.RMS_level=(\S+)/g)].map(match => decibels(match[1]));
  return { channels, peak: decibels(/Overall\.Peak_level=(\S+)/.exec(last)?.[1]) };
}
