import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../../../core/errors.ts';
import { replaceDurably } from '../../../platform/files/durable.ts';
import { nodeFiles, sha256Of } from '../../../platform/files/files.ts';
import { readState, type SessionRecord } from '../session/source.ts';
import { retryCountOf, type CloudContext, type CloudTask } from '../context.ts';
import { draftText, isExportable, summarise } from '../session/draft.ts';
import { askRender, pollRender, type RenderStatus, submitRender } from './render.ts';
import { fetchResult, resultPath } from './result.ts';
import type { OutputHint } from '../message/intent.ts';
import type { Snapshot } from '../session/state.ts';

/** The draft to render, kept as a file of its own: `draft.N`. */
type DraftRecord = { session: string; file: string; sha256: string; summary: string };

/** A render under its id: `render.N`. Durable before it is asked for, so that a restart asks for the same one. */
type RenderRecord = {
  session: string;
  id: string;
  /** 2: the first one failed. */
  tries: number;
  phase: 'asked' | 'accepted' | 'completed' | 'failed';
  /** When it was accepted, epoch ms; the limit counts from here. */
  since: number;
  /** `order.retryCount` of then. */
  asked: number;
  why?: string;
};

export interface Exported {
  bytes: number;
  /** Absent where it was too large to be worth fetching. */
  path: string | undefined;
  summary: string;
  /** What the service says, seconds. */
  durationS: number | undefined;
}

export interface ExportRequest {
  n: number;
  /** The state as just read, where there is one. */
  snapshot: Snapshot | undefined;
  /** What the agent said, for the error when there is nothing to render. */
  reply: string;
  hint: OutputHint;
  /** Do not fetch what is larger. */
  upTo: number | undefined;
  /** What came of it was handed over and found wanting: `order.retryCount` of then. A person asked for another try since. */
  rejectedAt?: number;
}

/** From the session's draft to a file on this disk. Free, and safe to repeat from whatever step a restart finds. */
export async function exportDraft(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  request: ExportRequest,
): Promise<Exported> {
  const { n, upTo } = request;
  const draft = await keepDraft(cloud, task, session, request);
  await reconsider(cloud, task, session, request);
  for (let tries = 0; ; tries += 1) {
    const { id, status } = await renderToEnd(cloud, task, session, draft.text, request);
    try {
      const { bytes, path } = await fetchResult(cloud, task, { n, id, known: status, upTo });
      return { bytes, path, summary: draft.summary, durationS: status?.durationS };
    } catch (error) {
      if (tries > 0 || !(await isLost(task, n, error))) throw error;
    }
  }
}

/**
 * A result that was found wanting is fetched once more under its id: a transfer may have spoiled it. Where the same comes again, or
 * nothing does, the render is at fault and another one is due, which is free.
 */
async function reconsider(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  { n, rejectedAt, upTo }: ExportRequest,
): Promise<void> {
  const { memory, dir, context, order } = task;
  const record = memory.get<RenderRecord>(renderKey(n));
  if (rejectedAt === undefined || record?.session !== session.id || record.phase !== 'completed') return;
  // A restart in the middle of this finds it decided, or finds both files.
  if (record.asked > rejectedAt) return;
  const rejected = join(dir, `rejected-${n}.mp4`);
  if (!existsSync(rejected)) await setAside(resultPath(task, n), rejected);
  const again = await fetchResult(cloud, task, { n, id: record.id, known: undefined, upTo }).catch((error: unknown) => {
    if (!isShrinkError(error, 'bad-answer', 'render-failed')) throw error;
    return undefined;
  });
  const isAtFault = again === undefined || (await isSame(again.path, rejected, context.signal));
  context.log.info(
    { render: record.id },
    isAtFault ? 'the same result again: it is rendered anew' : 'the result arrived otherwise this time',
  );
  const retryCount = retryCountOf(order);
  const next: RenderRecord = isAtFault
    ? { ...record, asked: retryCount, tries: 0, phase: 'failed', why: 'its result was rejected' }
    : { ...record, asked: retryCount };
  await memory.set(renderKey(n), next);
  await rm(rejected, { force: true });
}

async function setAside(path: string, to: string): Promise<void> {
  try {
    if (existsSync(path)) await rename(path, to);
  } catch (error) {
    throw fileError(error, 'setting a rejected result aside', path);
  }
}

async function isSame(path: string | undefined, other: string, signal: AbortSignal): Promise<boolean> {
  if (path === undefined || !existsSync(other)) return false;
  return (await sha256Of(path, nodeFiles, signal)) === (await sha256Of(other, nodeFiles, signal));
}

/** Whether the render itself is lost, so that another one is due; then its record says so. */
async function isLost({ memory, order }: CloudTask, n: number, error: unknown): Promise<boolean> {
  const record = memory.get<RenderRecord>(renderKey(n));
  if (!record || !isShrinkError(error)) return false;
  const retryCount = retryCountOf(order);
  // What was not handed out is asked for once more when a person says so; after that there is no use in the id.
  const isWithheld = error.code === 'bad-answer' && retryCount > record.asked;
  if (error.code !== 'render-failed' && !isWithheld) return false;
  const next: RenderRecord = { ...record, phase: 'failed', why: error.message };
  await memory.set(renderKey(n), isWithheld ? { ...next, asked: retryCount, tries: 0 } : next);
  return true;
}

function renderKey(n: number): string {
  return `render.${n}`;
}

