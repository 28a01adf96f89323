/**
 * Room: programs that the owner of the configuration has run when a job ends (`after`). What is due is recorded in the same write as
 * the end of the job, its begin before it starts and its outcome after it: a crash forgets none and repeats none. One at a time of
 * each command; what goes wrong is noted on the job and changes nothing else. May import core, messages, platform, config, api, queue.
 */
import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { detailOf } from '../api/views.ts';
import type { Config } from '../config/load.ts';
import type { JobEvent } from '../core/events.ts';
import type { Job } from '../core/job.ts';
import { messageOf, type Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { LedgerChange } from '../queue/ledger.ts';
import { runCommand } from './run-command.ts';

export type AfterCommand = Config['after'][number];

export interface AfterOptions {
  /** Read whenever a job ends, so that a reload takes effect at once. */
  commands(): readonly AfterCommand[];
  ledger: {
    get(id: string): Job | undefined;
    all(): Iterable<Job>;
    commit(id: string, ...events: JobEvent[]): Promise<unknown>;
    subscribe(listener: (change: LedgerChange) => void): () => void;
  };
  /** The daemon's, of which the programs get what they need. */
  env: NodeJS.ProcessEnv;
  clock: Pick<Clock, 'after'>;
  log: Logger;
  /** The journal cannot be written. */
  onFatal(error: unknown): void;
}

/** Stable while its words are; the words themselves may be nobody's business and are not journaled. */
export function keyOf({ run }: AfterCommand): string {
  return `${nameOf(run)} ${createHash('sha256').update(JSON.stringify(run)).digest('hex').slice(0, 8)}`;
}

function nameOf([program = '']: readonly string[]): string {
  return basename(program);
}

/** What is to be recorded with a change of a job: the commands that its new state calls for. Pure. */
export function commandsDue(job: Job, before: Job | undefined, commands: readonly AfterCommand[]): JobEvent[] {
  const { name } = job.state;
  if (name === before?.state.name) return [];
  const due = commands.filter(({ on }) => on.some(each => each === name));
  return due.length === 0 ? [] : [{ event: 'command-due', data: { commands: [...new Set(due.map(keyOf))] } }];
}

const QUIET_MS = 60_000;

export class AfterCommands {
  readonly #options: AfterOptions;
  /** Jobs that wait for each command, the one it runs for included. */
  readonly #waiting = new Map<string, string[]>();
  readonly #working = new Map<string, Promise<void>>();
  readonly #ending = new AbortController();
  /** Films of libraries that wait for a quiet minute in their folder. */
  readonly #quiet = new Map<string, { ids: string[]; cancel: () => void }>();
  #unsubscribe = (): void => {};

  constructor(options: AfterOptions) {
    this.#options = options;
  }

  /** Goes on where an earlier run ended: what had begun is not run again, because nobody knows how far it came. */
  async start(): Promise<void> {
    const { ledger } = this.#options;
    this.#unsubscribe = ledger.subscribe(change => {
      if ('job' in change) this.#look(change.job);
    });
    for (const job of ledger.all()) {
      for (const [key, stage] of Object.entries(job.commands ?? {}))
        if (stage === 'begun') await this.#end(job.id, key, say('after.interrupted'));
      this.#look(job);
    }
  }

  get idle(): boolean {
    return this.#working.size === 0;
  }

  /** Resolves when no command is running or due. */
  async onIdle(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working.values());
  }

  /** Ends what is running; what has not begun is for the next start. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    for (const { cancel } of this.#quiet.values()) cancel();
    this.#ending.abort();
    await this.onIdle();
  }

  #look(job: Job): void {
    for (const [key, stage] of Object.entries(job.commands ?? {})) {
      if (stage !== 'due') continue;
      if (job.library) this.#offerLater(key, job);
      else this.#offer(key, job.id);
    }
  }

  /** A rescan for every film of a library would keep a media server busy: once for a folder, when nothing was done there for a minute. */
  #offerLater(key: string, { id, path }: Job): void {
    const place = `${key}\0${dirname(path)}`;
    const before = this.#quiet.get(place);
    if (before?.ids.includes(id)) return;
    before?.cancel();
    const ids = [...(before?.ids ?? []), id];
    const cancel = this.#options.clock.after(QUIET_MS, () => {
      this.#quiet.delete(place);
      this.#offerLast(key, ids).catch(this.#options.onFatal);
    });
    this.#quiet.set(place, { ids, cancel });
  }

  async #offerLast(key: string, ids: readonly string[]): Promise<void> {
    const last = ids.at(-1);
    for (const id of ids) if (id !== last) await this.#end(id, key, undefined);
    if (last !== undefined && !this.#ending.signal.aborted) this.#offer(key, last);
  }

  #offer(key: string, id: string): void {
    const waiting = this.#waiting.get(key) ?? [];
    if (waiting.includes(id)) return;
    waiting.push(id);
    this.#waiting.set(key, waiting);
    if (this.#working.has(key)) return;
    const working = Promise.resolve().then(() => this.#work(key, waiting));
    this.#working.set(key, working.catch(this.#options.onFatal));
  }

  async #work(key: string, waiting: string[]): Promise<void> {
    try {
      for (let id = waiting[0]; id !== undefined && !this.#ending.signal.aborted; id = waiting[0]) {
        await this.#run(key, id);
        waiting.shift();
      }
    } finally {
      // In the turn of the last look: a job that ends from here on begins anew.
      this.#waiting.delete(key);
      this.#working.delete(key);
    }
  }

  async #run(key: string, id: string): Promise<void> {
    const { ledger, commands, env, log } = this.#options;
    const job = ledger.get(id);
    if (job?.commands?.[key] !== 'due') return;
    const command = commands().find(each => keyOf(each) === key);
    // Whoever takes it out of the configuration does not want it run any more.
    if (!command) return this.#end(id, key, undefined);
    await ledger.commit(id, { event: 'command-begun', data: { command: key } });
    const input = JSON.stringify(detailOf(job));
    const { problem, said } = await runCommand(command, { input, env, signal: this.#ending.signal });
    if (problem) log.warn({ job: id, command: nameOf(command.run), said }, `a command failed: ${problem.text}`);
    else log.info({ job: id, command: nameOf(command.run) }, 'a command was run');
    await this.#end(id, key, problem);
  }

  async #end(id: string, key: string, why: Sentence | undefined): Promise<void> {
    // The file may have been forgotten meanwhile.
    if (!this.#options.ledger.get(id)) return;
    const problem = why && say('after.failed', { command: key.slice(0, key.lastIndexOf(' ')), why });
    const data = { command: key, problem: problem?.text, message: problem && messageOf(problem) };
    await this.#options.ledger.commit(id, { event: 'command-ended', data });
  }
}
