import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { sleep } from '../../../platform/clock.ts';
import type { CloudTask } from '../context.ts';
import { type Downloaded, download } from './download.ts';
import { askRender, type CompletedRender } from './render.ts';

export interface ResultRequest {
  n: number;
  /** The render's id. */
  id: string;
  /** What the service just reported about it. */
  known: CompletedRender | undefined;
  /** Anything larger is not fetched. */
  upTo: number | undefined;
}

/** Where the result of export `n` is stored once it is fetched. */
export function resultPath({ dir }: CloudTask, n: number): string {
  return join(dir, `result-${n}.mp4`);
}

/**
 * The result of a completed render, on this disk; fetched unless it is there already.
 * @throws ShrinkError `render-failed` if the service no longer calls it completed, `bad-answer` if it does not hand it out.
 */
export async function fetchResult(
  task: CloudTask,
  request: ResultRequest,
): Promise<{ bytes: number; path: string | undefined }> {
  const { checkpoints, context } = task;
  const { n, id, upTo } = request;
  const checkpoint = checkpoints.result(n);
  const path = resultPath(task, n);
  const stored = checkpoint.get();
  if (stored?.render === id) {
    const { have, bytes } = stored;
    if (have && (await stat(path).catch(() => undefined))?.size === bytes) return { bytes, path };
    if (!have && upTo !== undefined && bytes > upTo) return { bytes, path: undefined };
  }
  await context.step('download');
  const { kind, bytes } = await fetchTo(path, task, request);
  const have = kind === 'file';
  await checkpoint.set({ render: id, bytes, have });
  context.log.info({ render: id, bytes }, have ? 'downloaded the result' : 'the result is too large');
  return { bytes, path: have ? path : undefined };
}

/** Addresses tried before the result counts as withheld; the last two are the service's own download route. */
const MAX_ADDRESSES = 4;

/** Tries the address the service named, then a fresh one, then the service's own download route. */
async function fetchTo(
  path: string,
  task: CloudTask,
  { id, known, upTo }: ResultRequest,
): Promise<Extract<Downloaded, { kind: 'file' | 'too-large' }>> {
  const { cloud, context, onProgress } = task;
  const { apiUrl, silenceMs } = cloud.settings;
  const fallback = `${apiUrl.replace(/\/+$/, '')}/api/render/proxy/${encodeURIComponent(id)}/download`;
  let url = known?.url;
  let expectedBytes = known?.bytes;
  const refusals = new Set<string>();
  for (let tries = 0; tries < MAX_ADDRESSES; tries += 1) {
    if (url === undefined && tries < 2) {
      const fresh = await freshAddress(task, id, tries > 0 || known !== undefined);
      if (fresh) ({ url, bytes: expectedBytes } = fresh);
    }
    const outcome = await download({
      what: id,
      // An address without a host is on the API's.
      url: url === undefined ? fallback : resolved(url, apiUrl),
      path,
      http: cloud.resultHttp,
      policy: cloud.policy,
      apiOrigin: new URL(apiUrl).origin,
      openOwn: request => cloud.client.openFile(request),
      upTo,
      atMost: maxResultBytes(task),
      expectedBytes,
      clock: cloud.clock,
      signal: context.signal,
      silenceMs,
      log: cloud.log,
      onProgress: (bytes, total) => onProgress(total ? 0.86 + (0.14 * bytes) / total : 0.9, say('nemo.downloading')),
    });
    if (outcome.kind === 'file' || outcome.kind === 'too-large') return outcome;
    if (outcome.kind === 'refused') refusals.add(`${outcome.host}: HTTP ${outcome.status}`);
    url = outcome.kind === 'elsewhere' ? outcome.url : undefined;
  }
  throw new ShrinkError('bad-answer', say('nemo.result-withheld', { refusals: [...refusals].join(', ') }), {
    doing: say('nemo.doing-download'),
    subject: id,
    hint: say('nemo.render-kept-hint'),
  });
}

function resolved(address: string, base: string): string {
  return URL.canParse(address, base) ? new URL(address, base).href : address;
}

/** What the service says about the render now; a render may be completed a moment before its address is known. */
async function freshAddress(
  { cloud, context }: CloudTask,
  id: string,
  afterPause: boolean,
): Promise<CompletedRender | undefined> {
  const { signal } = context;
  if (afterPause) await sleep(cloud.clock, cloud.settings.lagMs, signal);
  const status = await askRender({ client: cloud.client, id, signal }, false);
  if (status.kind === 'failed') {
    throw new ShrinkError('render-failed', say('nemo.render-failed-after-all', { why: status.why }), {
      doing: say('nemo.doing-download'),
      hint: say('nemo.edit-kept-hint'),
    });
  }
  return status.kind === 'completed' ? status : undefined;
}

/** No result of a file is larger than this; one that claims to be, or never ends, must not fill the disk. */
function maxResultBytes({ source }: CloudTask): number {
  return source.kind === 'file' ? Math.max(4 * source.bytes, 2e9) : 20e9;
}
