import { isShrinkError } from '../../../core/errors.ts';
import { fileUrl } from '../../../media/ffmpeg/args.ts';
import { mediaBytes } from '../../../media/mp4-boxes.ts';
import { ownFile } from '../../../platform/files/files.ts';
import { say } from '../../../messages/say.ts';
import { WORK_SHARE } from '../tuning.ts';
import { withGains } from '../measure/sound-levels.ts';
import { saferSound, silentSound, type SoundPlan } from '../plan/audio.ts';
import { budgetOf } from '../plan/encode-plan.ts';
import type { EncodeChoice } from '../plan/strategy.ts';
import { soundArgs } from '../run/sound-args.ts';
import type { LocalJob } from '../run/local-job.ts';
import { type SubtitleFile, subtitlesOfPart } from './part-subtitles.ts';
import type { Encode } from './segment.ts';

const SOUND = 'sound.mp4';

/** Sound and subtitles come first: the picture gets only what they leave. */
export async function encodeSound(
  job: LocalJob,
  choice: EncodeChoice,
  planned: SoundPlan,
): Promise<Pick<Encode, 'sound' | 'soundFile' | 'budget'>> {
  const { checkpoints, context, facts, meter } = job;
  const plan = JSON.stringify([planned.tracks, planned.subtitles]);
  const before = checkpoints.sound.get();
  let result = before?.plan === plan && before.bytes === ((await job.bytesOf(SOUND)) ?? 0) ? before : undefined;
  if (result) {
    meter.skip(WORK_SHARE.sound);
  } else {
    if (planned.tracks.length + planned.subtitles.length > 0) await context.step('audio');
    result = { plan, ...(await encodeWhatIsWhole(job, planned)) };
    await checkpoints.sound.set(result);
  }
  const { sound, bytes } = result;
  return { sound, soundFile: bytes > 0 ? SOUND : undefined, budget: budgetOf(facts, choice, bytes) };
}

/** As planned, or as much of it as works: a damaged sound track or a monstrous subtitle must not keep a film from becoming smaller. */
async function encodeWhatIsWhole(job: LocalJob, planned: SoundPlan): Promise<{ sound: SoundPlan; bytes: number }> {
  const { facts, input } = job;
  const part = facts.window && (await subtitlesOfPart(job, planned.subtitles));
  let sound = { ...withSubtitles(planned, part), tracks: await withGains(job, planned.tracks) };
  while (sound.tracks.length + sound.subtitles.length > 0) {
    try {
      const { outputBytes, complaints } = await job.run({
        doing: say('local.doing-sound'),
        args: soundArgs({ facts, input, sound, texts: part?.filter(({ index }) => sound.subtitles.includes(index)) }),
        output: SOUND,
        share: WORK_SHARE.sound,
        note: say('step.audio', {}),
      });
      if ((await mediaBytes(ownFile(job.path(SOUND)))) === 0) return { sound: silentSound(sound), bytes: 0 };
      const heard = complaints > 0 ? { ...sound, spoiled: true } : sound;
      if (await plays(job, sound)) return { sound: heard, bytes: outputBytes };
      sound = saferSound(sound, 'it does not play');
    } catch (error) {
      if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
      job.context.log.debug({ said: error.message }, 'sound failed');
      sound = saferSound(sound, error.message);
    }
  }
  return { sound, bytes: 0 };
}

/** Those of a part, where it has any; a track whose texts could not be read is left out with a note as well. */
function withSubtitles(sound: SoundPlan, part: readonly SubtitleFile[] | undefined): SoundPlan {
  const missing = sound.subtitles.filter(index => part && !part.some(text => text.index === index));
  if (missing.length === 0) return sound;
  const subtitles = sound.subtitles.filter(index => !missing.includes(index));
  const note = say('local.subtitles-outside-picture');
  return { ...sound, subtitles, dropped: [...sound.dropped, ...missing.map(index => ({ index, note }))] };
}

/** Checks that what was encoded plays; what was copied may have been damaged before. */
async function plays(job: LocalJob, sound: SoundPlan): Promise<boolean> {
  if (!sound.tracks.some(track => track.how === 'copy')) return true;
  try {
    const { complaints } = await job.run({
      doing: say('local.doing-play-sound'),
      args: ['-xerror', '-i', fileUrl(SOUND), '-map', '0:a', '-f', 'null', '-'],
      share: WORK_SHARE.playSound,
    });
    return complaints === 0;
  } catch (error) {
    if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
    return false;
  }
}
