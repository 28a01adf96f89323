import { createHash } from 'node:crypto';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, ShrinkError } from '../../core/errors.ts';
import { sleep } from '../../platform/clock.ts';
import { nodeFiles, syncDir } from '../../platform/files.ts';
import { readState, type SessionRecord } from './arrive.ts';
import { askedOf, type Cloud, type Task } from './cloud.ts';
import { type Downloaded, download } from './download.ts';
import { draftText, isExportable, summarise } from './draft.ts';
import { askRender, pollRender, type RenderStatus, submitRender } from './render.ts';
import type { OutputHint } from './router.ts';
import type { Snapshot } from './state.ts';

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
  asked: number;
  why?: string;
};

/** The downloaded render: `result.N`. `have` is false where it was known to be too large and not fetched. */
type ResultRecord = { render: string; bytes: number; have: boolean };

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
  /** What came of it before was handed over and found wanting: render it anew. */
  afresh?: boolean;
}

/** From the session's draft to a file on this disk. Free, and safe to repeat from whatever step a restart finds. */
export async function exportDraft(
  cloud: Cloud,
  task: Task,
  session: SessionRecord,
  request: ExportRequest,
): Promise<Exported> {
  const draft = await keepDraft(cloud, task, session, request);
  const { id, status } = await renderToEnd(cloud, task, session, draft.text, request);
  const { bytes, path } = await fetchResult(cloud, task, session, id, status, request);
  return { bytes, path, summary: draft.summary, durationS: status?.durationS };
}

