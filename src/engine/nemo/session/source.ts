import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { CloudRefs } from '../../../core/job.ts';
import { say } from '../../../messages/say.ts';
import { sleep } from '../../../platform/clock.ts';
import { retryCountOf, type SessionRecord, type UploadRecord } from '../checkpoints.ts';
import type { CloudContext, CloudTask, FileSource, LinkSource, Session, SessionTask } from '../context.ts';
import { isPassing } from '../http/errors.ts';
import { intentOf } from '../message/intent.ts';
import { openSession } from './session.ts';
import { emptySnapshot, hasArrived, isState, type Snapshot, snapshotOf } from './state.ts';
import { freeName } from './whose-timeline.ts';
import { multipart, type Uploaded, uploadedFrom } from './upload.ts';

/** The session this task works in: the recorded one, the earlier version's, its folder's, or a new one. */
export async function sessionFor(task: CloudTask): Promise<SessionRecord> {
  const { cloud, checkpoints, order } = task;
  const stored = checkpoints.session.get();
  if (stored && stored.gone === undefined) {
    if (!stored.shared) cloud.owners.set(stored.id, order.job);
    return stored;
  }
  if (stored?.gone !== undefined && retryCountOf(order) <= stored.gone) throw sessionGone();
  const session = stored ? undefined : (earlierSession(task) ?? (await folderSession(task)));
  const record: SessionRecord = session ?? named({ ...(await newSession(task)), refines: false }, task);
  await checkpoints.session.set(record);
  const { id, task: taskId, user, file } = record;
  if (task.isWhole) await task.context.cloud({ session: id, task: taskId, user, file });
  return record;
}

function sessionGone(): ShrinkError {
  return new ShrinkError('session-gone', say('nemo.session-gone'), {
    hint: say('nemo.session-gone-hint'),
    action: { code: 'decide' },
  });
}

async function newSession(task: CloudTask): Promise<Session> {
  const { cloud, context } = task;
  await context.step('open-session');
  const session = await openSession(cloud, { instruction: task.order.instruction, signal: context.signal });
  const { folder, job } = task.order;
  if (cloud.settings.session === 'per-folder' && folder !== undefined) {
    cloud.folders.take(folder, job, session);
    return { ...session, shared: true };
  }
  // Two jobs in one timeline would get each other's videos.
  if ((cloud.owners.get(session.id) ?? job) !== job) {
    throw new ShrinkError('bad-answer', say('nemo.session-taken'), {
      doing: say('nemo.doing-session'),
      hint: say('nemo.session-taken-hint'),
    });
  }
  cloud.owners.set(session.id, job);
  return session;
}

async function folderSession(task: CloudTask): Promise<SessionRecord | undefined> {
  const { cloud, context, order } = task;
  const { folder, job } = order;
  if (cloud.settings.session !== 'per-folder' || folder === undefined) return undefined;
  const { print } = await cloud.auth.token(context.signal);
  const session = cloud.folders.usable(folder, job, print);
  if (!session) return undefined;
  cloud.folders.take(folder, job, session);
  return named({ ...session, shared: true, refines: false }, task);
}

/** In a session that other files use too, the source gets a name of its own. */
function named(session: SessionRecord, { source, context }: CloudTask): SessionRecord {
  if (!session.shared) return session;
  const taken = (context.neighbours?.(session.id) ?? []).map(({ file }) => file);
  return { ...session, file: freeName(source.name, taken) };
}

/** The session of the earlier version, unless another file is half-done in it: this one then starts over in a new session. */
function earlierSession({ cloud, order, context, source }: CloudTask): SessionRecord | undefined {
  const refs = order.previous?.cloud;
  const session = refs && sessionBehind(refs);
  if (!session) return undefined;
  const { folder, job } = order;
  const isPerFolder = cloud.settings.session === 'per-folder' && folder !== undefined;
  if (isPerFolder && !cloud.folders.join(folder, job, session.id)) {
    if (intentOf(order.instruction ?? '').kind === 'edit' || retryCountOf(order) > 0) return undefined;
    throw new ShrinkError('cannot-do', say('nemo.session-busy'), {
      hint: say('nemo.session-busy-hint'),
      action: { code: 'decide' },
    });
  }
  const isShared = refs.file !== undefined || (context.neighbours?.(session.id) ?? []).length > 0;
  return isShared ? { ...session, file: refs.file ?? source.name } : session;
}

/** The session a job worked in, to continue from its timeline; `undefined` if it had none. */
export function sessionBehind({ session: id, task, user }: CloudRefs): SessionRecord | undefined {
  if (id === undefined) return undefined;
  return { id, task, user, token: '', madeAt: 0, shared: true, refines: true };
}

/** A session that was only just opened may not have a state yet: then it is empty. */
const YOUNG_MS = 30_000;

interface ReadStateOptions {
  signal: AbortSignal;
  /** The agent has not been asked for anything in it yet. */
  untouched?: boolean;
}

export async function readState(
  cloud: CloudContext,
  session: SessionRecord,
  { signal, untouched = false }: ReadStateOptions,
): Promise<Snapshot> {
  try {
    const { text } = await cloud.client.call({
      doing: say('nemo.doing-state'),
      method: 'GET',
      path: `/api/state/nemo_agent/me/${encodeURIComponent(session.id)}/latest`,
      signal,
      repeats: 2,
      isUsable: isState,
    });
    return snapshotOf(text);
  } catch (error) {
    const isYoung = untouched && !session.shared && cloud.clock.now() - session.madeAt < YOUNG_MS;
    if (isYoung && isShrinkError(error, 'session-gone')) return emptySnapshot();
    throw error;
  }
}

