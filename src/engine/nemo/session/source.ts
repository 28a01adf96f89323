import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import type { CloudRefs } from '../../../core/job.ts';
import { sleep } from '../../../platform/clock.ts';
import { retryCountOf, type CloudContext, type Memory, type CloudTask } from '../context.ts';
import { type Refusal, refusalBehind } from '../http/errors.ts';
import { openSession, type Session } from './session.ts';
import { emptySnapshot, hasArrived, type Snapshot, snapshotOf } from './state.ts';
import { multipart, type Uploaded, uploadedFrom } from './upload.ts';

export type SessionRecord = {
  id: string;
  task?: string;
  user?: string;
  token: string;
  madeAt: number;
  shared: boolean;
  /** Goes on from the timeline of an earlier version. */
  refines: boolean;
  /** The service no longer knew it after a message was sent: `order.retryCount` of then. */
  gone?: number;
};

export type UploadRecord = { session: string; done: boolean; before: string[]; durationS?: number };

/** The session this task works in: the kept one, its folder's, the earlier version's, or a new one. */
export async function sessionFor(cloud: CloudContext, task: CloudTask): Promise<SessionRecord> {
  const { memory, order } = task;
  const stored = memory.get<SessionRecord>('session');
  if (stored && stored.gone === undefined) {
    if (!stored.shared) cloud.owners.set(stored.id, order.job);
    return stored;
  }
  if (stored?.gone !== undefined && retryCountOf(order) <= stored.gone) throw sessionGone();
  const session = stored ? undefined : (earlierSession(task) ?? (await folderSession(cloud, task)));
  const record: SessionRecord = session ?? { ...(await newSession(cloud, task)), refines: false };
  await memory.set('session', record);
  await tellSession(task, record);
  return record;
}

function sessionGone(): ShrinkError {
  return new ShrinkError(
    'session-gone',
    'the service no longer knows the session, and with it the timeline made so far',
    {
      hint: 'Retry to start over in a new session; the instruction is then sent again.',
    },
  );
}

async function newSession(cloud: CloudContext, task: CloudTask): Promise<Session> {
  const { client, auth, clock, settings } = cloud;
  await task.context.step('open-session');
  const session = await openSession({ client, auth, language: settings.language, clock, signal: task.context.signal });
  const { folder, job } = task.order;
  if (settings.session === 'per-folder' && folder !== undefined) {
    cloud.folders.take(folder, job, session);
    return { ...session, shared: true };
  }
  // Two jobs in one timeline would get each other's videos.
  if ((cloud.owners.get(session.id) ?? job) !== job) {
    throw new ShrinkError('bad-answer', 'opening a session: the service gave one that another file is worked at in', {
      hint: 'Retry once the other one is done.',
    });
  }
  cloud.owners.set(session.id, job);
  return session;
}

async function folderSession(cloud: CloudContext, task: CloudTask): Promise<SessionRecord | undefined> {
  const { folder, job } = task.order;
  if (cloud.settings.session !== 'per-folder' || folder === undefined) return undefined;
  const { print } = await cloud.auth.token(task.context.signal);
  const session = cloud.folders.usable(folder, job, print);
  if (!session) return undefined;
  cloud.folders.take(folder, job, session);
  return { ...session, shared: true, refines: false };
}

function earlierSession({ order }: CloudTask): SessionRecord | undefined {
  const refs = order.previous?.cloud;
  return refs && sessionBehind(refs);
}

/** The session a job worked in, to continue from its timeline; `undefined` where it had none. */
export function sessionBehind({ session: id, task, user }: CloudRefs): SessionRecord | undefined {
  if (id === undefined) return undefined;
  return {
    id,
    ...(task === undefined ? {} : { task }),
    ...(user === undefined ? {} : { user }),
    token: '',
    madeAt: 0,
    shared: true,
    refines: true,
  };
}

async function tellSession({ context, isWhole }: CloudTask, { id, task, user }: SessionRecord): Promise<void> {
  if (isWhole) await context.cloud({ session: id, task, user });
}

/** A session that was only just made may not have a state yet: then it is empty. */
const YOUNG_MS = 30_000;

/** The session's state. `untouched`: nothing was asked of the agent in it yet. */
export async function readState(
  cloud: CloudContext,
  session: SessionRecord,
  signal: AbortSignal,
  untouched = false,
): Promise<Snapshot> {
  try {
    const { text } = await cloud.client.call({
      doing: "reading the session's state",
      method: 'GET',
      path: `/api/state/nemo_agent/me/${encodeURIComponent(session.id)}/latest`,
      signal,
      repeats: 2,
    });
    return snapshotOf(text);
  } catch (error) {
    const young = untouched && !session.shared && cloud.clock.now() - session.madeAt < YOUNG_MS;
    if (young && isSessionGone(error)) return emptySnapshot();
    throw error;
  }
}

export function isSessionGone(error: unknown): boolean {
  return isShrinkError(error, 'session-gone');
}

