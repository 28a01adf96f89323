/** One spoiled file on its way through the stages; what went wrong is a list of sentences. */
import { execFile } from 'node:child_process';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ShrinkError } from '../../../src/core/errors.ts';
import { type Kind, KINDS } from '../../../src/core/inventory.ts';
import type { Candidate, Order } from '../../../src/core/job.ts';
import type { MediaFacts } from '../../../src/core/media-info.ts';
import { type Target, targetBytes } from '../../../src/core/target.ts';
import { createLocalEngine } from '../../../src/engine/local/engine.ts';
import { describeInventory, planInventory } from '../../../src/engine/local/plan/fates.ts';
import { planPicture } from '../../../src/engine/local/plan/video.ts';
import { choose, describeChoice } from '../../../src/engine/local/plan/strategy.ts';
import { planSound } from '../../../src/engine/local/plan/audio.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { HEAD_BYTES, looksLike } from '../../../src/media/probe/sniff.ts';
import type { Tools } from '../../../src/media/ffmpeg/tools.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { checkCompleteness } from '../../../src/media/completeness/index.ts';
import { recordingContext } from '../../contract/engine.ts';
import type { Random } from '../torture/random.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { withSource } from '../../support/with-source.ts';

export interface Case {
  name: string;
  bytes: Buffer;
  target: Partial<Target>;
  /** Encoded and verified as well, where it can be opened at all. */
  full: boolean;
}

export interface Result {
  /** How it ended: `done`, or the code of the error; `walked` where only the container was looked at. */
  end: string;
  wrong: string[];
  /** How the encode was done, or what the error said. */
  said: string;
}

/** Nothing here is longer than a second or two: who needs this long hangs, however busy the machine is. */
const LIMIT_MS = 600_000;
/** One read per header: a walk that needs more of such small files goes in circles. */
const MAX_READS = 20_000;
const MAX_READ_BYTES = 1_100_000;

export const TARGETS: readonly Partial<Target>[] = [
  { size: { kind: 'share', share: 0.6 } },
  { size: { kind: 'share', share: 0.3 } },
  { size: { kind: 'share', share: 0.9 }, audio: { kind: 'mute' } },
  { size: { kind: 'bytes', bytes: 9_000 }, resolution: { kind: 'lines', lines: 48 } },
  { size: { kind: 'bytes', bytes: 50_000_000 } },
  { size: { kind: 'share', share: 0.8 }, fps: 6 },
  {},
];

export function targetFrom(random: Random): Partial<Target> {
  return random.pick(TARGETS);
}

/** The container's own arithmetic, and what the first bytes look like. Pure but for reading. */
export async function walk(bytes: Buffer): Promise<string[]> {
  const wrong: string[] = [];
  let reads = 0;
  const read = async (offset: number, length: number) => {
    reads += 1;
    if (reads > MAX_READS) throw new Error(`the walk made ${reads} reads of a file of ${bytes.length} bytes`);
    if (!Number.isSafeInteger(offset) || offset < 0) throw new Error(`the walk reads at ${offset}`);
    if (length > MAX_READ_BYTES) throw new Error(`the walk reads ${length} bytes at once`);
    return bytes.subarray(offset, offset + length);
  };
  try {
    const said = await checkCompleteness({ size: bytes.length, read });
    if ('why' in said) wrong.push(...sentence(said.why.text));
    looksLike(bytes.subarray(0, HEAD_BYTES), bytes.length);
  } catch (error) {
    wrong.push(`crash of the walk: ${(error as Error).stack}`);
  }
  return wrong;
}

export async function run(one: Case, options: { tools: Tools; dir: string }): Promise<Result> {
  const wrong = await walk(one.bytes);
  const dir = join(options.dir, one.name.replace(/[^\w.-]/g, '_'));
  await mkdir(join(dir, 'work'), { recursive: true });
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LIMIT_MS);
  try {
    const source = join(dir, one.name);
    await writeFile(source, one.bytes);
    const said = await stages(one, { ...options, source, workDir: join(dir, 'work'), signal: stop.signal, wrong });
    return { ...said, wrong };
  } catch (error) {
    if (stop.signal.aborted) wrong.push(`hang: still at it after ${LIMIT_MS / 1000} s (${(error as Error).message})`);
    else if (!(error instanceof ShrinkError)) wrong.push(`crash: ${(error as Error).stack}`);
    else wrong.push(...sentence(error.message));
    return { end: error instanceof ShrinkError ? error.code : 'crash', said: (error as Error).message, wrong };
  } finally {
    clearTimeout(timer);
    await rm(dir, { recursive: true, force: true });
  }
}

