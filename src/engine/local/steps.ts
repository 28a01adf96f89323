import type { MediaFacts } from '../../core/media.ts';
import { joinArgs, pictureArgs, type Rate, soundArgs } from './argv.ts';
import { type Bench, bytesOf, forget, recall, remember, runStep } from './bench.ts';
import { type Budget, videoBytes, videoTables } from './budget.ts';
import type { PicturePlan } from './picture.ts';
import type { EncodeChoice } from './plan.ts';
import type { SoundPlan } from './sound.ts';

/** Parts of the whole job's time, roughly. */
export const SHARE = { sound: 0.05, pass1: 0.27, pass2: 0.58, onePass: 0.85, join: 0.03 } as const;

/** What the steps of one encode share. */
export interface Encode {
  choice: EncodeChoice;
  picture: PicturePlan;
  sound: SoundPlan;
  /** The file with sound and subtitles, relative to the work directory; absent where there are none. */
  soundFile: string | undefined;
  budget: Budget;
}

/** A finished, muxed file in the work directory. */
export interface Muxed {
  file: string;
  bytes: number;
  frames: number;
  /** What the decoder had to say about the source. */
  complaints: number;
}

export function budgetOf(facts: MediaFacts, choice: EncodeChoice, soundBytes: number): Budget {
  const { frames, variableFrameRate } = facts.video;
  const { durationS } = facts;
  return {
    capBytes: choice.capBytes,
    fixedBytes: Math.ceil(soundBytes) + videoTables(frames, durationS, variableFrameRate),
    durationS,
  };
}

const SOUND = 'sound.mp4';

/** Sound and subtitles first: what they really take, the picture cannot have. */
export async function makeSound(bench: Bench, choice: EncodeChoice, sound: SoundPlan) {
  if (sound.tracks.length + sound.subtitles.length === 0)
    return { soundFile: undefined, budget: budgetOf(bench.facts, choice, 0) };
  const plan = JSON.stringify([sound.tracks, sound.subtitles]);
  const known = recall<{ bytes: number; plan: string }>(bench, 'sound');
  let bytes = known?.plan === plan && known.bytes === (await bytesOf(bench, SOUND)) ? known.bytes : undefined;
  if (bytes === undefined) {
    await bench.context.step('sound');
    const { facts, input } = bench;
    const args = soundArgs({ facts, input, sound });
    const made = await runStep(bench, {
      doing: 'encoding the sound',
      args,
      output: SOUND,
      share: SHARE.sound,
      note: 'sound',
    });
    bytes = made.outputBytes;
    await remember(bench, 'sound', { bytes, plan });
  } else {
    bench.meter.skip(SHARE.sound);
  }
  return { soundFile: SOUND, budget: budgetOf(bench.facts, choice, bytes) };
}

type EncodedPicture = Pick<Muxed, 'frames' | 'complaints'>;

const PICTURE = 'picture.mp4';

/** The picture alone, into `picture.mp4`; its frames are counted. `undefined` when it grew beyond what is left of the cap. */
export async function encodePicture(
  bench: Bench,
  work: Encode,
  rate: Rate,
  share: number,
  note: string,
): Promise<EncodedPicture | undefined> {
  const { tools, facts, input, effort } = bench;
  const { picture, choice, budget } = work;
  const frames = expectedFrames(bench, picture);
  const result = await runStep(bench, {
    doing: `encoding the picture (${note})`,
    args: pictureArgs({ tools, facts, input, picture, codec: choice.codec, effort, rate }),
    share,
    note,
    fraction: progress => progress.frames / frames,
    ...(rate.kind === 'pass-1' ? {} : { output: PICTURE }),
    ...(rate.kind === 'quality' ? { giveUpAboveBytes: videoBytes(budget) + 100_000 } : {}),
  });
  return result.tooLarge ? undefined : { frames: result.frames, complaints: result.complaints };
}

/** Picture and sound into one file, whose size is the one that counts. */
export async function joinTracks(bench: Bench, work: Encode, picture: EncodedPicture, file: string): Promise<Muxed> {
  await bench.context.step('joining');
  const { tools, facts } = bench;
  const args = joinArgs({ tools, facts, input: bench.order.source, picture: PICTURE, sound: work.soundFile });
  const { outputBytes } = await runStep(bench, {
    doing: 'joining picture and sound',
    args,
    output: file,
    share: SHARE.join,
    note: 'joining',
  });
  await forget(bench, PICTURE);
  return { file, bytes: outputBytes, ...picture };
}

function expectedFrames(bench: Bench, picture: PicturePlan): number {
  const { frames } = bench.facts.video;
  return picture.fps === undefined
    ? frames
    : Math.max(1, Math.round(frames * Math.min(1, picture.fps / bench.facts.video.fps)));
}
