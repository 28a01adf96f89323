/** A whole shrinkbox in a temporary directory: the built program as its own process, driven through files and its socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import type { JobDetail, JobView, StatusView } from '../../src/api/types.ts';
import type { StateName } from '../../src/core/job.ts';
import { eventually } from './eventually.ts';
import { mustHoldNoSecret, mustSayNoSecret } from './secrets.ts';

const CLI = join(import.meta.dirname, '../../dist/cli.js');

const RESTS: readonly StateName[] = ['done', 'held', 'failed', 'cancelled', 'skipped'];

export interface BoxOptions {
  /** Merged over a config with one folder, a quick settle and no HTTP port. */
  config?: Record<string, unknown>;
  env?: Record<string, string>;
  /** Where the box's directory is made; by default the system's temporary directory. */
  within?: string;
  /** Words before the program: `faketime -f ...`. */
  wrap?: readonly string[];
}

export class Box {
  readonly dir: string;
  readonly inbox: string;
  readonly outbox: string;
  readonly state: string;
  readonly log: string;
  /** How long a job is waited for: a file that stays incomplete is given a minute before it is said to be. */
  patienceMs = 240_000;
  #child: ChildProcess | undefined;
  #agent: Agent | undefined;
  readonly #env: Record<string, string>;
  readonly #wrap: readonly string[];

  constructor({ config = {}, env = {}, within = tmpdir(), wrap = [] }: BoxOptions = {}) {
    this.dir = mkdtempSync(join(within, 'shrinkbox-flow-'));
    this.inbox = join(this.dir, 'inbox');
    this.outbox = join(this.dir, 'outbox');
    this.state = join(this.dir, 'state');
    // Never on a disk that is made to be full.
    this.log = within === tmpdir() ? join(this.dir, 'log.jsonl') : join(tmpdir(), `${basename(this.dir)}.log.jsonl`);
    this.#env = env;
    this.#wrap = wrap;
    mkdirSync(this.inbox);
    mkdirSync(this.outbox);
    this.configure(config);
  }

  configure(config: Record<string, unknown>): void {
    const folder = { inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s' };
    const base = {
      folders: [folder],
      rules: [{ name: 'small', size: '200kB' }],
      local: { effort: 'fast' },
      http: { listen: 'off' },
      log: { level: 'debug' },
    };
    writeFileSync(join(this.dir, 'config.yaml'), stringify({ ...base, ...config }));
  }

  /** Starts the daemon without waiting for it: it may be about to die. */
  launch(...extra: string[]): ChildProcess {
    this.#child = this.spawn('run', ...extra);
    return this.#child;
  }

  /** Starts the daemon and resolves once it answers. */
  async start(...extra: string[]): Promise<void> {
    const child = this.launch(...extra);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`it ended with ${code}: ${this.logText().slice(-2000)}`);
    });
    const answers = eventually(() => this.status(), { what: 'the daemon to answer', withinMs: this.patienceMs });
    await Promise.race([answers, ended]);
    answers.catch(() => {});
    ended.catch(() => {});
  }

  /** The program with this box's config; its log is kept in `log`. */
  spawn(...args: string[]): ChildProcess {
    const words = [...this.#wrap, process.execPath, CLI, ...args, '--config', join(this.dir, 'config.yaml')];
    const child = spawn(words[0] ?? '', words.slice(1), {
      env: { PATH: process.env['PATH'] ?? '', HOME: this.dir, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr?.on('data', chunk => appendFileSync(this.log, chunk));
    return child;
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const child = this.spawn(...args);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', chunk => {
      stdout += chunk;
    });
    child.stderr?.on('data', chunk => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves with the exit code once the daemon has ended. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  /** Signal 0 waits for an end that comes by itself. */
  async kill(signal: NodeJS.Signals | 0 = 'SIGKILL'): Promise<number | null> {
    this.#child?.kill(signal);
    const code = await this.ended();
    await this.#agent?.destroy();
    this.#agent = undefined;
    this.#child = undefined;
    return code;
  }

  /** Copies a file into the inbox under a name in progress and renames it, as a careful writer does. */
  drop(from: string, name: string): string {
    const to = join(this.inbox, name);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, `${to}.part`);
    renameSync(`${to}.part`, to);
    return to;
  }

  async get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path);
  }

  async post<T>(path: string): Promise<T> {
    return this.#ask<T>('POST', path);
  }

  status(): Promise<StatusView> {
    return this.get('/api/status');
  }

  jobs(): Promise<JobView[]> {
    return this.get('/api/jobs');
  }

  /**
   * Waits until the newest job of a source name is in one of the states; by default any resting state. One that
   * rests in another state for two minutes is not waited for any longer, unless it is cancelled: then a new version may come.
   */
  async job(name: string, ...states: StateName[]): Promise<JobDetail> {
    const wanted: readonly StateName[] = states.length > 0 ? states : RESTS;
    let restsSince: number | undefined;
    const found = await eventually(
      async () => {
        const job = (await this.jobs()).find(({ source }) => source === join(this.inbox, name));
        if (job && wanted.includes(job.state)) return this.get<JobDetail>(`/api/jobs/${job.id}`);
        const is = new Error(
          `${name} is ${job?.state ?? 'not known'}, not ${wanted.join(' or ')}: ${job?.reason ?? ''}`,
        );
        const rests = job !== undefined && job.state !== 'cancelled' && RESTS.includes(job.state);
        restsSince = rests ? (restsSince ?? performance.now()) : undefined;
        if (restsSince !== undefined && performance.now() - restsSince > 120_000) return is;
        throw is;
      },
      { what: `${name} to be ${wanted.join(' or ')}`, withinMs: this.patienceMs },
    );
    if (found instanceof Error) throw found;
    return found;
  }

  /** Everything below the outbox, hidden files included. */
  outputs(): string[] {
    return listing(this.outbox);
  }

  /** Waits until the outbox holds exactly these: what is being published stands there under a hidden name for a moment. */
  async holds(...names: string[]): Promise<void> {
    await eventually(
      () => {
        const found = this.outputs();
        if (JSON.stringify(found) === JSON.stringify(names)) return true;
        throw new Error(`it holds ${JSON.stringify(found)}`);
      },
      { what: `the outbox to hold ${JSON.stringify(names)}` },
    );
  }

  /** Journal records of all segments, in order. */
  journal(): { seq: number; job: string | null; event: string; data: Record<string, unknown> }[] {
    const dir = join(this.state, 'journal');
    if (!existsSync(dir)) return [];
    const names = readdirSync(dir)
      .filter(name => name.endsWith('.jsonl'))
      .sort();
    return names.flatMap(name =>
      readFileSync(join(dir, name), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line)),
    );
  }

  logText(): string {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
  }

  async dispose(): Promise<void> {
    if (this.#child) await this.kill();
    await this.#agent?.destroy();
    if (existsSync(this.dir)) mustHoldNoSecret(this.dir);
    mustSayNoSecret(this.logText(), 'the log');
    rmSync(this.dir, { recursive: true, force: true });
    rmSync(this.log, { force: true });
  }

  async #ask<T>(method: 'GET' | 'POST', path: string): Promise<T> {
    // A connection of its own each time: one kept alive may be closed by the other side just when it is used again.
    this.#agent ??= new Agent({ connect: { socketPath: join(this.state, 'control.sock') }, pipelining: 0 });
    const { statusCode, body } = await request(`http://localhost${path}`, { method, dispatcher: this.#agent });
    const said = await body.json();
    if (statusCode >= 400) throw new Error(`${method} ${path}: ${statusCode} ${JSON.stringify(said)}`);
    return said as T;
  }
}

export function listing(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}
