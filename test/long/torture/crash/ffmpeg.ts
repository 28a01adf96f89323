import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Box } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { descendantsOf, sha256Of } from '../facts.ts';
import type { Random } from '../random.ts';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGXCPU'];

/** An encoder ends by a signal that was not ours: another try, the same result, the original as it was. */
export async function ffmpegKilled(random: Random): Promise<string> {
  const original = await footage('plain');
  const before = readFileSync(original);
  const undisturbed = await resultAfter(original, undefined, random);
  for (const signal of SIGNALS) {
    const found = await resultAfter(original, signal, random);
    if (found !== undisturbed) throw new Error(`after ${signal} the result was another one`);
  }
  if (!readFileSync(original).equals(before)) throw new Error('the footage was changed');
  return `${SIGNALS.join(', ')}: done at another try each time`;
}

async function resultAfter(original: string, signal: NodeJS.Signals | undefined, random: Random): Promise<string> {
  const box = new Box({ config: { local: { effort: 'balanced' } } });
  try {
    await box.start();
    const dropped = box.drop(original, 'clip.mp4');
    if (signal) {
      // One of the long ones: looking for the abilities and probing are over in a moment.
      const skip = random.between(0, 1);
      const seen = new Set<number>();
      const victim = await eventually(
        () => {
          const found = descendantsOf(box.pid).filter(({ command }) => /ffmpeg.* -passlogfile /.test(command));
          for (const { pid } of found) seen.add(pid);
          return seen.size > skip ? [...seen][skip] : undefined;
        },
        { what: 'an encoder to run', withinMs: 120_000 },
      );
      process.kill(victim, signal);
    }
    await box.job('clip.mp4', 'done');
    await box.holds('clip.mp4');
    if (sha256Of(dropped) !== sha256Of(original)) throw new Error('the original was touched');
    return sha256Of(join(box.outbox, 'clip.mp4'));
  } finally {
    await box.dispose();
  }
}
