import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import { topBoxes } from '../../../media/mp4-boxes.ts';
import type { CloudContext, CloudTask } from '../context.ts';

/**
 * A result whose index comes after its media is put in order here, without re-encoding: it is promised to play while it loads, and
 * nobody documents what the service makes. Where this machine may not help, or it is fine, it stays as it is.
 */
export async function indexFirst(
  cloud: CloudContext,
  task: CloudTask,
  found: { path: string; bytes: number },
): Promise<{ path: string; bytes: number }> {
  const { context, dir, order, maxBytes } = task;
  if (!cloud.local || !(await isIndexLast(found.path))) return found;
  const path = join(dir, 'in-order.mp4');
  await cloud.local.join({
    job: order.job,
    dir,
    signal: context.signal,
    gate: context.gate,
    log: context.log,
    onProgress: () => {},
    sources: [found.path],
    path,
  });
  const bytes = await sizeOf(path);
  // Never at the cost of the size asked for.
  return maxBytes !== undefined && bytes > maxBytes ? found : { path, bytes };
}

async function isIndexLast(path: string): Promise<boolean> {
  const { boxes } = await topBoxes(path);
  const types = boxes.map(({ type }) => type);
  return types.includes('mdat') && types.indexOf('moov') > types.indexOf('mdat');
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw fileError(error, 'putting the result in order', path);
  }
}
