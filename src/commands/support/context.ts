/** What every command is handed: the world outside, and the parts it may need, none of them loaded before it does. */
import type { Command } from 'commander';
import type { Config } from '../../config/load.ts';
import type { Secrets } from '../../config/secrets.ts';
import type { Daemon, DaemonOptions } from '../../app/daemon.ts';
import type { OneShotOptions } from '../../app/one-shot.ts';
import type { JobDetail } from '../../api/types.ts';
import type { Clock } from '../../platform/clock.ts';
import type { CloudCommands } from '../cloud-service.ts';
import { type Paint, paintFor, safeJson } from './terminal.ts';

/** A stream as far as we use one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** False once nobody reads any more. */
  readonly writable?: boolean;
}

export interface Io {
  stdout: Output;
  stderr: Output;
  env: NodeJS.ProcessEnv;
  cwd: string;
  home: string;
  clock: Clock;
  /** Emits SIGINT, SIGTERM and SIGHUP; `process`, outside of tests. */
  signals: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
}

/** What stands behind the commands. Each loads its code when it is first called, so that `--help` is quick. */
export interface Parts {
  startDaemon(options: DaemonOptions): Promise<Daemon>;
  compressFiles(options: OneShotOptions): Promise<{ jobs: JobDetail[] }>;
  /** @throws ShrinkError auth-missing where the cloud engine is not set up. */
  openCloud(context: Context): Promise<CloudCommands>;
}

export interface Globals {
  json?: boolean;
  config?: string;
}

export class Context {
  readonly io: Io;
  readonly parts: Parts;
  readonly version: string;
  readonly json: boolean;
  readonly #configPath: string | undefined;

  constructor(options: { io: Io; parts: Parts; version: string; globals: Globals }) {
    this.io = options.io;
    this.parts = options.parts;
    this.version = options.version;
    this.json = options.globals.json === true;
    this.#configPath = options.globals.config;
  }

  /** A line of the answer, on stdout. Whatever comes from outside is made safe by its caller. */
  print(line = ''): void {
    this.io.stdout.write(`${line}\n`);
  }

  printJson(value: unknown): void {
    this.print(safeJson(value));
  }

  /** A line beside the answer, on stderr: progress, remarks, errors. */
  say(line: string): void {
    this.io.stderr.write(`${line}\n`);
  }

  get paint(): Paint {
    return paintFor(this.io.stdout, this.io.env);
  }

  /** Columns of the answer's terminal (0 where it does not know: 80); endless where it goes elsewhere. */
  get columns(): number {
    return this.io.stdout.isTTY ? this.io.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** @throws ConfigError with every problem at once. */
  async loadConfig(path = this.#configPath): Promise<Config> {
    const [{ loadConfig }, { readTextFile }] = await Promise.all([
      import('../../config/load.ts'),
      import('../../config/read.ts'),
    ]);
    const { env, cwd, home } = this.io;
    return loadConfig({ path, env, cwd, home, readFile: readTextFile });
  }

  /** @throws ShrinkError auth-missing when a token file is named and gives no token. */
  async loadSecrets(config: Config): Promise<Secrets> {
    const [{ loadSecrets }, { readTextFile }, { forbidCoreDumps }] = await Promise.all([
      import('../../config/secrets.ts'),
      import('../../config/read.ts'),
      import('../../platform/process/limits.ts'),
    ]);
    await forbidCoreDumps();
    return loadSecrets(config, this.io.env, readTextFile);
  }
}

/** How a command's file puts itself on the command line. */
export type Define = (program: Command, action: Action) => void;

/** Wraps what a command does for commander: `run` gets the context, then arguments, then options; it gives the exit code. */
export type Action = <Args extends unknown[]>(
  run: (context: Context, ...args: Args) => Promise<number>,
) => (...args: unknown[]) => Promise<void>;
