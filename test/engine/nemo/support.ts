import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { cloudFactsOf, type Json, type Neighbour, type Order, type Reason } from '../../../src/core/job.ts';
import { messageOf, textOf } from '../../../src/core/message.ts';
import type { EngineContext } from '../../../src/engine/engine.ts';
import { createNemoEngine, type NemoEngine, type NemoOptions } from '../../../src/engine/nemo/engine.ts';
import { createLogger } from '../../../src/platform/log.ts';
import { scaledClock } from '../../support/nemo-server/clock.ts';
import { mustHoldNoSecret, mustSayNoSecret } from '../../support/secrets.ts';
import { type NemoServer, type NemoServerOptions, startNemoServer } from '../../support/nemo-server/server.ts';
import { OPEN_GATE } from '../../../src/platform/pause-gate.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { withSource } from '../../support/with-source.ts';

export const MINUTE = 60_000;

/** Both sides live this much faster than real time. */
const SPEED = 500;

/** What the engines of this file log, at every level, is searched for tokens as it is written. */
const engineLog = createLogger({
  level: 'trace',
  format: 'json',
  stream: { write: line => mustSayNoSecret(line, 'the log') },
});

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function onEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'nemo-test-'));
  onEnd(async () => {
    mustHoldNoSecret(dir);
    await rm(dir, { recursive: true, force: true });
  });
  return dir;
}

export interface SetUp {
  server: NemoServer;
  engine: NemoEngine;
  /** Another engine on the same state directory: what a restart makes. */
  restart(changes?: EngineChanges): NemoEngine;
  dir: string;
  source: string;
  order(changes?: Partial<Order>): Order;
  job(options?: JobOptions): TestJob;
}

/** What differs from the defaults; of the maps only the keys that do. */
export type EngineChanges = Omit<Partial<NemoOptions>, 'nemo' | 'limits'> & {
  nemo?: Partial<NemoOptions['nemo']>;
  limits?: Partial<NemoOptions['limits']>;
};

export interface SetUpOptions {
  server?: NemoServerOptions;
  engine?: EngineChanges;
  /** How much faster than real time both sides live. */
  speed?: number;
  content?: Buffer;
  name?: string;
}

