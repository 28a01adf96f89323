/**
 * `shrinkbox compress`: files named on the command line go through the same stages as in the daemon, but the ledger lives in
 * memory and nothing is kept afterwards. Where the daemon would wait, the job ends with the reason.
 */
import { statSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { JobDetail } from '../api/types.ts';
import { detailOf } from '../api/views.ts';
import type { Config, Folder, Rule } from '../config/load.ts';
import type { Secrets } from '../config/secrets.ts';
import { isShrinkError, policyOfReason, ShrinkError } from '../core/errors.ts';
import type { Decision, EngineName, Job, Progress, Sighting } from '../core/job.ts';
import { RESTING } from '../core/job.ts';
import { messageOf } from '../core/message.ts';
import type { Target } from '../core/target.ts';
import type { Trim } from '../core/trim.ts';
import type { StopReason } from '../engine/engine.ts';
import { findTools, type Tools } from '../media/ffmpeg/tools.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { fileError } from '../platform/files/file-error.ts';
import { nodeFiles, pinOf } from '../platform/files/files.ts';
import { SpaceBook } from '../platform/files/space.ts';
import type { Logger } from '../platform/log.ts';
import { OPEN_GATE } from '../platform/pause-gate.ts';
import { AfterRest } from '../queue/after-rest.ts';
import { queuedBecause, restFor } from '../queue/decisions.ts';
import { Ledger } from '../queue/ledger.ts';
import type { Worker } from '../queue/scheduler.ts';
import { JobWorker } from '../queue/worker.ts';
import { createEngines, type Engines } from './engines.ts';
import { FolderMounts } from './folder-mounts.ts';
import { LateWriters } from './late-writers.ts';
import { Folders } from './folders.ts';
import { hintOnce, withoutPromise } from './hints-once.ts';
import { Rulebook } from './rulebook.ts';
import { JobStages } from './stages.ts';

export interface OneShotEvents {
  progress(file: string, progress: Progress & { step: string }): void;
  finished(file: string, job: JobDetail): void;
  /** Nothing can be done with this one; the others are done all the same. */
  refused(file: string, error: ShrinkError): void;
}

export interface OneShotResult {
  jobs: JobDetail[];
  /** Files without a job: missing, not a file, or beside a folder nobody may write to. */
  refused: { file: string; error: ShrinkError }[];
}

export interface OneShotOptions {
  files: readonly string[];
  /** What the command line asks for; by default 50 MB where that looks good, at most 1080p. */
  request: { size?: Target['size']; resolution?: Target['resolution']; trim?: Trim; engine?: EngineName; ask?: string };
  /** A file name ending in .mp4, or a folder. Default: beside each source as `NAME.small.mp4`. */
  output?: string;
  config: Config;
  secrets: Secrets;
  /** Where ffmpeg's answers are cached from one run to the next. */
  cacheDir: string;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  events: OneShotEvents;
}

/**
 * Compresses the files one after another. One that is refused is told before the work begins.
 * @throws ShrinkError `usage` for an output that makes no sense, `tool-missing`; whatever refuses the file if it is the only one.
 */
export async function compressFiles(options: OneShotOptions): Promise<OneShotResult> {
  return await compressAll(options).catch((error: unknown) => {
    throw isShrinkError(error) ? withoutPromise(error) : error;
  });
}

async function compressAll(given: OneShotOptions): Promise<OneShotResult> {
  const options = { ...given, config: withoutFleet(given.config) };
  const { files, output, signal, events } = options;
  const tools = await findTools({ ...options.config.local, cacheDir: options.cacheDir });
  const engines = await createEngines({ ...options, tools });
  const place = outputPlace(output, files.length);
  const result: OneShotResult = { jobs: [], refused: [] };
  /** `undefined` for a file that is refused. */
  const unlessRefused = async <T>(file: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!isShrinkError(error) || files.length === 1) throw error;
      const refused = { file, error: withoutPromise(error) };
      result.refused.push(refused);
      events.refused(file, refused.error);
      return undefined;
    }
  };
  const targets: OneShotTarget[] = [];
  for (const file of files) {
    const target = await unlessRefused(file, () => targetFor(file, place));
    if (target) targets.push(target);
  }
  for (const target of targets) {
    if (signal.aborted) break;
    const job = await unlessRefused(target.file, () => compressInto(target, { ...options, tools, engines }));
    if (!job) continue;
    result.jobs.push(job);
    events.finished(target.file, job);
  }
  return result;
}

