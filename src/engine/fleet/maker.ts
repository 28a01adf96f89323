/** A worker's part, made by the same code that makes it on the daemon's own machine. */
import { cpus } from 'node:os';
import type { MakeablePart, Maker, MakeRequest } from '../../fleet/maker.ts';
import type { Tools } from '../../media/ffmpeg/tools.ts';
import type { Clock } from '../../platform/clock.ts';
import { ownFile } from '../../platform/files/files.ts';
import { LocalHands } from '../local/encode/local-hands.ts';
import { partFile, type Part, type Watch } from '../local/hands.ts';
import { memoryFor } from '../local/plan/presets.ts';
import { Workspace } from '../local/run/workspace.ts';
import { type PartOrder, readOrder } from './order.ts';

export interface PartMakerOptions {
  tools: Tools;
  /** By default one per core. */
  threads: number | undefined;
  clock: Clock;
  nice?: number;
  stallMs?: number;
}

const NICE = 10;
const STALL_MS = 10 * 60_000;

export function createPartMaker(options: PartMakerOptions): Maker {
  return {
    read(written): MakeablePart {
      const order = readOrder(written, options.tools);
      const { film, source, needsBytes } = order;
      return { film, source, needsBytes, make: request => make(order, request, options) };
    },
  };
}

async function make(
  order: PartOrder & { part: Part },
  { dir, source, signal, gate, progress }: MakeRequest,
  options: PartMakerOptions,
): Promise<{ made: unknown; file: string | undefined }> {
  const { tools, clock, nice = NICE, stallMs = STALL_MS } = options;
  const { work } = order;
  // A piece holds nothing but the picture.
  const part = order.source === 'all' ? order.part : withTrack(order.part, 0);
  const threads = order.oneThread ? 1 : (options.threads ?? cpus().length);
  const limits = { addressSpaceBytes: memoryFor(part.facts), fileSizeBytes: order.needsBytes + 256_000_000 };
  const space = new Workspace({ tools, dir, source, signal, gate, clock, nice, stallMs, threads, limits });
  const hands = new LocalHands({ space, input: ownFile(source), width: 1, threads });
  const step = work.kind === 'measure' ? 'pass-1' : work.ask.kind === 'quality' ? work.ask.step : 'pass-2';
  const watch: Watch = {
    signal,
    progress: (fraction, speed = 0) => progress(fraction, speed * part.facts.video.fps, step),
  };
  if (work.kind === 'measure') return { made: await hands.measure(part, work.crf, watch), file: undefined };
  const made = await hands.encode(part, work.ask, watch);
  return made ? { made, file: partFile(part) } : { made: null, file: undefined };
}

function withTrack(part: Part, index: number): Part {
  return { ...part, facts: { ...part.facts, video: { ...part.facts.video, index } } };
}