/** A stand-in service, an engine, and a file to shrink, all of which go away after the test. */
export async function setUp(options: SetUpOptions = {}): Promise<SetUp> {
  const clock = scaledClock(options.speed ?? SPEED);
  const server = await startNemoServer({ clock, ...options.server });
  onEnd(() => server.stop());
  const dir = await tempDir();
  const source = join(dir, options.name ?? 'clip.mp4');
  await writeFile(source, options.content ?? Buffer.alloc(5000, 'v'));
  const { size } = await stat(source);
  const build = (changes: EngineChanges = {}) => {
    const speed = options.speed ?? SPEED;
    const made = createNemoEngine(changed(changed(defaults(server, dir, clock, speed), options.engine), changes));
    const engine = withSource(made);
    onEnd(() => engine.close());
    return engine;
  };
  const jobs: TestJob[] = [];
  return {
    server,
    engine: build(),
    restart: build,
    dir,
    source,
    order: changes => ({
      job: 'job1',
      source,
      sourceBytes: size,
      target: { size: { kind: 'bytes', bytes: 4000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 },
      ...changes,
    }),
    job: jobOptions => {
      const job = new TestJob(join(dir, jobOptions?.workDir ?? `work${jobs.length + 1}`), jobOptions, jobs);
      jobs.push(job);
      return job;
    },
  };
}

function changed(options: NemoOptions, changes: EngineChanges = {}): NemoOptions {
  return {
    ...options,
    ...changes,
    nemo: { ...options.nemo, ...changes.nemo },
    limits: { ...options.limits, ...changes.limits },
    timeouts: { ...options.timeouts, ...changes.timeouts },
  };
}

/** As the configuration has them without a word about the cloud, but that what is too large is held. */
export function defaults(
  server: NemoServer,
  stateDir: string,
  clock: NemoOptions['clock'],
  speed: number,
): NemoOptions {
  const { nemo, limits } = parseConfig('{}', { env: {}, cwd: stateDir, home: stateDir, source: null });
  return {
    nemo: { ...nemo, apiUrl: server.url, oversize: 'hold' },
    limits,
    stateDir,
    skill: { source: 'video-compressor-download', version: '1.0.0' },
    installPath: '/opt/shrinkbox',
    clock,
    log: engineLog,
    random: () => 0.5,
    // These guard against a network that hangs; the machine the tests run on may be busy in real time.
    timeouts: { readingMs: 300_000 * speed, stallMs: 300_000 * speed },
  };
}

export interface JobOptions {
  workDir?: string;
  /** The source it is about, where several jobs are about one; by default the working directory says. */
  about?: string;
  resume?: Record<string, Json>;
  /** Dies (throws) right after this many journal records: what kill -9 leaves behind. */
  dieAfter?: number;
  /** The last of them did not make it to the disk: what it was to report has happened. */
  lost?: boolean;
}

export class Killed extends Error {}

/** What the queue would keep of a job, and how it would look at it. */
export class TestJob {
  readonly records: Record<string, Json>;
  readonly facts: Record<string, string> = {};
  /** The codes of those that have one. */
  readonly factCodes: Record<string, string | undefined> = {};
  /** Every journal record in order: `checkpoint:upload`, `step:uploading`, `doubted`, `fact:agent`. */
  readonly journal: string[] = [];
  readonly doubts: Reason[] = [];
  readonly notes: string[] = [];
  readonly fractions: number[] = [];
  /** Every text that went into the journal. */
  readonly everything: string[] = [];
  readonly stop = new AbortController();
  readonly workDir: string;
  readonly #dieAfter: number;
  readonly #lost: boolean;
  readonly #about: string;
  readonly #all: readonly TestJob[];

  /** @param all the jobs that a ledger would know. */
  constructor(workDir: string, options: JobOptions = {}, all: readonly TestJob[] = []) {
    this.workDir = workDir;
    this.#about = options.about ?? workDir;
    this.#all = all;
    mkdirSync(workDir, { recursive: true });
    this.records = structuredClone(options.resume ?? {});
    this.#dieAfter = options.dieAfter ?? Number.POSITIVE_INFINITY;
    this.#lost = options.lost === true;
  }

  get context(): EngineContext {
    const kill = new AbortController();
    return {
      // The engine is given the order's own (withSource).
      source: ownFile(''),
      record: async (key, value) => {
        if (this.#lost && this.journal.length + 1 >= this.#dieAfter) return this.#write(`checkpoint:${key}`, kill);
        this.records[key] = structuredClone(value);
        this.everything.push(JSON.stringify({ key, value }));
        this.#write(`checkpoint:${key}`, kill);
      },
      resume: structuredClone(this.records),
      step: async name => this.#write(`step:${name}`, kill),
      doubt: async (_step, reason) => {
        this.doubts.push(reason);
        this.#write('doubted', kill);
      },
      fact: async (key, said) => {
        this.factCodes[key] = messageOf(said)?.code;
        this.#fact(key, textOf(said), kill);
      },
      cloud: async refs => {
        for (const { key, value } of cloudFactsOf(refs)) this.#fact(key, value, kill);
      },
      neighbours: session => this.neighbours(session),
      progress: ({ fraction, note }) => {
        if (fraction !== undefined) this.fractions.push(fraction);
        if (note) this.notes.push(note);
      },
      signal: AbortSignal.any([this.stop.signal, kill.signal]),
      gate: OPEN_GATE,
      workDir: this.workDir,
      log: engineLog,
    };
  }

  neighbours(session: string | undefined): Neighbour[] {
    return this.#all.flatMap(job => {
      const { 'nemo session': there, 'nemo file': file, 'nemo draft': draft } = job.facts;
      const isNeighbour = job.#about !== this.#about && there === session && file !== undefined;
      return isNeighbour ? [{ job: job.#about, file, draft }] : [];
    });
  }

  #fact(key: string, value: string, kill: AbortController): void {
    this.facts[key] = value;
    this.everything.push(`${key}: ${value}`);
    this.#write(`fact:${key}`, kill);
  }

  #write(what: string, kill: AbortController): void {
    if (this.journal.length >= this.#dieAfter) throw new Killed();
    this.journal.push(what);
    if (this.journal.length < this.#dieAfter) return;
    kill.abort(new Killed());
    throw new Killed();
  }
}

export async function sameBytes(one: string, other: string | undefined): Promise<boolean> {
  return other !== undefined && (await readFile(one)).equals(await readFile(other));
}
