/** ffmpeg, ffprobe and the product as children whose outputs are read while they run. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface Ended {
  code: number | null;
  /** It took longer than it may, and was stopped. */
  hung: boolean;
  stderr: string;
}

/** Reads one output piece by piece; the first reads stdout, the others file descriptors 3, 4 and so on. */
export type Reader = (piece: Buffer) => void;

export interface Child {
  command: string;
  args: readonly string[];
  readers?: readonly Reader[];
  limitMs?: number;
  env?: NodeJS.ProcessEnv;
}

/** Decoding what anyone would drop into a folder takes less, on the slowest machine. */
const LIMIT_MS = 3_600_000;
/** Of what a child complains about, the beginning is told. */
const MAX_STDERR = 200_000;

export async function run({ command, args, readers = [], limitMs = LIMIT_MS, env }: Child): Promise<Ended> {
  const more = readers.slice(1).map(() => 'pipe' as const);
  const stdout = readers.length > 0 ? 'pipe' : 'ignore';
  const child = spawn(command, args, { stdio: ['ignore', stdout, 'pipe', ...more], ...(env ? { env } : {}) });
  let stderr = '';
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, limitMs);
  readers.forEach((read, n) => (child.stdio[n === 0 ? 1 : n + 2] as Readable).on('data', read));
  child.stderr?.on('data', (piece: Buffer) => {
    if (stderr.length < MAX_STDERR) stderr += piece.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearTimeout(timer));
  return { code, hung, stderr };
}

/** What a child writes to stdout, as text. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  const pieces: Buffer[] = [];
  await run({ command, args, readers: [piece => pieces.push(piece)] });
  return Buffer.concat(pieces).toString();
}
