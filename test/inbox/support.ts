import { mkdirSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import { pino } from 'pino';
import type { Sighting } from '../../src/core/job.ts';
import { samePin } from '../../src/core/job.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { ChangeEvents } from '../../src/inbox/change-events.ts';
import { Watcher, type WatcherOptions } from '../../src/inbox/watcher.ts';
import { eventually } from '../support/eventually.ts';

/** Short, so that tests are; long enough that a busy machine samples it several times. */
export const SETTLE_MS = 200;
/** A test that waits this long for something has failed. */
const PATIENCE_MS = 250_000;

export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

export interface Watching {
  inbox: string;
  watcher: Watcher;
  sightings: Sighting[];
  logs: LogLine[];
  states: { available: boolean; reason?: string; polled: boolean }[];
  /** Resolves with the newest sighting of a path that fits; waits for it. */
  sighted(relative: string, fits?: (sighting: Sighting) => boolean): Promise<Sighting>;
  /** Resolves once every path was sighted as a complete file. */
  allSighted(relatives: readonly string[]): Promise<void>;
  /** How often a path was sighted. */
  count(relative: string): number;
  /** Resolves once the path is pending for a reason that fits. */
  pendingFor(relative: string, why: RegExp): Promise<void>;
}

export type WatchingOptions = Partial<Omit<WatcherOptions, 'folders'>> & {
  inbox?: string;
  settleMs?: number;
  scan?: number | 'auto';
  extensions?: string[];
  /** Started already unless false. */
  start?: boolean;
};

const cleanups: (() => Promise<unknown> | unknown)[] = [];

/** Runs after all tests of the file, newest first: tests that mostly wait run side by side. */
export function cleanUp(what: () => Promise<unknown> | unknown): void {
  cleanups.push(what);
}

afterAll(async () => {
  for (let last = cleanups.pop(); last; last = cleanups.pop()) await last();
});

export async function tempDir(): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'shrinkbox-watch-')));
  cleanUp(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}

/** A watcher on one inbox, a queue that remembers what it was told, and its log. */
export async function watching(options: WatchingOptions = {}): Promise<Watching> {
  const inbox = options.inbox ?? join(await tempDir(), 'inbox');
  if (!options.inbox) mkdirSync(inbox);
  const sightings: Sighting[] = [];
  const logs: LogLine[] = [];
  const states: Watching['states'] = [];
  const log = pino({ level: 'debug', base: null }, { write: line => void logs.push(JSON.parse(line) as LogLine) });
  const watcher = new Watcher({
    clock: systemClock,
    log,
    hasJobFor: ({ relative, pin, sidecar }) =>
      sightings.some(
        seen =>
          seen.relative === relative && !seen.refused && samePin(seen.pin, pin) && seen.sidecar?.text === sidecar?.text,
      ),
    onSighting: sighting => void sightings.push(sighting),
    onFolder: (_inbox, state) => void states.push({ ...state, reason: state.reason?.text }),
    incompleteAfterMs: 2 * SETTLE_MS,
    ...options,
    folders: [
      {
        ...{ inbox, settleMs: options.settleMs ?? SETTLE_MS, scan: options.scan ?? 'auto' },
        extensions: options.extensions,
      },
    ],
  });
  cleanUp(() => watcher.stop());
  if (options.start !== false) await watcher.start();
  const newest = (relative: string) => sightings.findLast(seen => seen.relative === relative);
  return {
    inbox,
    watcher,
    sightings,
    logs,
    states,
    sighted: (relative, fits = () => true) =>
      eventually(
        () => {
          const seen = newest(relative);
          return seen && fits(seen) ? seen : undefined;
        },
        { withinMs: PATIENCE_MS, what: `a sighting of ${relative}` },
      ).catch(error => {
        throw new Error(`pending: ${JSON.stringify(watcher.pending())}`, { cause: error });
      }),
    async allSighted(relatives) {
      const missing = () => {
        const seen = new Set(sightings.filter(({ refused }) => !refused).map(({ relative }) => relative));
        return relatives.filter(relative => !seen.has(relative));
      };
      await eventually(() => missing().length === 0, { withinMs: PATIENCE_MS, what: 'every file to be sighted' }).catch(
        error => {
          throw new Error(`not sighted: ${missing().slice(0, 5).join(', ')} (${missing().length})`, { cause: error });
        },
      );
    },
    count: relative => sightings.filter(seen => seen.relative === relative).length,
    async pendingFor(relative, why) {
      await eventually(
        () => watcher.pending().some(file => file.path === join(inbox, relative) && why.test(file.why.text)),
        {
          withinMs: PATIENCE_MS,
          what: `${relative} to wait because of ${why}; pending: ${JSON.stringify(watcher.pending())}`,
        },
      );
    },
  };
}

/** Reports no changes at all, as a network mount does: only scans see anything. */
export const NO_EVENTS: ChangeEvents = { watch: async () => ({ live: false, close: async () => {} }) };

/** Writes a file with its folders; not media, so only quiet time counts. */
export async function drop(inbox: string, relative: string, content: string | Buffer = 'some film'): Promise<string> {
  const path = join(inbox, relative);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

/** Appends again and again until told to stop; resolves with what was written. */
export function keepWriting(path: string, everyMs: number): () => Promise<number> {
  let bytes = 0;
  let going = true;
  const done = (async () => {
    while (going) {
      await appendFile(path, 'x'.repeat(1000));
      bytes += 1000;
      await new Promise(resolve => setTimeout(resolve, everyMs));
    }
  })();
  return async () => {
    going = false;
    await done;
    return bytes;
  };
}

/** A shell that says `ready` when its script has come so far, ended with the tests at the latest. */
export async function shell(script: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn('sh', ['-ec', script, 'sh', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanUp(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') break;
  return child;
}

/** The promise settles before this; used where something must not happen, after the time it would have taken. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

export const isRoot = process.getuid?.() === 0;
