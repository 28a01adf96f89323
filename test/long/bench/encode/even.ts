/**
 * Whether the bytes go where they are seen: shrinkbox against a plain two-pass of the picture alone, at the same picture size, preset
 * and bytes. Means hide a starved end, so the worst 5 % of the frames and the eighths of the clip are shown beside them, apart for
 * the clips that constants were fitted on and for those that nobody looked at.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pictureAt, planPicture } from '../../../../src/engine/local/plan/video.ts';
import type { Tools } from '../../../../src/media/ffmpeg/tools.ts';
import { probe } from '../../../../src/media/probe/probe.ts';
import { ownFile } from '../../../../src/platform/files/files.ts';
import { type Made, shrinkbox, twoPasses } from './candidates.ts';
import { type Clip, sizeFor, type TargetName } from './clips.ts';
import { compare, type Metric, type Quality } from './quality.ts';
import { type Goal, median } from './report.ts';

interface Options {
  tools: Tools;
  judge: Tools;
  dir: string;
  say(line: string): void;
  /** Look for the best of nine picture sizes as well. */
  sizes?: boolean | undefined;
  codec: string;
}

interface Pair {
  clip: Clip;
  target: TargetName;
  ours: Quality;
  plain: Quality;
  /** Of the nine picture sizes: the best mean, and the worst frames of that one. */
  best?: Quality;
}

/** Two encodes of one recipe differ by so much VMAF, or hundredths of SSIM. */
const TOLERANCE = 0.3;
const SIDES = [1, 0.85, 0.75, 0.66, 0.6, 0.5, 0.42, 0.33, 0.25];
/** The plain two-pass is asked again until its bytes are this near. */
const ALIKE = 0.005;
const MOST_TRIES = 4;

export async function evenGoals(
  clips: readonly Clip[],
  targets: readonly TargetName[],
  options: Options,
): Promise<Goal[]> {
  const pairs: Pair[] = [];
  for (const target of targets) {
    for (const clip of clips) {
      const pair = await pairOf(clip, target, options);
      if (pair) pairs.push(pair);
    }
  }
  const sets = [
    { name: 'clips fitted on', of: pairs.filter(({ clip }) => !clip.unseen) },
    { name: 'unseen clips', of: pairs.filter(({ clip }) => clip.unseen) },
  ];
  return sets.flatMap(({ name, of }) => (of.length === 0 ? [] : [goal(name, of)]));
}

async function pairOf(clip: Clip, target: TargetName, options: Options): Promise<Pair | undefined> {
  const { tools, judge, dir, say, codec } = options;
  const made = await shrinkbox(
    { clip, bytes: sizeFor(clip, target), dir, tools },
    codec === 'h264' ? {} : { ask: codec },
  );
  const facts = made.path ? await probe(ownFile(made.path), { tools }) : undefined;
  if (!made.path || !facts || made.said.startsWith('copied')) {
    say(`${clip.name} ${target}: ${made.said}`);
    return undefined;
  }
  const metric = judge.filters.has('libvmaf') ? ('vmaf' as const) : ('ssim' as const);
  const judged = { tools, with: judge, dir };
  const score = async (path: string) => inPoints(metric, await compare(metric, path, clip, judged));
  const ours = await score(made.path);
  const bytes = await bytesOfPicture(made.path, tools);
  const { displayWidth: width, displayHeight: height } = facts.video;
  const work = { clip, bytes, options };
  const plain = await plainAt({ ...work, filters: pictureAt(clip.facts, { width, height }, tools).filters });
  if (!plain.path) {
    say(`${clip.name} ${target}: plain two-pass ${plain.said}`);
    return undefined;
  }
  const pair: Pair = { clip, target, ours, plain: await score(plain.path) };
  say(
    `${clip.name} ${target} ${width}x${height}: shrinkbox ${inWords(pair.ours)} in ${bytes} B, CPU ${made.cpuS.toFixed(1)} s (${made.said}); ` +
      `plain ${inWords(pair.plain)} in ${plain.bytes} B, CPU ${plain.cpuS.toFixed(1)} s`,
  );
  if (options.sizes) await addBest(pair, work, score);
  return pair;
}

