/**
 * Room: the command line. Each command parses its arguments, asks the daemon (or, without one, reads the journal) and prints the
 * answer for people or, with --json, for programs. What does the work is in app and api; it is loaded only by the command that needs it.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Daemon, DaemonOptions } from '../../app/daemon.ts';
import type { OneShotOptions, OneShotResult } from '../../app/one-shot.ts';
import type { RunningWorker, WorkerOptions } from '../../app/worker.ts';
import type { LenientConfig, LoadContext } from '../../config/find.ts';
import type { Config } from '../../config/load.ts';
import type { Secrets } from '../../config/secrets.ts';
import { escapeForTerminal, escapeJsonForTerminal } from '../../core/escape.ts';
import type { Clock } from '../../platform/clock.ts';
import type { CloudEngine } from '../../engine/engine.ts';
import type { Logger } from '../../platform/log.ts';
import { asTyped, type Output, type Paint, paintFor } from './terminal.ts';

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

/** The programs behind the commands. Each loads its code when it is first called. */
export interface Parts {
  startWorker(options: WorkerOptions): Promise<RunningWorker>;
  startDaemon(options: DaemonOptions): Promise<Daemon>;
  compressFiles(options: OneShotOptions): Promise<OneShotResult>;
  createCloudEngine(options: { config: Config; secrets: Secrets; clock: Clock; log: Logger }): Promise<CloudEngine>;
}

export interface Globals {
  json?: boolean;
  config?: string;
}

/** What a command runs with. */
export class Context {
  readonly io: Io;
  readonly parts: Parts;
  readonly version: string;
  readonly json: boolean;
  /** Nobody is there to read remarks: a shell completes a word. */
  silent = false;
  readonly #configPath: string | undefined;
  readonly #said = new Set<string>();

  constructor(options: { io: Io; parts: Parts; version: string; globals: Globals }) {
    this.io = options.io;
    this.parts = options.parts;
    this.version = options.version;
    this.json = options.globals.json === true;
    this.#configPath = options.globals.config;
  }

  /** Writes a line of the answer to stdout. The caller escapes anything that comes from outside. */
  print(line = ''): void {
    this.io.stdout.write(`${asTyped(line, this.io.env)}\n`);
  }

  printJson(value: unknown): void {
    this.io.stdout.write(`${escapeJsonForTerminal(value)}\n`);
  }

  /** Writes a line to stderr: progress, remarks, errors. The caller escapes anything that comes from outside. */
  printErr(line: string): void {
    this.io.stderr.write(`${asTyped(line, this.io.env)}\n`);
  }

  get paint(): Paint {
    return paintFor(this.io.stdout, this.io.env);
  }

  /** Width of the terminal (80 if unknown); infinite if stdout is a file or a pipe. */
  get columns(): number {
    return this.io.stdout.isTTY ? this.io.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** @throws ConfigError with every problem at once. */
  async loadConfig(path = this.#configPath): Promise<Config> {
    const { loadConfig } = await import('../../config/find.ts');
    return loadConfig(await this.#loadContext(path));
  }

  /** What the text of a configuration file would mean, if it stood in that file. @throws ConfigError with every problem at once. */
  async parseConfig(text: string, source: string | null): Promise<Config> {
    const { parseConfig } = await import('../../config/load.ts');
    const { env, cwd, home } = this.io;
    return parseConfig(text, { env, cwd, home, source });
  }

  /** Reads the file of a running daemon again. One that was found, not named, must still be trusted. */
  async reloadConfig(source: string | undefined): Promise<Config> {
    const { loadConfig } = await import('../../config/find.ts');
    if (await this.isConfigNamed()) return this.loadConfig(source);
    return loadConfig({ ...(await this.#loadContext(undefined)), foundBefore: source });
  }

  /**
   * For commands that only ask the daemon: it runs on while the file has mistakes.
   *
   * @param notHere passes over a `./config.yaml` that is not named: for commands that need no configuration
   */
  async loadConfigLeniently({ notHere = false } = {}): Promise<LenientConfig> {
    const { loadConfigLeniently } = await import('../../config/find.ts');
    return loadConfigLeniently({ ...(await this.#loadContext(this.#configPath)), notHere });
  }

  /** Whether the person named a configuration file. */
  async isConfigNamed(): Promise<boolean> {
    const { isConfigNamed } = await import('../../config/find.ts');
    return isConfigNamed({ path: this.#configPath, env: this.io.env });
  }

  /** The file a person named, absolute; undefined if none. */
  get namedConfig(): string | undefined {
    const named = this.#configPath ?? this.io.env['SHRINKBOX_CONFIG'];
    return named ? resolve(this.io.cwd, named) : undefined;
  }

  async #loadContext(path: string | undefined): Promise<LoadContext> {
    const { isInReach, readTextFile, whyFileNotTrusted } = await import('../../config/read.ts');
    const { env, cwd, home } = this.io;
    const onNotOurs = (remark: string) => this.warn([remark]);
    return { path, env, cwd, home, readFile: readTextFile, isInReach, whyNotTrusted: whyFileNotTrusted, onNotOurs };
  }

  /** Says on stderr what a person should know, each remark once; a line of JSON with --json. */
  warn(remarks: readonly string[], details: object = {}): void {
    const [first = '', ...rest] = remarks;
    if (this.silent || this.#said.has(first)) return;
    this.#said.add(first);
    if (this.json) {
      this.io.stderr.write(`${escapeJsonForTerminal({ warning: { message: first, ...details } }, 0)}\n`);
      return;
    }
    for (const line of [`shrinkbox: ${first}`, ...rest]) this.printErr(escapeForTerminal(line));
  }

  /** @throws ShrinkError auth-missing if a token file is named and contains no token. */
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

/** Adds a command to the program; every command's file exports one. */
export type Define = (program: Command, action: Action) => void;

/** Wraps a command's function for commander: it is called with the context, then arguments, then options, and gives the exit code. */
export type Action = <Args extends unknown[]>(
  run: (context: Context, ...args: Args) => Promise<number>,
) => (...args: unknown[]) => Promise<void>;
