import { join } from 'node:path';
import { isShrinkError } from '../../../core/errors.ts';
import { fileUrl } from '../../../media/ffmpeg/args.ts';
import { mediaBytes } from '../../../media/mp4-boxes.ts';
import { soundArgs } from '../run/ffmpeg-args.ts';
import { type LocalJob, bytesOf, recall, remember, runStep } from '../run/local-job.ts';
import { budgetOf } from '../plan/encode-plan.ts';
import type { EncodeChoice } from '../plan/strategy.ts';
import { saferSound, silentSound, type SoundPlan } from '../plan/audio.ts';
import { type Encode, SHARE } from './segment.ts';

const SOUND = 'sound.mp4';

interface SoundMade {
  /** What was planned, to tell whether it is still the same. */
  plan: string;
  /** What came of it. */
  sound: SoundPlan;
  /** 0 where there is no file. */
  bytes: number;
}

/** Sound and subtitles first: what they really take, the picture cannot have. */
export async function makeSound(
  job: LocalJob,
  choice: EncodeChoice,
  planned: SoundPlan,
): Promise<Pick<Encode, 'sound' | 'soundFile' | 'budget'>> {
  const plan = JSON.stringify([planned.tracks, planned.subtitles]);
  const stored = recall<SoundMade>(job, 'sound');
  let made = stored?.plan === plan && stored.bytes === ((await bytesOf(job, SOUND)) ?? 0) ? stored : undefined;
  if (made) {
    job.meter.skip(SHARE.sound);
  } else {
    if (planned.tracks.length + planned.subtitles.length > 0) await job.context.step('audio');
    made = { plan, ...(await makeSomeSound(job, planned)) };
    await remember(job, 'sound', made);
  }
  const { sound, bytes } = made;
  return { sound, soundFile: bytes > 0 ? SOUND : undefined, budget: budgetOf(job.facts, choice, bytes) };
}

/** As planned, or what is left of it: no damaged sound track and no monstrous subtitle keeps a film from becoming smaller. */
async function makeSomeSound(job: LocalJob, planned: SoundPlan): Promise<{ sound: SoundPlan; bytes: number }> {
  const { facts, input } = job;
  let sound = planned;
  while (sound.tracks.length + sound.subtitles.length > 0) {
    try {
      const { outputBytes } = await runStep(job, {
        doing: 'encoding the sound',
        args: soundArgs({ facts, input, sound }),
        output: SOUND,
        share: SHARE.sound,
        note: 'sound',
      });
      if ((await mediaBytes(join(job.context.workDir, SOUND))) === 0) return { sound: silentSound(sound), bytes: 0 };
      if (await plays(job, sound)) return { sound, bytes: outputBytes };
      sound = saferSound(sound, 'it does not play');
    } catch (error) {
      if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
      job.context.log.debug({ said: error.message }, 'sound failed');
      sound = saferSound(sound, error.message);
    }
  }
  return { sound, bytes: 0 };
}

/** What was encoded plays; what was copied may have been damaged before. */
async function plays(job: LocalJob, sound: SoundPlan): Promise<boolean> {
  if (!sound.tracks.some(track => track.how === 'copy')) return true;
  try {
    const { complaints } = await runStep(job, {
      doing: 'playing the sound',
      args: ['-xerror', '-i', fileUrl(SOUND), '-map', '0:a', '-f', 'null', '-'],
      share: 0.01,
    });
    return complaints === 0;
  } catch (error) {
    if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
    return false;
  }
}