async function keepDraft(
  cloud: Cloud,
  task: Task,
  session: SessionRecord,
  request: ExportRequest,
): Promise<{ text: string; summary: string }> {
  const { memory, dir, context } = task;
  const key = `draft.${request.n}`;
  const kept = memory.get<DraftRecord>(key);
  if (kept?.session === session.id) {
    const text = await readFile(join(dir, kept.file), 'utf8').catch(() => '');
    if (sha256(text) === kept.sha256) return { text, summary: kept.summary };
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
  cloud: Cloud,
  task: Task,
  session: SessionRecord,
  draft: string,
  { n, hint, afresh }: ExportRequest,
): Promise<{ id: string; status: Completed | undefined }> {
  const { memory, context, order } = task;
  const { client, clock, settings } = cloud;
  const key = `render.${n}`;
  const asked = askedOf(order);
  const kept = memory.get<RenderRecord>(key);
  let record = kept?.session === session.id && !afresh ? kept : undefined;
  let resumed = record !== undefined;
  if (record?.phase === 'completed') return { id: record.id, status: undefined };
  if (record && asked > record.asked) {
    // A person said go on: the clock starts anew, and so do the tries.
    record = { ...record, asked, since: clock.now(), tries: record.phase === 'failed' ? 0 : record.tries };
  }
  await context.step('rendering');
  for (;;) {
    if (record?.phase === 'failed' && record.tries >= 2) throw renderFailed(record.why);
    if (!record || record.phase === 'failed') {
      record = await keep({
        session: session.id,
        id: cloud.newRenderId(),
        tries: (record?.tries ?? 0) + 1,
        phase: 'asked',
        since: clock.now(),
        asked,
      });
      resumed = false;
    }
    let status = await submitted(record);
    if (record.phase === 'failed') continue;
    if (!status || status.kind === 'pending') {
      status = await pollRender({
        client,
        id: record.id,
        giveUpAt: record.since + settings.pollLimitMs,
        limitMs: settings.pollLimitMs,
        everyMs: settings.pollIntervalMs,
        clock,
        signal: context.signal,
        random: cloud.random,
        onProgress: fraction => task.onProgress(0.55 + 0.3 * fraction, 'rendering'),
        atOnce: resumed,
      });
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
      if (found) return accept(asking, found);
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

  async function accept(asking: RenderRecord, status: RenderStatus | undefined): Promise<RenderStatus | undefined> {
    record = await keep({ ...asking, phase: 'accepted' });
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

async function fetchResult(
  cloud: Cloud,
  task: Task,
  session: SessionRecord,
  id: string,
  known: Completed | undefined,
  { n, upTo }: ExportRequest,
): Promise<{ bytes: number; path: string | undefined }> {
  const { memory, dir, context } = task;
  const key = `result.${n}`;
  const path = join(dir, `result-${n}.mp4`);
  const kept = memory.get<ResultRecord>(key);
  if (kept?.render === id) {
    if (kept.have && (await stat(path).catch(() => undefined))?.size === kept.bytes) return { bytes: kept.bytes, path };
    if (!kept.have && upTo !== undefined && kept.bytes > upTo) return { bytes: kept.bytes, path: undefined };
  }
  await context.step('downloading');
  const found = await downloadFrom(cloud, task, id, known, path, upTo);
  const record: ResultRecord = { render: id, bytes: found.bytes, have: found.kind === 'file' };
  await memory.set(key, record);
  context.log.info(
    { session: session.id, render: id, bytes: found.bytes },
    found.kind === 'file' ? 'downloaded the result' : 'the result is too large',
  );
  return { bytes: found.bytes, path: found.kind === 'file' ? path : undefined };
}

/** Tries the address told, then a fresh one, then the service's own download route. */
async function downloadFrom(
  cloud: Cloud,
  task: Task,
  id: string,
  known: Completed | undefined,
  path: string,
  upTo: number | undefined,
): Promise<Extract<Downloaded, { kind: 'file' | 'too-large' }>> {
  const { client, settings, clock } = cloud;
  const { signal } = task.context;
  const fallback = `${settings.apiUrl.replace(/\/+$/, '')}/api/render/proxy/${encodeURIComponent(id)}/download`;
  let url = known?.url;
  let expectedBytes = known?.bytes;
  for (let tries = 0; tries < 4; tries += 1) {
    if (url === undefined && tries < 2) {
      // A render may be completed a moment before its address is known.
      if (tries > 0 || known) await sleep(clock, settings.lagMs, signal);
      const status = await askRender({ client, id, signal }, false);
      if (status?.kind === 'failed') throw renderFailed(status.why);
      url = status?.kind === 'completed' ? status.url : undefined;
      expectedBytes = status?.kind === 'completed' ? status.bytes : expectedBytes;
    }
    const outcome = await download({
      url: url ?? fallback,
      path,
      http: cloud.resultHttp,
      policy: cloud.policy,
      apiOrigin: new URL(settings.apiUrl).origin,
      openOwn: client.openFile,
      ...(upTo === undefined ? {} : { upTo }),
      atMost: mostBytes(task),
      ...(expectedBytes === undefined ? {} : { expectedBytes }),
      clock,
      signal,
      silenceMs: settings.silenceMs,
      log: cloud.log,
      onProgress: (bytes, total) => task.onProgress(total ? 0.86 + (0.14 * bytes) / total : 0.9, 'downloading'),
    });
    if (outcome.kind === 'file' || outcome.kind === 'too-large') return outcome;
    url = outcome.kind === 'elsewhere' ? outcome.url : undefined;
  }
  throw new ShrinkError('bad-answer', 'the service says the render is done, but does not hand it out', {
    doing: 'downloading the result',
    subject: id,
    hint: 'Retry later; the render is kept.',
  });
}

/** No result of a file is larger than this; what claims to be, or never ends, must not fill the disk. */
function mostBytes({ source }: Task): number {
  return source.kind === 'file' ? Math.max(4 * source.bytes, 2e9) : 20e9;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function writeDurably(path: string, text: string, log: Task['context']['log']): Promise<void> {
  try {
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncDir(join(path, '..'), nodeFiles, log);
  } catch (error) {
    throw fileError(error, 'keeping the draft', path);
  }
}
