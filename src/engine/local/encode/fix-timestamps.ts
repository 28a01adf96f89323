import { join } from 'node:path';
import { ShrinkError } from '../../../core/errors.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { probe } from '../../../media/probe/probe.ts';
import { displayName } from '../../../media/ffmpeg/input-errors.ts';
import { rejoinArgs, fixTimestampsArgs } from '../run/ffmpeg-args.ts';
import { type LocalJob, bytesOf, forget, recall, remember, runStep } from '../run/local-job.ts';

const STRAIGHT = 'straight.mkv';
const SHARE = 0.05;
/** More than this between sound and picture is noticed. */
const AUDIBLE_S = 0.1;
/** A start further apart than this is not an offset but another clock. */
const MAX_DELAY_S = 1;

/**
 * A recording whose clock jumps (transport streams joined byte by byte) is copied once so that it does not, and worked on from
 * there. Each track alone: together, ffmpeg moves the one's clock for the other's leftovers and leaves a hole at every joint.
 */
export async function withFixedTimestamps(job: LocalJob): Promise<{ job: LocalJob; notes: string[] }> {
  const { facts, context, order, tools } = job;
  if (facts.clockJumps === 0) return { job, notes: [] };
  const there = await bytesOf(job, STRAIGHT);
  if (there === undefined || recall<number>(job, 'straightened') !== there) {
    await context.step('fix-timestamps');
    await remember(job, 'straightened', await straighten(job));
  }
  const path = join(context.workDir, STRAIGHT);
  const straight = await probe(path, { tools, signal: context.signal, gate: context.gate });
  if (straight.clockJumps > 0) {
    throw new ShrinkError(
      'not-media',
      `the time stamps of ${displayName(order.source)} make no sense, even with its parts put in a row`,
      {
        subject: order.source,
      },
    );
  }
  return {
    job: { ...job, input: path, facts: { ...straight, bytes: facts.bytes, tags: facts.tags, other: facts.other } },
    notes: notesOn(facts, straight),
  };
}

async function straighten(job: LocalJob): Promise<number> {
  const { facts, input } = job;
  const tracks = [{ index: facts.video.index, startS: facts.startS }, ...facts.audio];
  const parts: { file: string; delayS: number }[] = [];
  for (const { index, startS } of tracks) {
    const file = `straight-${index}.mkv`;
    const share = SHARE / (tracks.length + 1);
    await runStep(job, {
      doing: 'straightening the clock',
      args: fixTimestampsArgs({ input, index }),
      output: file,
      share,
    });
    const delayS = startS - facts.startS;
    parts.push({ file, delayS: Math.abs(delayS) > MAX_DELAY_S ? 0 : delayS });
  }
  const { outputBytes } = await runStep(job, {
    doing: 'straightening the clock',
    args: rejoinArgs(parts),
    output: STRAIGHT,
    share: SHARE / (tracks.length + 1),
  });
  await forget(job, ...parts.map(part => part.file));
  return outputBytes;
}

function notesOn(facts: MediaFacts, straight: MediaFacts): string[] {
  const notes = [
    `its clock started again ${facts.clockJumps === 1 ? 'once' : `${facts.clockJumps} times`}: the parts were put in a row`,
  ];
  const [sound] = straight.audio;
  const lengthS = sound?.bitrate ? (sound.bytes * 8) / sound.bitrate : undefined;
  if (lengthS !== undefined && Math.abs(lengthS - straight.durationS) > AUDIBLE_S) {
    notes.push(
      `sound and picture may drift apart by up to ${Math.abs(lengthS - straight.durationS).toFixed(1)} s: its parts differ in length`,
    );
  }
  if (facts.subtitles.length > 0) notes.push('subtitles dropped: their times cannot be put in a row');
  return notes;
}