/** Brings the source into the session, once: if an upload's reply was lost, the session is checked for it before it is repeated. */
export async function ensureUploaded(task: SessionTask): Promise<UploadRecord> {
  const { checkpoints, context, session } = task;
  const last = checkpoints.upload.get();
  const stored = last?.session === session.id ? last : undefined;
  if (stored?.done) return stored;
  await context.step('upload');
  const { before } = stored ?? (await recordUpload(task));
  const uploaded =
    stored && hasArrived(before, await uploadState(task)) ? { applied: true } : await uploadSafely(task, before);
  if (!uploaded.applied) await waitUntilThere(task, before);
  const done: UploadRecord = { session: session.id, before, done: true, durationS: uploaded.durationS };
  await checkpoints.upload.set(done);
  return done;
}

/** Recorded before the first byte is sent, with what the session held by then. */
async function recordUpload(task: SessionTask): Promise<UploadRecord> {
  const { checkpoints, session } = task;
  const before = session.shared ? (await uploadState(task)).assets : [];
  const record: UploadRecord = { session: session.id, done: false, before };
  await checkpoints.upload.set(record);
  return record;
}

function uploadState({ cloud, session, context }: SessionTask): Promise<Snapshot> {
  return readState(cloud, session, { signal: context.signal, untouched: true });
}

/** Repeated once, if transient trouble cut it and the session does not show it. */
async function uploadSafely(task: SessionTask, before: readonly string[]): Promise<Uploaded> {
  const { cloud, context, order } = task;
  try {
    return await upload(task);
  } catch (error) {
    if (!isShrinkError(error) || !isPassing(error) || context.signal.aborted) throw error;
    cloud.log.debug({ job: order.job, code: error.code }, 'the upload was cut; checking whether it arrived');
    await sleep(cloud.clock, cloud.settings.lagMs, context.signal);
    if (hasArrived(before, await uploadState(task))) return { applied: true };
    return upload(task);
  }
}

function upload(task: SessionTask): Promise<Uploaded> {
  const { cloud, source, context, onProgress } = task;
  if (source.kind === 'link') return uploadLink(task, source);
  onProgress(0, say('nemo.waiting-to-upload'));
  return cloud.uploadSlots.run(() => uploadFile(task, source), context.signal);
}

function uploadPath({ session }: SessionTask): string {
  return `/api/upload-video/nemo_agent/me/${encodeURIComponent(session.id)}`;
}

/** The service fetches it while we wait. */
async function uploadLink(task: SessionTask, { url }: LinkSource): Promise<Uploaded> {
  const { cloud, context } = task;
  const { payload } = await cloud.client.call({
    doing: say('nemo.doing-upload'),
    method: 'POST',
    path: uploadPath(task),
    json: JSON.stringify({ urls: [url], source_type: 'url' }),
    signal: context.signal,
    repeats: 0,
    silenceMs: cloud.settings.stallMs,
  });
  return uploadedFrom(payload);
}

async function uploadFile(task: SessionTask, source: FileSource): Promise<Uploaded> {
  const { cloud, context, onProgress } = task;
  const guard = stallGuard(cloud, context.signal);
  const onSent = (bytes: number) => {
    guard.moved();
    onProgress((0.35 * bytes) / Math.max(1, source.bytes), say('nemo.uploading'));
  };
  try {
    const body = multipart(source, onSent, async bytes => {
      await cloud.pace(bytes, guard.signal);
      guard.moved();
    });
    const { payload } = await cloud.client.call({
      doing: say('nemo.doing-upload'),
      method: 'POST',
      path: uploadPath(task),
      body,
      signal: guard.signal,
      repeats: 0,
      silenceMs: 0,
    });
    return uploadedFrom(payload);
  } finally {
    guard.end();
  }
}

interface StallGuard {
  signal: AbortSignal;
  moved(): void;
  end(): void;
}

/** An upload has no time limit, but it must progress. */
function stallGuard({ clock, settings }: CloudContext, signal: AbortSignal): StallGuard {
  const stalled = new AbortController();
  const onStall = () =>
    stalled.abort(
      new ShrinkError('unreachable', say('nemo.upload-stalled'), {
        doing: say('nemo.doing-upload'),
        hint: say('nemo.retried-hint'),
      }),
    );
  let disarm = clock.after(settings.stallMs, onStall);
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    moved() {
      disarm();
      disarm = clock.after(settings.stallMs, onStall);
    },
    end: () => disarm(),
  };
}

/** Readings, with doubling pauses, for an upload that the service accepted but does not show yet. */
const MAX_ARRIVAL_CHECKS = 4;

async function waitUntilThere(task: SessionTask, before: readonly string[]): Promise<void> {
  const { cloud, context } = task;
  for (let n = 0; n < MAX_ARRIVAL_CHECKS; n += 1) {
    if (hasArrived(before, await uploadState(task))) return;
    await sleep(cloud.clock, cloud.settings.lagMs * 2 ** n, context.signal);
  }
  throw new ShrinkError('bad-answer', say('nemo.upload-not-shown'), {
    doing: say('nemo.doing-upload'),
    hint: say('nemo.upload-not-shown-hint'),
  });
}
