import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isShrinkError, sentenceOf, ShrinkError } from '../../core/errors.ts';
import type { CloudRefs } from '../../core/job.ts';
import { say } from '../../messages/say.ts';
import { ownFile } from '../../platform/files/files.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { errnoOf } from '../../platform/files/files.ts';
import type { Logger } from '../../platform/log.ts';
import { OPEN_GATE } from '../../platform/pause-gate.ts';
import { Checkpoints } from '../checkpoints.ts';
import type { EngineContext, TimelineQuestion, UploadRequest } from '../engine.ts';
import { type SessionRecord, taskCheckpoints } from './checkpoints.ts';
import type { CloudContext, CloudTask, SessionTask } from './context.ts';
import { isAddress } from './http/address.ts';
import { nothingToExport } from './render/export.ts';
import { summarise } from './session/draft.ts';
import { nameIn } from './session/link-file.ts';
import { ensureUploaded, readState, sessionBehind } from './session/source.ts';
import { checkFormat } from './session/upload.ts';
import { mediaLines, type Snapshot } from './session/state.ts';
import { timelineOfAnother } from './session/whose-timeline.ts';

/** What a person can do with a job's session outside the queue: all of it is free, none of it journaled. */
export class ManualCommands {
  readonly #cloud: CloudContext;
  /** The state directory: nothing is written there. */
  readonly #dir: string;
  readonly #log: Logger;

  constructor(cloud: CloudContext, { dir, log }: { dir: string; log: Logger }) {
    this.#cloud = cloud;
    this.#dir = dir;
    this.#log = log;
  }

  /** The timeline of a job's session as text. @throws ShrinkError, see CloudEngine. */
  async timeline(question: TimelineQuestion): Promise<string> {
    const { reading, media } = await this.#ownState(question);
    return [summarise(reading), ...mediaLines(media)].map(({ text }) => text).join('\n');
  }

  /** Why an export would certainly be refused. */
  async cannotExport(question: TimelineQuestion): Promise<ShrinkError | undefined> {
    if (question.refs.session === undefined) return undefined;
    try {
      const state = await this.#ownState(question);
      return state.reading.kind === 'foreign' ? nothingToExport(state, '') : undefined;
    } catch (error) {
      if (isShrinkError(error, 'cannot-do', 'session-gone')) return error;
      if (isShrinkError(error) || question.signal.aborted) return undefined;
      throw error;
    }
  }

  /** The state of the job's session, if that is about the job. */
  async #ownState(question: TimelineQuestion): Promise<Snapshot> {
    const { refs, neighbours, signal } = question;
    const state = await mayBeGone(question, readState(this.#cloud, sessionIn(refs), { signal }));
    // In a session of its own, whatever is on the timeline is the job's.
    const isOwn = refs.file === undefined || refs.draft === state.draftHash;
    if (!isOwn) throw timelineOfAnother(refs.file ?? '', state, await neighbours());
    return state;
  }

  /** Adds another file or address to a job's session; an instruction then says what to do with it. */
  async upload(request: UploadRequest): Promise<void> {
    const session = sessionIn(request.refs);
    const source = await this.#sourceFor(request.source);
    const task = this.#task(request, { session, source });
    const uploading = this.#cloud.sessionLocks.run(`session ${session.id}`, () => ensureUploaded(task), request.signal);
    await mayBeGone(request, uploading);
  }

  async #sourceFor(pathOrAddress: string): Promise<CloudTask['source']> {
    if (isAddress(pathOrAddress) && URL.canParse(pathOrAddress))
      return { kind: 'link', url: pathOrAddress, name: nameIn(pathOrAddress) };
    if (/^[a-z][a-z\d+.-]*:\/\//i.test(pathOrAddress))
      throw new ShrinkError('usage', say('nemo.address-not-http-own', { address: pathOrAddress }));
    const name = basename(pathOrAddress);
    checkFormat(name);
    const file = ownFile(pathOrAddress);
    const bytes = await sizeOf(pathOrAddress);
    const limit = this.#cloud.settings.maxUpload;
    if (bytes <= limit) return { kind: 'file', file, name, bytes };
    throw new ShrinkError('file-too-large', say('nemo.over-upload-limit', { bytes, limit }), {
      hint: say('nemo.reduce-first-hint', { limit }),
    });
  }

  /** A task that is not journaled: it may be repeated freely. */
  #task(
    { signal, onProgress }: UploadRequest,
    { session, source }: Pick<SessionTask, 'session' | 'source'>,
  ): SessionTask {
    const file = source.kind === 'file' ? source.file : ownFile('');
    const context = unrecorded(signal, { source: file, workDir: this.#dir, log: this.#log });
    return {
      cloud: this.#cloud,
      session,
      source,
      order: {
        job: 'manual',
        source: '',
        sourceBytes: 0,
        target: { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
      },
      isWhole: true,
      maxBytes: undefined,
      checkpoints: taskCheckpoints(Checkpoints.of(context)),
      context,
      dir: this.#dir,
      onProgress: (fraction, note) => onProgress?.(fraction, note?.text),
    };
  }
}

/** Of a job that is done nothing is to be retried because its session is gone. */
async function mayBeGone<T>({ job, isDone }: Pick<TimelineQuestion, 'job' | 'isDone'>, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (!isDone || !isShrinkError(error, 'session-gone')) throw error;
    const hint = say('nemo.session-gone-done-hint', { job });
    throw new ShrinkError('session-gone', sentenceOf(error), { doing: error.doing, hint, cause: error });
  }
}

function unrecorded(signal: AbortSignal, own: Pick<EngineContext, 'source' | 'workDir' | 'log'>): EngineContext {
  return {
    record: async () => {},
    resume: {},
    step: async () => {},
    doubt: async () => {},
    fact: async () => {},
    cloud: async () => {},
    progress: () => {},
    signal,
    gate: OPEN_GATE,
    ...own,
  };
}

/** The session a job worked in. @throws ShrinkError `cannot-do` if it has none. */
function sessionIn(refs: CloudRefs): SessionRecord {
  const session = sessionBehind(refs);
  if (session) return session;
  throw new ShrinkError('cannot-do', say('nemo.no-session'), { hint: say('nemo.no-session-hint') });
}

/** A pipe or a device might never end, and nothing can be made of an empty file. */
async function sizeOf(path: string): Promise<number> {
  const found = await factsOf(path);
  if (!found.isFile()) throw new ShrinkError('usage', say('nemo.not-a-file', { path }));
  if (found.size === 0) throw new ShrinkError('usage', say('nemo.empty-file', { path }));
  return found.size;
}

async function factsOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? ''))
      throw new ShrinkError('usage', say('nemo.no-such-file', { path }));
    throw fileError(error, say('nemo.doing-check-file'), path);
  }
}
