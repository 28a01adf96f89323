import { ShrinkError } from '../../../core/errors.ts';
import type { Item } from '../../../core/inventory.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { probe } from '../../../media/probe/probe.ts';
import { say } from '../../../messages/say.ts';
import { ownFile } from '../../../platform/files/files.ts';
import { AUDIBLE_S, MAX_DELAY_S, WORK_SHARE } from '../tuning.ts';
import { fixTimestampsArgs, rejoinArgs } from '../run/join-args.ts';
import type { LocalJob } from '../run/local-job.ts';

const FIXED = 'fixed.mkv';

/**
 * A recording whose timestamps jump back (transport streams joined byte by byte) is first copied with continuous ones, and the copy
 * is the source from then on. Each track separately: together, ffmpeg shifts one by the other's remainder and leaves a gap at every joint.
 */
export async function withFixedTimestamps(job: LocalJob): Promise<{ job: LocalJob; notes: Sentence[] }> {
  const { facts, context, order, tools, checkpoints } = job;
  if (facts.clockJumps === 0) return { job, notes: [] };
  const there = await job.bytesOf(FIXED);
  if (there === undefined || checkpoints.fixedTimestamps.get() !== there) {
    await context.step('fix-timestamps');
    await checkpoints.fixedTimestamps.set(await fixTimestamps(job));
  }
  const input = ownFile(job.path(FIXED));
  const { signal, gate } = context;
  const fixed = await probe(input, { tools, signal, gate, trim: order.target.trim });
  if (fixed.clockJumps > 0 || isCrammed(facts, fixed)) {
    const message = say('local.timestamps-broken', { file: displayName(order.source) });
    throw new ShrinkError('not-media', message, { subject: order.source });
  }
  const { bytes, tags } = facts;
  return {
    job: job.with({ input, facts: { ...fixed, bytes, tags, inventory: inventoryOf(facts, fixed) } }),
    notes: notesOn(facts, fixed),
  };
}

/** Whether sections were laid over each other instead of in a row, as happens to formats that allow no joints. */
function isCrammed({ runsS = 0 }: MediaFacts, fixed: MediaFacts): boolean {
  return fixed.durationS < runsS * LEAST_LENGTH;
}

const LEAST_LENGTH = 0.9;

/** Tracks as the copy has them; everything else is read from the source itself. */
function inventoryOf(facts: MediaFacts, fixed: MediaFacts): Item[] {
  const isTrack = ({ kind }: Item) => kind === 'picture' || kind === 'sound';
  // An index of the source means another track in the copy, or none.
  const others = facts.inventory.filter(item => !isTrack(item)).map(item => ({ ...item, track: undefined }));
  return [...fixed.inventory.filter(isTrack), ...others];
}

async function fixTimestamps(job: LocalJob): Promise<number> {
  const { facts, input } = job;
  const tracks = [{ index: facts.video.index, startS: facts.startS }, ...facts.audio];
  const step = { doing: say('local.doing-fix-timestamps'), share: WORK_SHARE.fixTimestamps / (tracks.length + 1) };
  const copies: { file: string; delayS: number }[] = [];
  for (const { index, startS } of tracks) {
    const file = `fixed-${index}.mkv`;
    await job.run({ ...step, args: fixTimestampsArgs({ input, index }), output: file });
    const delayS = startS - facts.startS;
    copies.push({ file, delayS: Math.abs(delayS) > MAX_DELAY_S ? 0 : delayS });
  }
  const { outputBytes } = await job.run({ ...step, args: rejoinArgs(copies), output: FIXED });
  await job.remove(...copies.map(copy => copy.file));
  return outputBytes;
}

function notesOn(facts: MediaFacts, fixed: MediaFacts): Sentence[] {
  const notes = [say('local.timestamps-fixed', { times: facts.clockJumps })];
  const [sound] = fixed.audio;
  const soundS = sound?.bitrate ? (sound.bytes * 8) / sound.bitrate : undefined;
  const driftS = soundS === undefined ? 0 : Math.abs(soundS - fixed.durationS);
  if (driftS > AUDIBLE_S) notes.push(say('local.sound-may-drift', { seconds: driftS }));
  return notes;
}
