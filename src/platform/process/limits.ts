/** What limits a process: memory, time and file sizes of children, their priority, and no core files of our own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** Programs put in front of a child, as far as this system has them (util-linux, coreutils). Each execs the next. */
export interface Launchers {
  /** A `setpriv` that knows `--pdeathsig`: the child dies with us. busybox has one that does not. */
  setpriv: string | undefined;
  prlimit: string | undefined;
  nice: string | undefined;
  ionice: string | undefined;
  /** Our own hard limits, which no child of ours can exceed; absent if there are none. */
  ceilings?: ChildLimits;
}

/** Limits the kernel enforces on a child, if `prlimit` (util-linux) exists; otherwise it runs without them. */
export interface ChildLimits {
  addressSpaceBytes?: number;
  cpuSeconds?: number;
  fileSizeBytes?: number;
}

interface LaunchOptions {
  args: readonly string[];
  limits?: ChildLimits;
  nice?: number;
}

/** Lowest disk priority. Not the idle class (-c 3): on a disk that is never idle it would wait for ever. */
const LAST_AT_DISK = ['-c', '2', '-n', '7'];

/** In the order in which they come before a child, with arguments that prove that they work. */
const PROOFS = {
  setpriv: ['--pdeathsig', 'KILL'],
  prlimit: ['--core=0'],
  nice: ['-n', '1'],
  ionice: LAST_AT_DISK,
};

let found: Promise<Launchers> | undefined;

/** Looks for the launchers once and proves that each works here. */
export function findLaunchers(): Promise<Launchers> {
  found ??= Promise.all([workingLaunchers(), readFile('/proc/self/limits', 'utf8').catch(() => '')]).then(
    ([launchers, own]) => ({ ...launchers, ceilings: ceilingsIn(own) }),
  );
  return found;
}

async function workingLaunchers(): Promise<Omit<Launchers, 'ceilings'>> {
  const names = Object.keys(PROOFS) as (keyof typeof PROOFS)[];
  const paths = await Promise.all(names.map(async name => await findProgram(name)));
  const lines = names.map((name, at) => (paths[at] === undefined ? [] : [paths[at], ...PROOFS[name]]));
  // One child instead of four if all of them work, as they do nearly everywhere.
  const all = await succeeds([...lines.flat(), 'true']);
  const work = await Promise.all(
    lines.map(async line => line.length > 0 && (all || (await succeeds([...line, 'true'])))),
  );
  const [setpriv, prlimit, nice, ionice] = paths.map((path, at) => (work[at] ? path : undefined));
  return { setpriv, prlimit, nice, ionice };
}

/** The hard limits listed in /proc/PID/limits. Pure. */
export function ceilingsIn(text: string): ChildLimits {
  const of = (name: string) => Number(new RegExp(`^${name} +\\S+ +(\\d+) `, 'm').exec(text)?.[1] ?? Infinity);
  const all = {
    addressSpaceBytes: of('Max address space'),
    cpuSeconds: of('Max cpu time'),
    fileSizeBytes: of('Max file size'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, limit]) => Number.isFinite(limit)));
}

/** The command line that starts `program` through the launchers it needs. Pure. */
export function launchedThrough(launchers: Launchers, program: string, options: LaunchOptions): [string, string[]] {
  const line: string[] = [];
  if (launchers.setpriv) line.push(launchers.setpriv, '--pdeathsig', 'KILL');
  const limits = limitArgs(options.limits, launchers.ceilings);
  if (launchers.prlimit && limits.length > 0) line.push(launchers.prlimit, ...limits);
  if (launchers.nice && options.nice) line.push(launchers.nice, '-n', String(options.nice));
  if (launchers.ionice && options.nice) line.push(launchers.ionice, ...LAST_AT_DISK);
  line.push(program, ...options.args);
  return [line[0] ?? program, line.slice(1)];
}

/** Asking for more than our own limit would be refused, and the child would not start. */
function limitArgs(limits: ChildLimits | undefined, ceilings: ChildLimits = {}): string[] {
  const capped = (value: number, ceiling = Infinity) => Math.min(Math.ceil(value), ceiling);
  const args: string[] = [];
  if (limits?.addressSpaceBytes) args.push(`--as=${capped(limits.addressSpaceBytes, ceilings.addressSpaceBytes)}`);
  if (limits?.cpuSeconds) {
    // Soft limit first (SIGXCPU, which can be told apart from other endings), hard limit a little later (SIGKILL).
    const cpu = [limits.cpuSeconds, limits.cpuSeconds + 5].map(value => capped(value, ceilings.cpuSeconds));
    args.push(`--cpu=${cpu.join(':')}`);
  }
  if (limits?.fileSizeBytes) args.push(`--fsize=${capped(limits.fileSizeBytes, ceilings.fileSizeBytes)}`);
  if (args.length > 0) args.push('--core=0');
  return args;
}

/** Absolute path of an executable file: a path is taken as it is, a name is searched for on PATH. */
export async function findProgram(command: string, path = process.env['PATH'] ?? ''): Promise<string | undefined> {
  if (command.includes('/')) return (await isExecutable(resolve(command))) ? resolve(command) : undefined;
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, command);
    // An empty or relative entry in PATH would mean whatever directory we happen to be in.
    if (isAbsolute(directory) && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Nothing of ours is any of its business. */
function onlyPath(): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return { PATH };
}

async function succeeds([command = '', ...args]: readonly string[]): Promise<boolean> {
  return await new Promise(resolve => {
    const child = spawn(command, args, { stdio: 'ignore', env: onlyPath() });
    child.on('error', () => resolve(false));
    child.on('close', code => resolve(code === 0));
  });
}

/**
 * A core file of ours would hold tokens in plain sight. Node cannot set its own limits; `prlimit` (util-linux) sets those of a
 * running process. Without it, only the LimitCORE=0 of the units remains.
 */
export async function forbidCoreDumps(): Promise<void> {
  const prlimit = await findProgram('prlimit');
  if (!prlimit) return;
  const child = spawn(prlimit, ['--pid', String(process.pid), '--core=0:0'], { stdio: 'ignore', env: onlyPath() });
  await once(child, 'close').catch(() => {});
}