interface Stage {
  tools: Tools;
  source: string;
  workDir: string;
  signal: AbortSignal;
  wrong: string[];
}

async function stages(one: Case, stage: Stage): Promise<{ end: string; said: string }> {
  const { tools, source, signal, wrong } = stage;
  const facts = await probe(ownFile(source), { tools, signal });
  const order: Order = {
    ...{ job: 'fuzz', source, sourceBytes: one.bytes.length },
    target: { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05, ...one.target },
  };
  wrong.push(...factsWrong(facts), ...planWrong(facts, order, tools));
  if (!one.full) return { end: 'probed', said: '' };
  const engine = withSource(createLocalEngine({ tools, effort: 'fast', clock: systemClock, threads: 1 }));
  const { context } = recordingContext({ workDir: stage.workDir, signal });
  const candidate = await engine.run(order, context);
  wrong.push(...sentence(candidate.how), ...candidate.notes.flatMap(sentence));
  const verified = await verifyCandidate(candidate, { tools, signal });
  wrong.push(...(await lies(verified, facts, order, tools)));
  return { end: 'done', said: candidate.how };
}

/** Everything later is computed from these, and they go into the journal as JSON. */
function factsWrong(facts: MediaFacts): string[] {
  const wrong: string[] = [];
  const look = (value: unknown, path: string) => {
    if (typeof value === 'number' && !Number.isFinite(value)) wrong.push(`facts: ${path} is ${value}`);
    if (value && typeof value === 'object')
      for (const [key, inner] of Object.entries(value)) look(inner, `${path}.${key}`);
  };
  look(facts, '');
  const { durationS, video } = facts;
  if (!(durationS > 0)) wrong.push(`facts: it lasts ${durationS} s`);
  if (!(video.fps > 0) || !(video.frames > 1)) wrong.push(`facts: ${video.frames} frames at ${video.fps}`);
  if (!(video.displayWidth > 0) || !(video.displayHeight > 0))
    wrong.push(`facts: the picture is ${video.displayWidth}x${video.displayHeight}`);
  return wrong;
}

function planWrong(facts: MediaFacts, order: Order, tools: Tools): string[] {
  try {
    const choice = choose(facts, order);
    const picture = planPicture(facts, order.target, 1, tools);
    const sound = planSound(facts, order.target, { capBytes: choice.capBytes, spareBytes: 0 });
    const { target } = order;
    const fates = planInventory({ way: 'encode', facts, target, tools, codec: 'h264', picture, sound });
    const lines = [...describeChoice(facts, choice, order), ...describeInventory(fates)];
    const wrong = [picture.filters, ...lines.map(line => line.text)].flatMap(sentence);
    if (picture.width < 2 || picture.height < 2) wrong.push(`plan: a picture of ${picture.width}x${picture.height}`);
    return wrong;
  } catch (error) {
    return error instanceof ShrinkError ? [] : [`crash of the plan: ${(error as Error).stack}`];
  }
}

