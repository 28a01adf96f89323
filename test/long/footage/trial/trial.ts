/** One file through the product, as a user types it, and an independent look at what came of it. */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './child.ts';
import { type Column, compare, type Compared, type Wrong } from './compare.ts';
import { look, type Programs } from './look.ts';

export interface Ask {
  /** `45%`, `20MB`; as `--size` takes it. */
  size?: string;
  /** As `--ask` takes them. */
  words?: string;
}

/** `refused`: no result, with a sentence. `wrong`: something is lost, moved or untrue, or there is neither result nor sentence. */
export type Verdict = 'ok' | 'refused' | 'wrong';

export interface Row {
  name: string;
  asked: string;
  verdict: Verdict;
  /** How the result was made, in a word: `copied`, `two-pass`. */
  route: string;
  askedBytes?: number;
  bytes?: number;
  shown: Partial<Compared['shown']>;
  notes: string[];
  wrong: Wrong[];
  /** Why it was refused. */
  reason?: string;
  /** ffmpeg decodes the refused source without a complaint: its sentence is worth a second look. */
  decodes?: boolean;
  seconds: number;
}

/** The built program; what else a trial needs. */
export interface Bench {
  cli: string;
  programs: Programs;
  dir: string;
  config?: string;
  limitMs: number;
}

interface Job {
  state: string;
  reason?: string | null;
  hint?: string | null;
  notes?: string[];
  output?: string | null;
  messages?: { how?: Message };
}

interface Message {
  code: string;
  params?: Record<string, unknown>;
}

export async function trial(path: string, name: string, ask: Ask, bench: Bench): Promise<Row> {
  const startedAt = performance.now();
  const dir = await mkdtemp(join(bench.dir, 'trial-'));
  const asked = [ask.size, ask.words].filter(Boolean).join(', ') || 'the usual';
  try {
    const row = await inDir(path, ask, { ...bench, dir });
    return { name, asked, ...row, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

type Judged = Omit<Row, 'name' | 'asked' | 'seconds'>;

async function inDir(path: string, ask: Ask, bench: Bench): Promise<Judged> {
  const { size } = await stat(path);
  const maxBytes = bytesOf(ask.size, size);
  const { job, trouble } = await compress(path, ask, bench);
  const about = {
    route: routeOf(job),
    notes: job?.notes ?? [],
    ...(maxBytes === undefined ? {} : { askedBytes: maxBytes }),
  };
  if (!job || trouble)
    return { ...about, verdict: 'wrong', shown: {}, wrong: [wrongly('plays', trouble ?? 'no answer')] };
  if (job.state !== 'done') return { ...about, ...(await refused(job, path, bench)) };
  const result = join(bench.dir, 'out', 'result.mp4');
  const after = await look(result, bench.programs, { strict: true });
  const before = await look(path, bench.programs, { like: after.picture });
  const { wrong, shown } = compare(before, after, about.notes, { maxBytes, words: ask.words });
  const slips = about.notes.filter(hasSlip).map(note => wrongly('inventory', `a slip in a note: ${note}`));
  const all = [...wrong, ...slips];
  return { ...about, verdict: all.length > 0 ? 'wrong' : 'ok', bytes: after.bytes, shown, wrong: all };
}

function wrongly(column: Column, text: string): Wrong {
  return { column, text };
}

async function compress(path: string, ask: Ask, bench: Bench): Promise<{ job?: Job; trouble?: string }> {
  const out = join(bench.dir, 'out');
  await mkdir(out);
  const pieces: Buffer[] = [];
  const ended = await run({
    command: process.execPath,
    args: [
      ...[bench.cli, 'compress', path, '-o', join(out, 'result.mp4'), '--json'],
      ...(bench.config ? ['--config', bench.config] : []),
      ...(ask.size ? ['--size', ask.size] : []),
      ...(ask.words ? ['--ask', ask.words] : []),
    ],
    readers: [piece => pieces.push(piece)],
    limitMs: bench.limitMs,
  });
  if (ended.hung) return { trouble: `it was still at it after ${bench.limitMs / 60_000} minutes` };
  const [job] = jobsIn(Buffer.concat(pieces).toString());
  const lines = ended.stderr.trim().split('\n').slice(-3).join(' ');
  if (!job) return { trouble: `it ended with ${ended.code} and no answer: ${lines}` };
  return ended.code === (job.state === 'done' ? 0 : 3) || job.state !== 'done'
    ? { job }
    : { job, trouble: `it says done and ends with ${ended.code}` };
}

function jobsIn(text: string): Job[] {
  try {
    return JSON.parse(text) as Job[];
  } catch {
    return [];
  }
}

async function refused(job: Job, path: string, { dir, programs }: Bench): Promise<Omit<Judged, 'route' | 'notes'>> {
  const reason = [job.reason, job.hint].filter(Boolean).join('. ');
  const isThere = await stat(join(dir, 'out', 'result.mp4')).then(
    () => true,
    () => false,
  );
  const wrong = [
    ...(isThere ? [wrongly('plays', `${job.state}, and a file was delivered all the same`)] : []),
    ...(/\S+ \S+ \S+/.test(job.reason ?? '') && !hasSlip(reason)
      ? []
      : [wrongly('plays', `no true sentence: ${reason}`)]),
  ];
  if (OWN_FAULT.test(reason)) wrong.push(wrongly('plays', 'it could not make a result that passes its own checks'));
  const { picture, complaints } = await look(path, programs, { strict: true });
  const decodes = complaints === '' && (picture?.times.length ?? 0) > 1;
  return { verdict: wrong.length > 0 ? 'wrong' : 'refused', shown: {}, wrong, reason, decodes };
}

/** No file is to blame for these. */
const OWN_FAULT = /failed verification|please report it/;

function hasSlip(text: string): boolean {
  return /NaN|Infinity|undefined|\[object/.test(text);
}

/** `local.how-encoded` of `local.how-two-pass`: `two-pass`. */
function routeOf(job: Job | undefined): string {
  const how = job?.messages?.how;
  let message = how;
  for (const inner of ['what', 'how']) {
    const next = message?.params?.[inner] as Message | undefined;
    if (next?.code?.includes('how-')) message = next;
  }
  return (message?.code ?? '-').replace(/^.*how-/, '');
}

const UNITS: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

export function bytesOf(size: string | undefined, of: number): number | undefined {
  const [, number, unit = ''] = /^([\d.]+)\s*(%|[kKMG]i?B)$/.exec(size ?? '') ?? [];
  if (number === undefined) return undefined;
  return Math.floor(unit === '%' ? (of * Number(number)) / 100 : Number(number) * (UNITS[unit] ?? 1));
}
