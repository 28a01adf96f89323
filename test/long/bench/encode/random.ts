/**
 * Sizes drawn at random for stretches cut out at random, at effort fast: nothing may ever be over. Engine and verify run in this
 * process, as in the daemon: hundreds of starts of Node would cost more than the encodes.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError } from '../../../../src/core/errors.ts';
import type { Resolution } from '../../../../src/core/target.ts';
import { createLocalEngine } from '../../../../src/engine/local/engine.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { verifyCandidate } from '../../../../src/verify/verify.ts';
import { recordingContext } from '../../../contract/engine.ts';
import { type Random, randomFrom } from '../../torture/random.ts';
import { type Clip, cutClip } from './clips.ts';
import { type Goal, median, percent } from './report.ts';
import { withSource } from '../../../support/with-source.ts';

interface Draw {
  state: 'done' | 'held' | 'failed';
  filled: number;
  said: string;
}

/** Lines of the picture; 0 leaves it as it is. */
const LINES = [0, 240, 240, 360, 360, 480];
/** At once: each ffmpeg of these short stretches has one thread, and is busy with starting for half of its time. */
const AT_ONCE = 6;

export async function randomPairs(
  count: number,
  seed: number,
  clips: readonly Clip[],
  options: { tools: Tools; dir: string; say: (line: string) => void },
): Promise<Goal> {
  const draws: Draw[] = [];
  let next = 1;
  const worker = async () => {
    while (draws.length < count) {
      const n = next++;
      const dir = join(options.dir, `draw-${n}`);
      await mkdir(join(dir, 'work'), { recursive: true });
      const draw = await one(n, randomFrom(Math.imul(seed, 2 * n + 1) ^ n), clips, { ...options, dir });
      // Where nothing that opens was cut out, another is drawn: the count is one of real tries.
      if (draw) draws.push(draw);
      await rm(dir, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return summary(draws, seed);
}

async function one(
  n: number,
  random: Random,
  clips: readonly Clip[],
  { tools, dir, say }: { tools: Tools; dir: string; say: (line: string) => void },
): Promise<Draw | undefined> {
  const clip = random.pick(clips);
  const lengthS = 1 + random.next() * 1.5;
  const fromS = random.next() * Math.max(0, clip.facts.durationS - lengthS);
  // Evenly over the powers: from 3 % of the stretch to all of it.
  const share = 0.03 ** random.next();
  const lines = random.pick(LINES);
  const cut = await cutClip(clip, fromS, lengthS, join(dir, `cut${extensionOf(clip)}`), tools).catch(() => undefined);
  if (!cut) return undefined;
  const bytes = Math.max(1, Math.floor(cut.bytes * share));
  const resolution: { resolution?: Resolution } = lines > 0 ? { resolution: { kind: 'lines', lines } } : {};
  const draw = await encode(cut, bytes, resolution, join(dir, 'work'), tools);
  say(
    `${n}: ${clip.name} from ${fromS.toFixed(2)} s, ${lengthS.toFixed(2)} s, into ${bytes} B (${percent(share)})` +
      `${lines > 0 ? `, ${lines} lines` : ''}: ${draw.state} ${draw.filled.toFixed(4)}, ${draw.said}`,
  );
  return draw;
}

async function encode(
  cut: Clip,
  bytes: number,
  resolution: { resolution?: Resolution },
  workDir: string,
  tools: Tools,
): Promise<Draw> {
  const engine = withSource(createLocalEngine({ tools, effort: 'fast', clock: systemClock, nice: 0 }));
  const target = { size: { kind: 'bytes' as const, bytes }, audio: { kind: 'keep' as const }, ...resolution };
  const order = {
    ...{ job: 'bench', source: cut.path, sourceBytes: cut.bytes },
    target: { ...target, quality: 'auto' as const, minSaving: 0.05 },
  };
  try {
    const candidate = await engine.run(order, recordingContext({ workDir }).context);
    const verified = await verifyCandidate(candidate, { tools });
    return { state: 'done', filled: verified.bytes / bytes, said: verified.how };
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    return {
      state: error.code === 'cannot-fit' ? 'held' : 'failed',
      filled: 0,
      said: `${error.code}: ${error.message}`,
    };
  }
}

const extensionOf = (clip: Clip) => /\.[^.]+$/.exec(clip.path)?.[0] ?? '.mp4';

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
    what: `over target, ${draws.length} random stretches and sizes at effort fast (seed ${seed})`,
    reach: '0',
    measured:
      `${over} of ${done.length} (${count('held')} held as hopeless, ${count('failed')} failed); ${full.length} of them filled up: ` +
      `least ${at(0)}, p5 ${at(0.05)}, median ${percent(median(full))}`,
    reached: over === 0 && count('failed') === 0,
  };
}
