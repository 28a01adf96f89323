import { readFile, writeFile } from 'node:fs/promises';
import { isShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { partSubtitlesArgs } from '../run/sound-args.ts';
import type { LocalJob } from '../run/local-job.ts';

/** Text in a file of its own, by the index of its track in the source. */
export interface SubtitleFile {
  index: number;
  file: string;
}

/**
 * The texts of the part, on the source's clock: ffmpeg would drop one that is being shown when the part begins, and show the last one
 * after its end. Tracks without any are left out.
 */
export async function subtitlesOfPart(job: LocalJob, indexes: readonly number[]): Promise<SubtitleFile[]> {
  const { facts, input } = job;
  const found: SubtitleFile[] = [];
  for (const index of indexes) {
    const file = `part-${index}.srt`;
    const path = job.path(file);
    try {
      await job.run({
        doing: say('local.doing-sound'),
        args: partSubtitlesArgs({ input, index }),
        output: file,
        share: 0,
        note: say('step.audio', {}),
      });
      const texts = textsWithin(await readFile(path, 'utf8'), facts.startS, facts.startS + facts.durationS);
      if (texts === '') continue;
      await writeFile(path, texts, { mode: 0o600 });
      found.push({ index, file });
    } catch (error) {
      if (isShrinkError(error, 'child-failed', 'incomplete-media')) continue;
      throw isShrinkError(error) ? error : fileError(error, say('files.writing', { path }), path);
    }
  }
  return found;
}

const TIMES = /^(\d+):(\d\d):(\d\d)[,.](\d{3}) --> (\d+):(\d\d):(\d\d)[,.](\d{3}).*$/;

/** The texts of a SubRip file between two times, cut off there; empty if there are none. */
export function textsWithin(srt: string, fromS: number, toS: number): string {
  const kept: string[] = [];
  for (const block of srt.replace(/\r/g, '').split(/\n\n+(?=\d+\n\d+:\d\d:\d\d)/)) {
    const [, times = '', ...lines] = block.trim().split('\n');
    const match = TIMES.exec(times);
    if (!match) continue;
    const [h1, m1, s1, ms1, h2, m2, s2, ms2] = match.slice(1).map(Number);
    const begins = Math.max(fromS, seconds(h1, m1, s1, ms1));
    const ends = Math.min(toS, seconds(h2, m2, s2, ms2));
    if (ends - begins < 0.001) continue;
    kept.push(`${kept.length + 1}\n${written(begins)} --> ${written(ends)}\n${lines.join('\n')}\n`);
  }
  return kept.join('\n');
}

function seconds(h = 0, m = 0, s = 0, ms = 0): number {
  return h * 3600 + m * 60 + s + ms / 1000;
}

function written(time: number): string {
  const ms = Math.round(time * 1000);
  const pad = (n: number, digits = 2) => String(Math.floor(n)).padStart(digits, '0');
  return `${pad(ms / 3_600_000)}:${pad((ms / 60_000) % 60)}:${pad((ms / 1000) % 60)},${pad(ms % 1000, 3)}`;
}
