import { join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import type { MediaFacts } from '../../core/media.ts';
import { keepFrameTimes, untrustedInput } from '../../platform/ffmpeg/args.ts';
import { topBoxes } from '../../platform/ffmpeg/boxes.ts';
import { probe } from '../../platform/ffmpeg/probe.ts';
import { copyArgs } from './argv.ts';
import { type Bench, bytesOf, forget, recall, remember, runStep } from './bench.ts';
import type { Outcome } from './outcome.ts';
import { type CopyChoice, droppedTracks, insteadOfCopy } from './plan.ts';

const COPY = 'copy.mp4';

/**
 * The source's own picture in an MP4, without loss. Not every copy that ffmpeg makes is right (old AVI files, damaged sources):
 * it is measured and decoded before it counts, and what does not pass is encoded instead.
 */
export async function copyPicture(bench: Bench, choice: CopyChoice): Promise<Outcome> {
  const { order, context, facts } = bench;
  let bytes = await bytesOf(bench, COPY);
  if (bytes === undefined || recall<number>(bench, 'copy') !== bytes) {
    await context.step('copying without loss');
    const made = await makeCopy(bench, choice);
    if (typeof made === 'string') return instead(bench, choice, made);
    bytes = made;
  }
  if (bytes > choice.capBytes) {
    if (await isPlainMp4(bench, choice)) return asItIs(bench, choice);
    return instead(bench, choice, 'as an MP4 it would be larger than it may be');
  }
  const problem = recall<string>(bench, 'copy-checked') ?? (await whatIsWrong(bench, choice));
  if (problem !== 'fine') return instead(bench, choice, problem);
  await remember(bench, 'copy-checked', problem);
  return {
    kind: 'candidate',
    candidate: {
      path: join(context.workDir, COPY),
      isSource: false,
      bytes,
      expect: {
        maxBytes: choice.capBytes,
        durationS: facts.durationS,
        width: facts.video.displayWidth,
        height: facts.video.displayHeight,
        frames: facts.video.frames,
        audioTracks: choice.sound.length,
        subtitleTracks: choice.subtitles.length,
        ...(order.target.fps === undefined ? {} : { maxFps: order.target.fps }),
        videoCodecs: [facts.video.codec],
      },
      how: `copied without loss${soundWords(choice)}: ${choice.why}`,
      notes: [...choice.notes, ...droppedTracks(facts)],
    },
  };
}

/** Bytes of the copy, or why there is none. */
async function makeCopy(bench: Bench, choice: CopyChoice): Promise<number | string> {
  const { tools, facts, input } = bench;
  try {
    const { outputBytes } = await runStep(bench, {
      doing: 'copying into an MP4',
      args: copyArgs({ tools, facts, input, copy: choice }),
      output: COPY,
      share: 0.5,
      note: 'copying',
    });
    await remember(bench, 'copy', outputBytes);
    return outputBytes;
  } catch (error) {
    if (!(error instanceof ShrinkError) || error.code !== 'child-failed') throw error;
    bench.context.log.debug({ said: error.message }, 'copy refused');
    return 'it cannot be put into an MP4 as it is';
  }
}

/** `fine`, or what the copy lacks, as the reason to encode. */
async function whatIsWrong(bench: Bench, choice: CopyChoice): Promise<string> {
  const { context, facts, tools } = bench;
  const path = join(context.workDir, COPY);
  const differs = await probe(path, { tools, signal: context.signal, gate: context.gate }).then(
    copy => difference(facts, copy, choice),
    (error: unknown) => {
      if (
        error instanceof ShrinkError &&
        ['not-media', 'no-video', 'incomplete-media', 'unsafe-media'].includes(error.code)
      ) {
        return 'a copy of it does not open';
      }
      throw error;
    },
  );
  if (differs) return differs;
  try {
    const { complaints, frames } = await runStep(bench, {
      doing: 'playing the copy to its end',
      args: [
        '-xerror',
        ...untrustedInput(path),
        '-map',
        '0:v',
        '-map',
        '0:a?',
        ...keepFrameTimes(tools),
        '-f',
        'null',
        '-',
      ],
      share: 0.5,
      note: 'checking the copy',
      fraction: progress => progress.frames / facts.video.frames,
    });
    return complaints === 0 && frames >= facts.video.frames ? 'fine' : 'the source has damaged spots';
  } catch (error) {
    if (!(error instanceof ShrinkError) || error.code !== 'child-failed') throw error;
    return 'the source has damaged spots';
  }
}

function difference(source: MediaFacts, copy: MediaFacts, choice: CopyChoice): string | undefined {
  const off = Math.abs(source.durationS - copy.durationS);
  const sameTime = off <= Math.max(0.05, 1 / Math.max(1, source.video.fps));
  const samePicture =
    source.video.frames === copy.video.frames &&
    source.video.displayWidth === copy.video.displayWidth &&
    source.video.displayHeight === copy.video.displayHeight;
  if (sameTime && samePicture && copy.audio.length === choice.sound.length) return undefined;
  return 'a copy of it comes out different';
}

/** The source can be handed over as it is: an MP4 already, with every track that was asked for and no other wish. */
async function isPlainMp4(bench: Bench, choice: CopyChoice): Promise<boolean> {
  const { order, facts } = bench;
  if (order.sourceBytes > choice.capBytes || order.target.audio.kind !== 'keep') return false;
  if (!facts.container.includes('mp4')) return false;
  const { boxes, brand } = await topBoxes(order.source);
  return brand !== '' && brand !== 'qt  ' && boxes.some(box => box.type === 'moov');
}

function asItIs(bench: Bench, choice: CopyChoice): Outcome {
  const { order, facts } = bench;
  return {
    kind: 'candidate',
    candidate: {
      path: order.source,
      isSource: true,
      bytes: order.sourceBytes,
      expect: { maxBytes: choice.capBytes, durationS: facts.durationS, videoCodecs: [facts.video.codec] },
      how: `the file itself: ${choice.why}, and packing it anew would make it larger`,
      notes: [],
    },
  };
}

async function instead(bench: Bench, choice: CopyChoice, why: string): Promise<Outcome> {
  await forget(bench, COPY);
  return { kind: 'instead', instead: insteadOfCopy(choice, bench.order, why), notes: [`re-encoded, because ${why}`] };
}

function soundWords(choice: CopyChoice): string {
  const encoded = choice.sound.filter(track => track.how === 'aac').length;
  return encoded === 0 ? '' : `, ${encoded === 1 ? 'one sound track' : `${encoded} sound tracks`} turned into AAC`;
}
