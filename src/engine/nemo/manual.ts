import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import type { CloudRefs } from '../../core/job.ts';
import { say } from '../../messages/say.ts';
import { ownFile } from '../../platform/files/files.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { errnoOf } from '../../platform/files/files.ts';
import type { Logger } from '../../platform/log.ts';
import { OPEN_GATE } from '../../platform/pause-gate.ts';
import { Checkpoints } from '../checkpoints.ts';
import type { EngineContext, UploadRequest } from '../engine.ts';
import { type SessionRecord, taskCheckpoints } from './checkpoints.ts';
import type { CloudContext, CloudTask, SessionTask } from './context.ts';
import { isAddress } from './http/address.ts';
import { summarise } from './session/draft.ts';
import { nameIn } from './session/link-file.ts';
import { ensureUploaded, readState, sessionBehind } from './session/source.ts';
import { checkFormat } from './session/upload.ts';
import { mediaLines } from './session/state.ts';
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

  /** The timeline of a job's session as text. @throws ShrinkError `cannot-do` if the job has none. */
  async timeline(refs: CloudRefs, signal: AbortSignal): Promise<string> {
    const { reading, draftHash, media } = await readState(this.#cloud, sessionIn(refs), { signal });
    // In a session of its own, whatever is on the timeline is the job's.
    if (refs.file !== undefined && refs.draft !== draftHash) throw timelineOfAnother(refs.file, reading);
    return [summarise(reading), ...mediaLines(media)].map(({ text }) => text).join('\n');
  }

  /** Adds another file or address to a job's session; an instruction then says what to do with it. */
  async upload(request: UploadRequest): Promise<void> {
    const session = sessionIn(request.refs);
    const source = await this.#sourceFor(request.source);
    const task = this.#task(request, { session, source });
    await this.#cloud.sessionLocks.run(`session ${session.id}`, () => ensureUploaded(task), request.signal);
  }

  async #sourceFor(pathOrAddress: string): Promise<CloudTask['source']> {
    if (isAddress(pathOrAddress)) return { kind: 'link', url: pathOrAddress, name: nameIn(pathOrAddress) };
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

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? ''))
      throw new ShrinkError('usage', say('nemo.no-such-file', { path }));
    throw fileError(error, say('nemo.doing-check-file'), path);
  }
}
