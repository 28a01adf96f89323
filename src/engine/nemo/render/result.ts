import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShrinkError } from '../../../core/errors.ts';
import { sleep } from '../../../platform/clock.ts';
import type { CloudContext, CloudTask } from '../context.ts';
import { type Downloaded, download } from './download.ts';
import { askRender, type RenderStatus } from './render.ts';

type Completed = Extract<RenderStatus, { kind: 'completed' }>;

/** The downloaded render: `result.N`. `have` is false where it was known to be too large and not fetched. */
type ResultRecord = { render: string; bytes: number; have: boolean };

export interface ResultRequest {
  n: number;
  /** The render's id. */
  id: string;
  /** What the service just said of it. */
  known: Completed | undefined;
  /** Do not fetch what is larger. */
  upTo: number | undefined;
}

/** Where the result of export `n` lies once it is fetched. */
export function resultPath({ dir }: CloudTask, n: number): string {
  return join(dir, `result-${n}.mp4`);
}

/**
 * The result of a completed render, on this disk; fetched unless it is there already.
 * @throws ShrinkError `render-failed` when the service takes back that it is completed, `bad-answer` when it does not hand it out.
 */
export async function fetchResult(
  cloud: CloudContext,
  task: CloudTask,
  { n, id, known, upTo }: ResultRequest,
): Promise<{ bytes: number; path: string | undefined }> {
  const { memory, context } = task;
  const key = `result.${n}`;
  const path = resultPath(task, n);
  const stored = memory.get<ResultRecord>(key);
  if (stored?.render === id) {
    if (stored.have && (await stat(path).catch(() => undefined))?.size === stored.bytes)
      return { bytes: stored.bytes, path };
    if (!stored.have && upTo !== undefined && stored.bytes > upTo) return { bytes: stored.bytes, path: undefined };
  }
  await context.step('download');
  const found = await downloadFrom(cloud, task, id, known, path, upTo);
  const record: ResultRecord = { render: id, bytes: found.bytes, have: found.kind === 'file' };
  await memory.set(key, record);
  context.log.info(
    { render: id, bytes: found.bytes },
    found.kind === 'file' ? 'downloaded the result' : 'the result is too large',
  );
  return { bytes: found.bytes, path: found.kind === 'file' ? path : undefined };
}

/** Tries the address told, then a fresh one, then the service's own download route. */
async function downloadFrom(
  cloud: CloudContext,
  task: CloudTask,
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
      if (status.kind === 'failed') throw takenBack(status.why);
      if (status.kind === 'completed') {
        url = status.url;
        expectedBytes = status.bytes;
      }
    }
    const outcome = await download({
      what: id,
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

function takenBack(why: string): ShrinkError {
  return new ShrinkError('render-failed', `the service says that the render failed after all: ${why}`, {
    doing: 'downloading the result',
    hint: 'Retry later; the edit is kept and rendering is free.',
  });
}

/** No result of a file is larger than this; what claims to be, or never ends, must not fill the disk. */
function mostBytes({ source }: CloudTask): number {
  return source.kind === 'file' ? Math.max(4 * source.bytes, 2e9) : 20e9;
}
