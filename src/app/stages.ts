/** The world of the worker, built from the real parts: where stages that do not know each other meet. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, Folder } from '../config/load.ts';
import { fileError } from '../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Candidate, Decision, EngineName, Job } from '../core/job.ts';
import { targetBytes } from '../core/target.ts';
import { deliver, findPublished } from '../deliver/deliver.ts';
import { disposeOriginal } from '../deliver/originals.ts';
import { failureReport, removeReport, successReport, writeReport } from '../deliver/report.ts';
import type { Engine } from '../engine/engine.ts';
import type { Folders } from './folders.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import { errnoOf, type Files, makePrivateDir } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { type SpaceBook, spaceFor } from '../platform/files/space.ts';
import type { Stages } from '../queue/stages-port.ts';
import { verifyCandidate } from '../verify/verify.ts';
import type { PauseGate } from '../platform/pause-gate.ts';

export interface StagesOptions {
  config: Config;
  folders: Folders;
  engines: Partial<Record<EngineName, Engine>>;
  gate: PauseGate;
  tools: Tools;
  files: Files;
  space: SpaceBook;
  /** Folders nothing may be delivered into. */
  forbidden: readonly string[];
  /** Working files of all jobs. */
  workRoot: string;
  log: Logger;
  decide(job: Job, engine?: EngineName): Decision;
  resight(job: Job): void;
}

export function createStages(options: StagesOptions): Stages {
  const { folders, files, space, tools, workRoot, log } = options;
  const workDirOf = (id: string) => join(workRoot, id);
  return {
    engines: options.engines,
    gate: options.gate,
    decide: options.decide,
    resight: options.resight,
    pin: job => folders.pin(job),
    verify: (candidate, { signal, gate }) =>
      verifyCandidate(candidate, { tools, signal, gate, threads: options.config.local.threads }),

    async reserve(job) {
      const cap = job.decision.kind === 'do' ? targetBytes(job.decision.target, job.pin.sizeBytes) : undefined;
      const needed = spaceFor(job.pin.sizeBytes, cap);
      try {
        await space.reserve(workRoot, needed.work, job.id);
        const { outbox } = folders.of(job);
        await space.reserve(outbox, needed.outbox, job.id);
        // Hours of work end there: better said before.
        folders.mustBeWritable(outbox);
      } catch (error) {
        space.release(job.id);
        throw error;
      }
      return () => space.release(job.id);
    },

    async openWorkDir(id) {
      // Without `recursive`: where the state directory was unmounted, nothing is begun in its mount point.
      await makePrivateDir(workDirOf(id)).catch(error => {
        if (errnoOf(error) === 'EEXIST') return;
        if (errnoOf(error) === 'ENOENT') throw new ShrinkError('unavailable', `${workRoot} is gone`, WORK_ROOT_GONE);
        throw fileError(error, 'making the work directory', workDirOf(id));
      });
      return workDirOf(id);
    },
    removeWorkDir: id =>
      rm(workDirOf(id), { recursive: true, force: true }).catch(error => {
        throw fileError(error, 'removing working files', workDirOf(id));
      }),
    isIntact: candidate => isIntact(candidate),

    async deliver(job, verified, { signal, onIntent }) {
      return deliver(verified, {
        ...ours(job),
        ...(await outboxOf(job)),
        relative: job.decision.kind === 'do' ? job.decision.output : job.relative,
        sourceMtimeMs: Number(BigInt(job.pin.mtimeNs) / 1_000_000n),
        intent: job.state.name === 'delivering' ? job.state.intent : undefined,
        signal,
        onIntent,
      });
    },
    findPublished: async (job, intent) => findPublished(intent, { ...ours(job), ...(await outboxOf(job)) }),

    disposes: job => folders.of(job).originals !== 'keep',
    async dispose(job, onIntent) {
      const folder = folders.of(job);
      const disposal = await disposeOriginal({
        ...ours(job),
        path: job.path,
        pin: job.pin,
        relative: job.relative,
        policy: folder.originals,
        archiveDir: folder.archive,
        intended: job.state.name === 'delivering' ? job.state.disposing : undefined,
        beforeMove: onIntent,
      });
      if (disposal.kind === 'archived') return disposal;
      // After a crash between deleting and saying so there is nothing left to delete.
      const isDeleted = disposal.kind === 'deleted' || (disposal.kind === 'missing' && folder.originals === 'delete');
      return isDeleted ? { kind: 'deleted', to: job.path } : undefined;
    },

    async report(job) {
      const folder = folders.find(job.inbox);
      const written = folder && reportOf(job, folder.reports);
      if (!written) return undefined;
      const { outbox } = folder;
      // A later version's report stands beside the result it is about: clip.v2.report.txt.
      const relative = job.version > 1 && job.decision.kind === 'do' ? job.decision.output : job.relative;
      return writeReport({ ...written, ...ours(job), outbox, relative, previous: job.report });
    },
    async removeReport(job) {
      if (job.report) await removeReport(job.report, ours(job));
    },
  };

  async function outboxOf(job: Job) {
    const { outbox } = folders.of(job);
    return { outbox, outboxIdentity: await folders.outboxIdentity(outbox) };
  }

  /** What every step of a delivery is handed. */
  function ours(job: Job) {
    return { job: job.id, forbidden: options.forbidden, files, log };
  }
}

const WORK_ROOT_GONE = {
  doing: 'making the work directory',
  hint: 'Mount the disk of the state directory again, or restart shrinkbox if it was moved.',
};

function reportOf(job: Job, wanted: Folder['reports']): { kind: 'failed' | 'report'; text: string } | undefined {
  if (wanted === 'never') return undefined;
  const { state } = job;
  // By its name: what the agent said may be an address as well.
  const links = Object.fromEntries(Object.entries(job.facts).filter(([name]) => name.endsWith(' link')));
  const facts = { job: job.id, source: job.path, sourceBytes: job.pin.sizeBytes, at: job.updatedAt, links };
  const step = job.history.findLast(entry => entry.event === 'step' || entry.event === 'started')?.note;
  if (state.name === 'failed' || state.name === 'held') {
    const text = failureReport({ ...facts, state: state.name, reason: state.reason, step, attempts: job.attempts });
    return { kind: 'failed', text };
  }
  if (state.name !== 'done' || wanted !== 'always') return undefined;
  const original = job.original && (job.original.kind === 'archived' ? `archived as ${job.original.path}` : 'deleted');
  return {
    kind: 'report',
    text: successReport({ ...facts, ...state, tookMs: job.updatedAt - job.createdAt, original }),
  };
}

/** Whether the file an engine made is still there as it was when it was handed over. */
async function isIntact(candidate: Candidate): Promise<boolean> {
  try {
    const found = await stat(candidate.path);
    return found.isFile() && found.size === candidate.bytes;
  } catch (error) {
    const known = fileError(error, 'looking for the finished file', candidate.path);
    if (isShrinkError(known, 'gone')) return false;
    throw known;
  }
}