/** A sentence of ours is one line and holds no slip of arithmetic. */
function sentence(text: string): string[] {
  return /NaN|Infinity|undefined|\[object|\n/.test(text)
    ? [`a sentence with a slip in it: ${JSON.stringify(text)}`]
    : [];
}

/** Half of what can be decoded of the source must be there, at the least. */
const MIN_SHOWN = 0.5;

/** What is said of a result, against what an ffmpeg that knows nothing of us finds in it. */
async function lies(result: Candidate, before: MediaFacts, order: Order, tools: Tools): Promise<string[]> {
  const wrong: string[] = [];
  const { size } = await stat(result.path);
  // What is only repackaged may grow by its new headers; the size that was asked for counts there, too.
  const own = /^copied|unchanged/.test(result.how) ? Infinity : order.sourceBytes;
  const most = Math.min(targetBytes(order.target, order.sourceBytes) ?? Infinity, own);
  if (size > most) wrong.push(`lie: done with ${size} bytes of ${most}`);
  const strict = result.isSource ? [] : ['-xerror'];
  const played = await decode(result.path, strict, tools);
  if (played === undefined) {
    wrong.push('lie: done, but it cannot be decoded to its end');
  } else if (order.target.fps === undefined) {
    const there = await decode(order.source, [], tools, before.video.index);
    if (there !== undefined && played.frames < there.frames * MIN_SHOWN)
      wrong.push(`lie: done with ${played.frames} of ${there.frames} frames that can be decoded`);
    if (result.expect.frames !== undefined && played.frames !== result.expect.frames)
      wrong.push(`lie: it claims ${result.expect.frames} frames and has ${played.frames}`);
  }
  if (!result.isSource) {
    const after = await probe(ownFile(result.path), { tools, thorough: true });
    wrong.push(...silentLosses(before, after, result.notes, order.target));
  }
  return wrong;
}

/** Nobody misses it (a picture turned upright, square pixels), or ffprobe cannot show it in a result. */
const UNMISSED = null;

/** What a note that speaks of a lost one says. */
const TOLD: Readonly<Record<Kind, RegExp | typeof UNMISSED>> = {
  picture: /nothing excuses this/,
  sound: /sound|dropped: .*track/i,
  'early-sound': /sound/i,
  subtitles: /subtitle/i,
  captions: /captions/i,
  chapters: /chapter/i,
  cover: /cover art/i,
  'second-picture': /picture track/i,
  attachment: /attachment/i,
  data: /^dropped: (?!cover|sound|subtitle|another picture)/i,
  'empty-track': /without sound|empty subtitles/i,
  date: /nothing excuses this/,
  place: /nothing excuses this/,
  tags: /tags/i,
  'track-title': UNMISSED,
  rotation: UNMISSED,
  mirroring: UNMISSED,
  'sample-aspect': UNMISSED,
  shapes: /changes shape/,
  range: UNMISSED,
  colour: /colour|HDR/i,
  depth: /colour depth|HDR/i,
  hdr: /HDR/,
  'dolby-vision': /Dolby Vision/,
  projection: /360/,
  stereo: /3D/,
  'second-eye': /second eye/i,
  alpha: /transparen/i,
  interlacing: /deinterlaced/i,
  cadence: UNMISSED,
  'last-picture': /last picture/,
  'hidden-frames': UNMISSED,
  unread: /behind the end/,
};

/** What the source held, the result does not, and no note names: neither the plan nor verify is asked. */
export function silentLosses(
  before: Pick<MediaFacts, 'inventory'>,
  after: Pick<MediaFacts, 'inventory'>,
  notes: readonly string[],
  { audio }: Pick<Target, 'audio'>,
): string[] {
  const count = ({ inventory }: Pick<MediaFacts, 'inventory'>, kind: Kind) =>
    inventory.filter(item => item.kind === kind).length;
  return KINDS.flatMap(kind => {
    const told = TOLD[kind];
    const lost = count(before, kind) - count(after, kind);
    const isAskedFor = audio.kind === 'mute' && (kind === 'sound' || kind === 'early-sound');
    if (lost <= 0 || told === UNMISSED || isAskedFor) return [];
    return notes.some(note => told.test(note))
      ? []
      : [`silent loss: ${lost} of kind ${kind}; notes: ${notes.join('; ')}`];
  });
}

async function decode(
  path: string,
  strict: string[],
  tools: Tools,
  index?: number,
): Promise<{ frames: number } | undefined> {
  const args = [
    ...[
      '-v',
      'error',
      '-nostdin',
      ...strict,
      '-protocol_whitelist',
      'file',
      '-max_pixels',
      '67108864',
      '-i',
      `file:${path}`,
    ],
    ...[
      '-map',
      index === undefined ? '0:v:0' : `0:${index}`,
      '-fps_mode',
      'passthrough',
      '-progress',
      'pipe:1',
      '-f',
      'null',
      '-',
    ],
  ];
  try {
    const { stdout } = await promisify(execFile)(tools.ffmpeg, args, { timeout: LIMIT_MS });
    return { frames: Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1] ?? 0) };
  } catch {
    return undefined;
  }
}
