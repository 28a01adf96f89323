/** Sizes drawn at random for stretches cut out at random, at effort fast: nothing may ever be over. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../../../src/platform/ffmpeg/tools.ts';
import { randomFrom } from '../../torture/random.ts';
import { shrinkbox } from './candidates.ts';
import { type Clip, cutClip } from './clips.ts';
import { type Goal, median, percent } from './report.ts';

interface Draw {
  state: 'done' | 'held' | 'failed';
  filled: number;
  said: string;
}

export async function randomPairs(
  count: number,
  seed: number,
  clips: readonly Clip[],
  options: { tools: Tools; dir: string; say: (line: string) => void },
): Promise<Goal> {
  const { tools, say } = options;
  const random = randomFrom(seed);
  const draws: Draw[] = [];
  for (let n = 1; n <= count; n += 1) {
    const clip = random.pick(clips);
    const lengthS = 1 + random.next() * 2;
    const fromS = random.next() * Math.max(0, clip.facts.durationS - lengthS);
    // Evenly over the powers: from 3 % of the stretch to all of it.
    const share = 0.03 ** random.next();
    const resolution = random.pick([undefined, '240p', '360p', '360p', '480p']);
    const dir = join(options.dir, `draw-${n}`);
    await mkdir(dir);
    const name = `${n}: ${clip.name} from ${fromS.toFixed(2)} s, ${lengthS.toFixed(2)} s`;
    const cut = await cutClip(clip, fromS, lengthS, join(dir, `cut${extensionFor(clip)}`), tools).catch(
      () => undefined,
    );
    if (!cut) {
      // Nothing to open was left of it: another draw, so that the count is one of real tries.
      count += count < 2000 ? 1 : 0;
    } else {
      const bytes = Math.floor(cut.bytes * share);
      const made = await shrinkbox(
        { clip: cut, bytes, dir, tools },
        { effort: 'fast', ...(resolution ? { resolution } : {}) },
      );
      const filled = made.bytes / bytes;
      const state = made.path ? 'done' : made.said.startsWith('held') ? 'held' : 'failed';
      draws.push({ state, filled, said: made.said });
      say(
        `${name}, into ${bytes} B (${percent(share)})${resolution ? `, ${resolution}` : ''}: ${state} ${filled.toFixed(4)}, ${made.said}`,
      );
    }
    await rm(dir, { recursive: true });
  }
  return summary(draws, seed);
}

const extensionFor = (clip: Clip) => /\.[^.]+$/.exec(clip.path)?.[0] ?? '.mp4';

function summary(draws: readonly Draw[], seed: number): Goal {
  const done = draws.filter(draw => draw.state === 'done');
  const over = done.filter(draw => draw.filled > 1).length;
  const full = done
    .filter(draw => !/copied|visually lossless|would not be seen/.test(draw.said))
    .map(draw => draw.filled)
    .toSorted((a, b) => a - b);
  const at = (share: number) => percent(full[Math.floor(share * (full.length - 1))] ?? Number.NaN);
  const count = (state: Draw['state']) => draws.filter(draw => draw.state === state).length;
  return {
    what: `over target, ${draws.length} random clips and sizes at effort fast (seed ${seed})`,
    reach: '0',
    measured:
      `${over} of ${done.length} (${count('held')} held as hopeless, ${count('failed')} failed); ${full.length} of them filled up: ` +
      `least ${at(0)}, p5 ${at(0.05)}, median ${percent(median(full))}`,
    reached: over === 0 && count('failed') === 0,
  };
}