/** Parts are given out by a daemon; without one, this machine does what its rules give to the fleet. */
function withoutFleet(config: Config): Config {
  const rules = config.rules.map(rule => (rule.engine === 'fleet' ? { ...rule, engine: 'local' as const } : rule));
  return { ...config, rules, engine: config.engine === 'fleet' ? 'local' : config.engine };
}

async function compressInto(target: OneShotTarget, run: Omit<OneShotRun, 'workRoot'>): Promise<JobDetail> {
  const workRoot = await mkdtemp(join(target.outbox, '.shrinkbox-')).catch(error => {
    throw fileError(error, say('files.creating', { path: target.outbox }), target.outbox);
  });
  try {
    return await compressOne(target, { ...run, workRoot });
  } finally {
    await rm(workRoot, { recursive: true, force: true });
  }
}

interface OneShotRun extends OneShotOptions {
  tools: Tools;
  engines: Engines;
  workRoot: string;
}

async function compressOne(target: OneShotTarget, run: OneShotRun): Promise<JobDetail> {
  const { clock, events, signal } = run;
  const ledger = new Ledger({ append: async () => {} }, clock);
  const { worker, rulebook } = stagesFor(target, ledger, run);
  const id = ledger.newId();
  const sighting = await sightingOf(target);
  const decision = nameResult(target, rulebook.decide(sighting, 1));
  const { inbox, path, relative, pin } = sighting;
  const data = { arrival: 1, inbox, path, relative, pin, fingerprint: '', version: 1, decision };
  await ledger.commit(id, { event: 'admitted', data });
  if (decision.kind !== 'do') await ledger.commit(id, restFor(decision));
  const abort = new AbortController();
  signal.addEventListener('abort', () => abort.abort(CANCELLED), { once: true });
  while (continues(ledger.expect(id))) {
    if (ledger.expect(id).state.name === 'waiting') await ledger.commit(id, queuedBecause(say('queue.tried-again')));
    await worker.run(id, abort.signal, progress => {
      const { state } = ledger.expect(id);
      events.progress(target.file, { ...progress, step: 'step' in state ? state.step : state.name });
    });
  }
  return viewOf(ledger.expect(id));
}

/** The job as it ended; the hint of a daemon would promise what nobody keeps. */
function viewOf(job: Job): JobDetail {
  const detail = detailOf(job);
  const hint = hintOnce(detail.messages?.hint);
  return hint ? { ...detail, hint: hint.text, messages: { ...detail.messages, hint: messageOf(hint) } } : detail;
}

/** The daemon's stages, with a configuration that knows only this one file and what was asked for it. */
function stagesFor(target: OneShotTarget, ledger: Ledger, run: OneShotRun): { worker: Worker; rulebook: Rulebook } {
  const { config, request, workRoot, clock, log } = run;
  const oneFile = { ...config, stateDir: workRoot, folders: [folderFor(target)], rules: [ruleFor(request)] };
  const rulebook = new Rulebook({ current: oneFile }, { isCommandLine: true });
  const stages = new JobStages({
    ...run,
    // Where the file is was named by a person: that is taken as it is.
    folders: new Folders(oneFile, nodeFiles, new FolderMounts({ fstab: () => [] })),
    gate: OPEN_GATE,
    files: nodeFiles,
    space: new SpaceBook({ files: nodeFiles, minFree: config.limits.minFree }),
    makeRoom: async () => false,
    forbidden: () => [],
    lateWriters: new LateWriters(clock),
    threads: config.local.threads,
    decide: (job, engine) => nameResult(target, rulebook.decideAgain(job, engine)),
    resight: () => {},
  });
  const rest = new AfterRest({ ledger, stages, clock, log });
  const worker = new JobWorker({ ledger, stages, afterRest: id => rest.cleanUp(id), clock, log });
  return { worker, rulebook };
}

