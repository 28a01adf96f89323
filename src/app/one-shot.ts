/**
 * `shrinkbox compress`: the same stages as the daemon's, for files named on the command line, with nothing remembered
 * afterwards. The ledger lives in memory, the folder of a job is where its result goes, and what would make a daemon wait
 * for better times ends the job with its reason.
 */
import { statSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Config, Folder, Rule } from '../config/load.ts';
import type { Secrets } from '../config/secrets.ts';
import type { JobDetail } from '../api/types.ts';
import { detailOf } from '../api/views.ts';
import { fileError } from '../platform/files/file-error.ts';
import { policyOfReason, ShrinkError } from '../core/errors.ts';
import type { Decision, EngineName, Job, Progress, Sighting } from '../core/job.ts';
import { RESTING } from '../core/job.ts';
import type { Target } from '../core/target.ts';
import { createDecider, type Decider } from './rulebook.ts';
import { createEngines } from './engines.ts';
import { Folders } from './folders.ts';
import type { Clock } from '../platform/clock.ts';
import { findTools } from '../media/ffmpeg/tools.ts';
import { nodeFiles, pinOf } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { SpaceBook } from '../platform/files/space.ts';
import { Ledger } from '../queue/ledger.ts';
import { createAfterRest } from '../queue/after-rest.ts';
import { createWorker } from '../queue/worker.ts';
import { restFor } from '../queue/decisions.ts';
import { createStages } from './stages.ts';
import { OPEN_GATE } from '../platform/pause-gate.ts';

export interface OneShotEvents {
  progress(file: string, progress: Progress & { step: string }): void;
  finished(file: string, job: JobDetail): void;
}

export interface OneShotOptions {
  files: readonly string[];
  /** What was asked for on the command line; with nothing asked, the built-in rule: 50 MB, at most 1080p. */
  wishes: { size?: Target['size']; resolution?: Target['resolution']; engine?: EngineName; ask?: string };
  /** A file name ending in .mp4, or a folder. Default: beside each source as `NAME.small.mp4`. */
  output?: string;
  config: Config;
  secrets: Secrets;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  events: OneShotEvents;
}

/**
 * Works through the files one after the other.
 * @throws ShrinkError `usage` (a file that is not there, an output that cannot be meant), `tool-missing`.
 */
export async function compressFiles(options: OneShotOptions): Promise<{ jobs: JobDetail[] }> {
  const { config, signal } = options;
  const tools = await findTools(config.local);
  const engines = await createEngines({ ...options, tools });
  const targets = await Promise.all(options.files.map(file => targetFor(file, options.output, options.files.length)));
  const jobs: JobDetail[] = [];
  for (const target of targets) {
    if (signal.aborted) break;
    const workRoot = await mkdtemp(join(target.outbox, '.shrinkbox-')).catch(error => {
      throw fileError(error, `making a work folder in ${target.outbox}`, target.outbox);
    });
    try {
      const job = await compressOne(target, workRoot);
      jobs.push(job);
      options.events.finished(target.file, job);
    } finally {
      await rm(workRoot, { recursive: true, force: true });
    }
  }
  return { jobs };

  async function compressOne(target: OneShotTarget, workRoot: string): Promise<JobDetail> {
    const { clock, log, events } = options;
    const oneFile = {
      ...config,
      stateDir: workRoot,
      folders: [folderFor(target)],
      rules: [ruleFor(options.wishes)],
    };
    const ledger = new Ledger({ append: async () => {} }, clock);
    const folders = new Folders(oneFile, nodeFiles);
    const decider = named(target.name, createDecider(oneFile));
    const space = new SpaceBook({ files: nodeFiles, minFree: config.limits.minFree });
    const stages = createStages({
      config: oneFile,
      folders,
      engines,
      gate: OPEN_GATE,
      tools,
      files: nodeFiles,
      space,
      workRoot,
      forbidden: [],
      log,
      decide: decider.again,
      resight: () => {},
    });
    const worker = createWorker({
      ledger,
      stages,
      afterRest: createAfterRest({ ledger, stages: stages, log }),
      clock,
      log,
    });
    const id = ledger.newId();
    const sighting = await sightingOf(target);
    const decision = decider.decide(sighting, 1);
    const { inbox, path, relative, pin } = sighting;
    await ledger.commit(id, {
      event: 'admitted',
      data: { arrival: 1, inbox, path, relative, pin, fingerprint: '', version: 1, decision },
    });
    if (decision.kind !== 'do') await ledger.commit(id, restFor(decision));
    const abort = new AbortController();
    signal.addEventListener('abort', () => abort.abort({ kind: 'cancelled', by: 'by a person' }), { once: true });
    while (goesOn(ledger.expect(id))) {
      if (ledger.expect(id).state.name === 'waiting')
        await ledger.commit(id, { event: 'queued', data: { because: 'once more' } });
      await worker.run(id, abort.signal, progress => {
        const { state } = ledger.expect(id);
        events.progress(target.file, { ...progress, step: 'step' in state ? state.step : state.name });
      });
    }
    return detailOf(ledger.expect(id));
  }
}