async function keepDraft(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  request: ExportRequest,
): Promise<{ text: string; summary: string }> {
  const { memory, dir, context } = task;
  const key = `draft.${request.n}`;
  const stored = memory.get<DraftRecord>(key);
  if (stored?.session === session.id) {
    const text = await readFile(join(dir, stored.file), 'utf8').catch(() => '');
    if (sha256(text) === stored.sha256) return { text, summary: stored.summary };
  }
  const snapshot = request.snapshot ?? (await readState(cloud, session, context.signal));
  const text = isExportable(snapshot.reading) ? draftText(snapshot.draft) : undefined;
  if (text === undefined) throw nothingToExport(snapshot, request.reply);
  const file = `draft-${request.n}.json`;
  await writeDurably(join(dir, file), text, context.log);
  const summary = summarise(snapshot.reading);
  const record: DraftRecord = { session: session.id, file, sha256: sha256(text), summary };
  await memory.set(key, record);
  return { text, summary };
}

function nothingToExport({ reading }: Snapshot, reply: string): ShrinkError {
  const said = reply === '' ? '' : `; the agent said: "${reply.replace(/\s+/g, ' ').slice(0, 200)}"`;
  if (reading.kind === 'foreign') {
    return new ShrinkError('cannot-do', `the timeline is in a form that can only be exported on the site${said}`, {
      doing: 'exporting',
      hint: 'Open the claim link of the job to export it there, or use engine: local.',
    });
  }
  return new ShrinkError('cannot-do', `there is nothing on the timeline to export${said}`, {
    doing: 'exporting',
    hint: 'Say more exactly what to do with the file (the .txt file beside the video), then retry.',
  });
}

type Completed = Extract<RenderStatus, { kind: 'completed' }>;

/** Polls or submits until a render is through; a failed one is asked for once more under a new id. */
async function renderToEnd(
  cloud: CloudContext,
  task: CloudTask,
  session: SessionRecord,
  draft: string,
  { n, hint }: ExportRequest,
): Promise<{ id: string; status: Completed | undefined }> {
  const { memory, context, order } = task;
  const { client, clock, settings } = cloud;
  const key = renderKey(n);
  const retryCount = retryCountOf(order);
  const stored = memory.get<RenderRecord>(key);
  let record = stored?.session === session.id ? stored : undefined;
  let resumed = record !== undefined;
  if (record?.phase === 'completed') return { id: record.id, status: undefined };
  if (record && retryCount > record.asked) {
    // A person said go on: the clock starts anew, and so do the tries.
    record = { ...record, asked: retryCount, since: clock.now(), tries: record.phase === 'failed' ? 0 : record.tries };
  }
  await context.step('render');
  for (;;) {
    if (record?.phase === 'failed' && record.tries >= 2) throw renderFailed(record.why);
    if (!record || record.phase === 'failed') {
      record = await keep({
        session: session.id,
        id: cloud.newRenderId(),
        tries: (record?.tries ?? 0) + 1,
        phase: 'asked',
        since: clock.now(),
        asked: retryCount,
      });
      resumed = false;
    }
    const told = await submitted(record);
    if (record.phase === 'failed') continue;
    const status = told && told.kind !== 'pending' ? told : await poll(record);
    if (status.kind === 'no-answer') {
      // So long without an answer, the job waits in the line; the limit counts anew from the next question on.
      record = await keep({ ...record, since: clock.now() });
      throw status.error;
    }
    if (status.kind === 'completed') {
      record = await keep({ ...record, phase: 'completed' });
      return { id: record.id, status };
    }
    context.log.info({ render: record.id, why: status.why }, 'the render failed');
    record = await keep({ ...record, phase: 'failed', why: status.why });
  }

  /** Makes sure that the service has the render; the status, where the answer told it. */
  async function submitted(asking: RenderRecord): Promise<RenderStatus | undefined> {
    if (asking.phase !== 'asked') return undefined;
    if (resumed) {
      const found = await askRender({ client, id: asking.id, signal: context.signal }, true);
      if (found.kind !== 'no-answer' && found.kind !== 'not-known') return accept(asking, found);
    }
    const answer = await submitRender(client, {
      id: asking.id,
      sessionId: session.id,
      draft,
      hint,
      signal: context.signal,
    });
    if (answer.kind === 'accepted') return accept({ ...asking, id: answer.id }, answer.status);
    // Ours from before the restart; otherwise somebody else's, and a new id is due.
    if (resumed) return accept(asking, undefined);
    record = { ...asking, phase: 'failed', tries: asking.tries - 1, why: 'the id was taken' };
    return undefined;
  }

  function poll({ id, since }: RenderRecord): ReturnType<typeof pollRender> {
    return pollRender({
      client,
      id,
      giveUpAt: since + settings.pollLimitMs,
      limitMs: settings.pollLimitMs,
      everyMs: settings.pollIntervalMs,
      clock,
      signal: context.signal,
      random: cloud.random,
      onProgress: fraction => task.onProgress(0.55 + 0.3 * fraction, 'rendering'),
      atOnce: resumed,
    });
  }

  async function accept(asking: RenderRecord, status: RenderStatus | undefined): Promise<RenderStatus | undefined> {
    record = await keep({ ...asking, phase: 'accepted', since: clock.now() });
    task.onProgress(0.56, 'rendering, usually 30-90 s');
    return status;
  }

  async function keep(next: RenderRecord): Promise<RenderRecord> {
    await memory.set(key, next);
    return next;
  }
}

function renderFailed(why: string | undefined): ShrinkError {
  return new ShrinkError('render-failed', `the service could not render the result, twice${why ? `: ${why}` : ''}`, {
    doing: 'rendering',
    hint: 'Retry later; the edit is kept and rendering is free.',
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function writeDurably(path: string, text: string, log: CloudTask['context']['log']): Promise<void> {
  try {
    await replaceDurably(path, text, { files: nodeFiles, log, mode: 0o600 });
  } catch (error) {
    throw fileError(error, 'keeping the draft', path);
  }
}