/** Brings the source into the session, once: an upload whose answer was lost is looked for before it is repeated. */
export async function ensureUploaded(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
): Promise<UploadRecord> {
  const { memory, context } = task;
  const stored = uploadIn(memory, session);
  if (stored?.done) return stored;
  await context.step('upload');
  const state = () => readState(cloud, session, context.signal, true);
  let record: UploadRecord;
  if (stored) {
    record = stored;
    if (hasArrived({ assets: stored.before }, await state())) return finish(memory, record, { applied: true });
  } else {
    record = { session: session.id, done: false, before: session.shared ? (await state()).assets : [] };
    await memory.set('upload', record);
  }
  const uploaded = await uploadOnceOrTwice(cloud, task, session, async () =>
    hasArrived({ assets: record.before }, await state()),
  );
  if (!uploaded.applied) await waitUntilThere(cloud, task, record, state);
  return finish(memory, record, uploaded);
}

function uploadIn(memory: Memory, session: SessionRecord): UploadRecord | undefined {
  const stored = memory.get<UploadRecord>('upload');
  return stored?.session === session.id ? stored : undefined;
}

async function finish(memory: Memory, record: UploadRecord, uploaded: Uploaded): Promise<UploadRecord> {
  const done: UploadRecord = {
    ...record,
    done: true,
    ...(uploaded.durationS === undefined ? {} : { durationS: uploaded.durationS }),
  };
  await memory.set('upload', done);
  return done;
}

const PASSING: ReadonlySet<Refusal | undefined> = new Set<Refusal | undefined>([
  undefined,
  'http-408',
  'http-5xx',
  'not-json',
  'wrong-type',
]);

async function uploadOnceOrTwice(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  isThere: () => Promise<boolean>,
): Promise<Uploaded> {
  try {
    return await upload(cloud, task, session);
  } catch (error) {
    const passing = isShrinkError(error, 'unreachable', 'bad-answer') && PASSING.has(refusalBehind(error));
    if (!passing || task.context.signal.aborted) throw error;
    cloud.log.debug({ job: task.order.job, code: error.code }, 'the upload was cut; looking whether it arrived');
    await sleep(cloud.clock, cloud.settings.lagMs, task.context.signal);
    if (await isThere()) return { applied: true };
    return upload(cloud, task, session);
  }
}

async function upload(cloud: CloudContext, task: CloudTask, session: SessionRecord): Promise<Uploaded> {
  const { source, context } = task;
  const path = `/api/upload-video/nemo_agent/me/${encodeURIComponent(session.id)}`;
  const doing = 'uploading';
  if (source.kind === 'link') {
    const json = JSON.stringify({ urls: [source.url], source_type: 'url' });
    // The service fetches it while we wait.
    const { payload } = await cloud.client.call({
      doing,
      method: 'POST',
      path,
      json,
      signal: context.signal,
      repeats: 0,
      silenceMs: cloud.settings.stallMs,
    });
    return uploadedFrom(payload);
  }
  task.onProgress(0, 'waiting for a turn to upload');
  const act = async () => {
    const guard = stallGuard(cloud, context.signal);
    const onSent = (bytes: number) => {
      guard.moved();
      task.onProgress((0.35 * bytes) / Math.max(1, source.bytes), 'uploading');
    };
    try {
      const body = multipart(source, onSent, async bytes => {
        await cloud.pace(bytes, guard.signal);
        guard.moved();
      });
      const { payload } = await cloud.client.call({
        doing,
        method: 'POST',
        path,
        body,
        signal: guard.signal,
        repeats: 0,
        silenceMs: 0,
      });
      return uploadedFrom(payload);
    } finally {
      guard.end();
    }
  };
  return cloud.uploadSlots.run(act, context.signal);
}

/** An upload has no time limit, but it must move. */
function stallGuard(
  { clock, settings }: CloudContext,
  signal: AbortSignal,
): { signal: AbortSignal; moved(): void; end(): void } {
  const stalled = new AbortController();
  const arm = () =>
    clock.after(settings.stallMs, () =>
      stalled.abort(
        new ShrinkError('unreachable', 'the upload stopped moving', {
          doing: 'uploading',
          hint: 'It is tried again by itself.',
        }),
      ),
    );
  let disarm = arm();
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    moved() {
      disarm();
      disarm = arm();
    },
    end: () => disarm(),
  };
}

async function waitUntilThere(
  cloud: CloudContext,
  task: CloudTask,
  record: UploadRecord,
  state: () => Promise<Snapshot>,
): Promise<void> {
  for (let n = 0; n < 4; n += 1) {
    if (hasArrived({ assets: record.before }, await state())) return;
    await sleep(cloud.clock, cloud.settings.lagMs * 2 ** n, task.context.signal);
  }
  throw new ShrinkError('bad-answer', 'the service took the upload, but the session does not show it', {
    doing: 'uploading',
    hint: 'Retry later; no credits were used.',
  });
}