/** A retry that may help is made at once; waiting for a disk or a service is the person's decision. */
function goesOn(job: Job): boolean {
  const { state } = job;
  if (state.name === 'waiting') return policyOfReason(state.reason.code)?.retriedInOneShot === true;
  return !RESTING.has(state.name);
}

interface OneShotTarget {
  /** As written by the person. */
  file: string;
  source: string;
  outbox: string;
  /** Name of the result within the outbox. */
  name: string;
}

async function targetFor(file: string, output: string | undefined, count: number): Promise<OneShotTarget> {
  const source = await realpath(resolve(file)).catch(error => {
    throw usage(
      `${file}: ${fileError(error, 'opening', file).code === 'gone' ? 'there is no such file' : 'cannot be opened'}`,
    );
  });
  if (!statSync(source).isFile()) throw usage(`${file} is not a file`);
  const stem = basename(source, extname(source));
  if (output === undefined) return { file, source, outbox: dirname(source), name: `${stem}.small.mp4` };
  const path = resolve(output);
  const isFolder = output.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder) return { file, source, outbox: path, name: `${stem}.mp4` };
  if (count > 1) throw usage(`${output} names one file, and there are ${count} to compress; name a folder`);
  if (extname(path).toLowerCase() !== '.mp4') throw usage(`${output}: results are MP4 files; end the name with .mp4`);
  return { file, source, outbox: dirname(path), name: basename(path) };
}

async function sightingOf({ source }: OneShotTarget): Promise<Sighting> {
  const pin = await pinOf(source, nodeFiles);
  // No rule takes hidden files, but here a person named one.
  return { inbox: dirname(source), path: source, relative: basename(source).replace(/^\.+/, ''), pin };
}

function folderFor({ source, outbox }: OneShotTarget): Folder {
  return { inbox: dirname(source), outbox, rules: ['compress'], originals: 'keep', scan: 'auto', reports: 'never' };
}

/** The result gets the very name that was asked for; a rule's template would fill in its braces. */
function named(output: string, decider: Decider): Decider {
  const as = (decision: Decision): Decision => (decision.kind === 'do' ? { ...decision, output } : decision);
  return {
    ...decider,
    decide: (sighting, version) => as(decider.decide(sighting, version)),
    again: (job, engine) => as(decider.again(job, engine)),
  };
}

function ruleFor(wishes: OneShotOptions['wishes']): Rule {
  const asked = wishes.size ?? wishes.resolution ?? wishes.ask;
  const builtIn =
    asked === undefined
      ? { size: { kind: 'bytes' as const, bytes: 50_000_000 }, resolution: { kind: 'lines' as const, lines: 1080 } }
      : {};
  return {
    name: 'compress',
    resolution: 'keep',
    match: ['**'],
    audio: { kind: 'keep' },
    quality: 'auto',
    fallback: 'none',
    minSaving: 0.05,
    skip: false,
    output: '{name}.mp4',
    ...builtIn,
    ...(wishes.size ? { size: wishes.size } : {}),
    ...(wishes.resolution ? { resolution: wishes.resolution } : {}),
    ...(wishes.engine ? { engine: wishes.engine } : {}),
    ...(wishes.ask ? { instruction: wishes.ask } : {}),
  };
}

function usage(message: string): ShrinkError {
  return new ShrinkError('usage', message);
}