const CANCELLED: StopReason = { kind: 'cancelled' };

/** A retry that may help is made at once; the person decides whether to wait for a disk or a service. */
function continues(job: Job): boolean {
  const { state } = job;
  if (state.name === 'waiting') return policyOfReason(state.reason.code)?.retriedInOneShot === true;
  return !RESTING.has(state.name);
}

interface OneShotTarget {
  /** As the person wrote it. */
  file: string;
  source: string;
  outbox: string;
  /** Name of the result within the outbox. */
  name: string;
}

/** Where results go: beside each source, into one folder, or to one name. */
type OutputPlace = { kind: 'beside' } | { kind: 'folder' | 'file'; path: string };

/** @throws ShrinkError `usage` */
function outputPlace(output: string | undefined, count: number): OutputPlace {
  if (output === undefined) return { kind: 'beside' };
  const path = resolve(output);
  const isFolder = output.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder) return { kind: 'folder', path };
  if (count > 1) throw usage(`${output} names one file, and there are ${count} to compress; name a folder`);
  if (extname(path).toLowerCase() !== '.mp4') throw usage(`${output}: results are MP4 files; end the name with .mp4`);
  return { kind: 'file', path };
}

/** @throws ShrinkError `usage` or `denied` */
async function targetFor(file: string, place: OutputPlace): Promise<OneShotTarget> {
  const source = await realpath(resolve(file)).catch(error => {
    const known = fileError(error, say('files.opening', { path: file }), file);
    throw known.code === 'gone' ? usage(whyNotThere(file)) : known;
  });
  if (!statSync(source).isFile()) throw usage(`${file} is not a file`);
  const stem = basename(source, extname(source));
  switch (place.kind) {
    case 'beside':
      return { file, source, outbox: dirname(source), name: `${stem}.small.mp4` };
    case 'folder':
      return { file, source, outbox: place.path, name: `${stem}.mp4` };
    case 'file':
      return { file, source, outbox: dirname(place.path), name: basename(place.path) };
  }
}

/** Node reads the command line as UTF-8 and puts U+FFFD for what is none. */
function whyNotThere(file: string): string {
  if (!file.includes('\ufffd')) return `${file}: there is no such file`;
  return `${file}: its name is not UTF-8, so it cannot be opened by that name; rename it first`;
}

async function sightingOf({ source }: OneShotTarget): Promise<Sighting> {
  const pin = await pinOf(source, nodeFiles);
  // No rule takes hidden files, but this one was named by a person.
  return { inbox: dirname(source), path: source, relative: basename(source).replace(/^\.+/, ''), pin };
}

function folderFor({ source, outbox }: OneShotTarget): Folder {
  return { inbox: dirname(source), outbox, rules: ['compress'], originals: 'keep', scan: 'auto', reports: 'never' };
}

/** The result gets exactly the requested name, not one made from a rule's template. */
function nameResult({ name }: OneShotTarget, decision: Decision): Decision {
  return decision.kind === 'do' ? { ...decision, output: name } : decision;
}

function ruleFor(request: OneShotOptions['request']): Rule {
  const { size, resolution, trim, ask, engine } = request;
  const hasTarget = (size ?? resolution ?? trim ?? ask) !== undefined;
  return {
    name: 'compress',
    size: hasTarget ? size : { kind: 'bytes', bytes: 50_000_000 },
    resolution: hasTarget ? (resolution ?? 'keep') : { kind: 'lines', lines: 1080 },
    match: ['**'],
    audio: { kind: 'keep' },
    quality: 'auto',
    // A size that a person asks for is kept to, or the job is held; ours is a proposal.
    ...(hasTarget
      ? { floor: 'decent' as const, belowFloor: 'hold' as const }
      : { floor: 'good' as const, belowFloor: 'keep-quality' as const }),
    fallback: 'none',
    minSaving: 0.05,
    skip: false,
    output: '{name}.mp4',
    engine,
    ...(trim && { trim }),
    instruction: ask,
  };
}

function usage(message: string): ShrinkError {
  return new ShrinkError('usage', message);
}
