/** Processor time of programs and of everything they start, as bash's `times` counts it. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';

export interface Cost {
  /** User and system time, seconds, children included. */
  cpuS: number;
  wallS: number;
}

export interface Ended extends Cost {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end and says what it cost. A TERM for the whole group still leaves time to write that down. */
const TIMED = 'trap : TERM; "${@:2}"; code=$?; times > "$1"; exit $code';
let runs = 0;

export async function timed(
  command: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<Ended> {
  const note = join(options.cwd, `.times-${(runs += 1)}`);
  const began = performance.now();
  const child = spawn('bash', ['-c', TIMED, 'bash', note, ...command], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const wallS = (performance.now() - began) / 1000;
  const cpuS = ofChildren(await readFile(note, 'utf8').catch(() => ''));
  await rm(note, { force: true });
  return { ok: code === 0, stdout, stderr, cpuS, wallS };
}

/** `0m0.010s 0m0.004s` of the shell, then of its children; seconds of the latter. */
function ofChildren(times: string): number {
  const line = times.split('\n')[1] ?? '';
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
}

/** One ffmpeg or ffprobe that shrinkbox started. */
export interface Child {
  kind: ChildKind;
  cpuS: number;
  args: string;
}

export type ChildKind =
  | 'ask'
  | 'probe'
  | 'sound'
  | 'sample'
  | 'pass 1'
  | 'pass 2'
  | 'one pass'
  | 'join'
  | 'verify'
  | 'compare'
  | 'other';

/** Stand-ins for ffmpeg and ffprobe that write down what each run cost; the rest is the program itself. */
export async function meteredTools(
  dir: string,
  real: { ffmpeg: string; ffprobe: string },
): Promise<{ ffmpeg: string; ffprobe: string; children(): Promise<Child[]> }> {
  const notes = join(dir, 'children');
  await mkdir(notes, { recursive: true });
  const metered = { ffmpeg: join(dir, 'ffmpeg'), ffprobe: join(dir, 'ffprobe') };
  for (const name of ['ffmpeg', 'ffprobe'] as const) {
    const script = [
      '#!/bin/bash',
      // On a busy machine low priority would make shrinkbox's children wait ten times as long as the others, for the same CPU time.
      `renice -n ${getPriority()} $$ >/dev/null 2>&1`,
      'trap : TERM',
      `"${real[name]}" "$@"`,
      'code=$?',
      `{ times; printf '%s ' ${name} "$@"; } > "${notes}/$$"`,
      'exit $code',
    ];
    await writeFile(metered[name], `${script.join('\n')}\n`);
    await chmod(metered[name], 0o755);
  }
  return {
    ...metered,
    async children() {
      const names = await readdir(notes);
      const texts = await Promise.all(names.map(name => readFile(join(notes, name), 'utf8')));
      await Promise.all(names.map(name => rm(join(notes, name))));
      return texts.map(text => {
        const args = text.split('\n').slice(2).join(' ');
        return { kind: kindOf(args), cpuS: ofChildren(text), args };
      });
    },
  };
}

/** What a run was for, from its arguments. Work folders are named `.shrinkbox-...`. */
function kindOf(args: string): ChildKind {
  const ours = /file:\S*\.shrinkbox-/.test(args);
  if (/ -version| -encoders| -codecs| -filters| -demuxers| -h full|lavfi/.test(args)) return 'ask';
  if (args.startsWith('ffprobe')) return ours && !args.includes('straight') ? 'verify' : 'probe';
  if (/ssim|psnr|vmaf/.test(args)) return 'compare';
  if (/ -pass 1|pass=1/.test(args)) return 'pass 1';
  if (/ -pass 2|pass=2/.test(args)) return 'pass 2';
  if (args.includes('-f framecrc')) return 'sample';
  if (/ -vn /.test(args) && args.includes('-c:a')) return 'sound';
  if (/ -c(:v)? copy/.test(args)) return 'join';
  if (/ -c:v lib/.test(args)) return 'one pass';
  if (ours && args.includes('-f null')) return 'verify';
  return 'other';
}
