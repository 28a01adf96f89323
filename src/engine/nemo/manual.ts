import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileError } from '../../platform/files/file-error.ts';
import { ShrinkError } from '../../core/errors.ts';
import type { CloudRefs, Json, Order } from '../../core/job.ts';
import { formatBytes } from '../../core/units.ts';
import type { EngineContext } from '../engine.ts';
import { makePrivateDir } from '../../platform/files/files.ts';
import { ensureUploaded, readState, type SessionRecord, sessionBehind } from './session/source.ts';
import { type CloudContext, memoryOf, type CloudTask } from './context.ts';
import { summarise } from './session/draft.ts';
import { exportDraft } from './render/export.ts';
import { nameIn } from './session/link-file.ts';
import type { NemoOptions } from './options.ts';
import { isAddress, type OutputHint } from './message/intent.ts';
import { checkFormat } from './session/upload.ts';
import { OPEN_GATE } from '../../platform/pause-gate.ts';

/** For what is done beside the queue, by a person at a terminal. */
interface ManualCommand {
  signal: AbortSignal;
  onProgress?(fraction: number, note?: string): void;
}

/** What a person does with a job's session beside the queue: all of it free, none of it journaled. */
export interface ManualCommands {
  /** The timeline of a job's session, in words. @throws ShrinkError `cannot-do` when the job has none. */
  timeline(refs: CloudRefs, signal: AbortSignal): Promise<string>;
  /** Renders a job's timeline as it is and downloads it into `dir`. Free. */
  exportNow(
    request: { refs: CloudRefs; dir: string; hint?: OutputHint } & ManualCommand,
  ): Promise<{ path: string; bytes: number; timeline: string }>;
  /** Puts a further file or address into a job's session; what to do with it is then asked with words. */
  upload(request: { refs: CloudRefs; source: string } & ManualCommand): Promise<void>;
}

export function createManualCommands(
  cloud: CloudContext,
  options: Pick<NemoOptions, 'identityDir' | 'log'>,
): ManualCommands {
  return { timeline, exportNow, upload };

  async function timeline(refs: CloudRefs, signal: AbortSignal): Promise<string> {
    const { reading } = await readState(cloud, sessionIn(refs), signal);
    return summarise(reading);
  }

  async function exportNow({
    refs,
    dir,
    hint = {},
    ...aside
  }: Parameters<ManualCommands['exportNow']>[0]): Promise<{ path: string; bytes: number; timeline: string }> {
    const session = sessionIn(refs);
    const task = await manualTask(aside, dir, { kind: 'link', url: '', name: '' });
    const fetchResult = async () => {
      const { path, bytes, summary } = await exportDraft(cloud, task, session, {
        n: 1,
        snapshot: undefined,
        reply: '',
        hint,
        upTo: undefined,
      });
      if (path === undefined) throw new ShrinkError('bad-answer', 'the result could not be fetched');
      return { path, bytes, timeline: summary };
    };
    return cloud.sessionLocks.run(`session ${session.id}`, fetchResult, aside.signal);
  }

  async function upload({ refs, source, ...aside }: Parameters<ManualCommands['upload']>[0]): Promise<void> {
    const session = sessionIn(refs);
    const byAddress = isAddress(source);
    if (!byAddress) checkFormat(basename(source));
    const from: CloudTask['source'] = byAddress
      ? { kind: 'link', url: source, name: nameIn(source) }
      : { kind: 'file', path: source, name: basename(source), bytes: await sizeOf(source) };
    if (from.kind === 'file' && from.bytes > cloud.settings.maxUploadBytes) {
      const limit = formatBytes(cloud.settings.maxUploadBytes);
      throw new ShrinkError('file-too-large', `the file has ${formatBytes(from.bytes)}; the cloud takes ${limit}`, {
        hint: `Compress or trim it to less than ${limit} first.`,
      });
    }
    const task = await manualTask(aside, options.identityDir, from);
    await cloud.sessionLocks.run(`session ${session.id}`, () => ensureUploaded(cloud, task, session), aside.signal);
  }

  /** A task nobody journals: what it does may be repeated freely. */
  async function manualTask(
    { signal, onProgress }: ManualCommand,
    dir: string,
    source: CloudTask['source'],
  ): Promise<CloudTask> {
    const kept = new Map<string, Json>();
    const context: EngineContext = {
      record: async (key, value) => void kept.set(key, value),
      resume: {},
      step: async () => {},
      doubt: async () => {},
      fact: async () => {},
      cloud: async () => {},
      progress: () => {},
      signal,
      gate: OPEN_GATE,
      workDir: dir,
      log: options.log,
    };
    await makePrivateDir(dir, { recursive: true }).catch((error: unknown) => {
      throw fileError(error, 'preparing the folder', dir);
    });
    const order: Order = {
      job: 'aside',
      source: '',
      sourceBytes: 0,
      target: { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
    };
    return {
      source,
      order,
      isWhole: true,
      maxBytes: undefined,
      memory: memoryOf(context),
      context,
      dir,
      onProgress: onProgress ?? (() => {}),
    };
  }
}

/** The session a job worked in. @throws ShrinkError `cannot-do` when it has none. */
function sessionIn(refs: CloudRefs): SessionRecord {
  const session = sessionBehind(refs);
  if (session === undefined) {
    throw new ShrinkError('cannot-do', 'this job has no session in the cloud', {
      hint: 'Only jobs of the nemo engine have one; see shrinkbox job ID.',
    });
  }
  return session;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw fileError(error, 'looking at the file', path);
  }
}