async function addBest(pair: Pair, work: Omit<PlainWork, 'filters'>, score: (path: string) => Promise<Quality>) {
  const { clip, options } = work;
  for (const side of SIDES) {
    const picture = planPicture(
      clip.facts,
      { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
      side,
      options.tools,
    );
    const made = await plainAt({ ...work, filters: picture.filters });
    if (!made.path) continue;
    const quality = await score(made.path);
    options.say(
      `${clip.name} ${pair.target} plain at ${picture.width}x${picture.height}: ${inWords(quality)} in ${made.bytes} B`,
    );
    if (quality.mean > (pair.best?.mean ?? 0)) pair.best = quality;
  }
}

interface PlainWork {
  clip: Clip;
  /** Of the picture's packets. */
  bytes: number;
  filters: string;
  options: Options;
}

/** The recipe of every forum with these filters, asked again until it takes as many bytes. */
async function plainAt({ clip, bytes, filters, options }: PlainWork): Promise<Made> {
  const { tools, dir, codec } = options;
  const output = join(dir, 'plain.mp4');
  let rate = (bytes * 8) / clip.facts.durationS;
  for (let tries = 1; ; tries += 1) {
    const encoder = codec === 'h265' ? 'libx265' : 'libx264';
    const picture = [
      '-vf',
      filters,
      '-fps_mode',
      'passthrough',
      '-c:v',
      encoder,
      '-preset',
      'medium',
      '-b:v',
      String(Math.round(rate)),
    ];
    const made = await twoPasses({ clip, dir, tools, picture, audio: ['-an'], output });
    if (!made.path) return made;
    const took = await bytesOfPicture(made.path, tools);
    if (Math.abs(took / bytes - 1) <= ALIKE || tries === MOST_TRIES) return { ...made, bytes: took };
    rate *= bytes / took;
  }
}

async function bytesOfPicture(path: string, tools: Tools): Promise<number> {
  const ask = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=size', '-of', 'csv=p=0', path];
  const { stdout } = await promisify(execFile)(tools.ffprobe, ask, { maxBuffer: 1e8 });
  return [...stdout.matchAll(/\d+/g)].reduce((sum, [size]) => sum + Number(size), 0);
}

/** SSIM in hundredths, so that both metrics have a like scale. */
function inPoints(metric: Metric, of: Quality): Quality {
  if (metric === 'vmaf') return of;
  return { mean: of.mean * 100, worst: of.worst * 100, eighths: of.eighths.map(value => value * 100) };
}

function inWords({ mean, worst, eighths }: Quality): string {
  return `${mean.toFixed(1)} / ${worst.toFixed(1)} [${eighths.map(value => value.toFixed(1)).join(' ')}]`;
}

function goal(name: string, pairs: readonly Pair[]): Goal {
  const gains = pairs.map(({ clip, target, ours, plain, best }) => ({
    of: `${clip.name} ${target}`,
    mean: ours.mean - plain.mean,
    worst: ours.worst - plain.worst,
    behind: best ? best.mean - ours.mean : 0,
  }));
  const signed = (value: number) => `${value >= 0 ? '+' : ''}${value.toFixed(1)}`;
  const worse = gains.filter(gain => gain.mean < -TOLERANCE || gain.worst < -TOLERANCE);
  const behind = gains.filter(gain => gain.behind > 1);
  const list = (of: readonly string[]) => (of.length === 0 ? 'none' : of.join(', '));
  return {
    what: `even, ${name}: against a plain two-pass of the same picture size and bytes`,
    reach: 'mean and worst 5 % no worse on every clip (0.3)',
    measured:
      `mean ${signed(median(gains.map(gain => gain.mean)))}, worst 5 % ${signed(median(gains.map(gain => gain.worst)))} (medians of ${gains.length}); ` +
      `worse: ${list(worse.map(gain => `${gain.of} ${signed(gain.mean)} / ${signed(gain.worst)}`))}` +
      (pairs.some(({ best }) => best)
        ? `; more than 1 behind the best picture size: ${list(behind.map(gain => `${gain.of} ${gain.behind.toFixed(1)}`))}`
        : ''),
    reached: worse.length === 0,
  };
}
