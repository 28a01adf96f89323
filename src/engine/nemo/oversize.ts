import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { fileError } from '../../platform/files/file-error.ts';
import { ShrinkError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import { makePrivateDir } from '../../platform/files/files.ts';
import type { LocalHelp, LocalRequest } from '../engine.ts';
import { type CloudContext, memoryOf, type CloudTask } from './context.ts';
import { type Produced, produce } from './job.ts';

type FileTask = CloudTask & { source: Extract<CloudTask['source'], { kind: 'file' }> };
/** A smaller version of the source, made here to be uploaded: checkpoint `reduced`. */
type ReducedRecord = { path: string; bytes: number; how: string };
/** The parts a source was cut into: checkpoint `parts`. */
type PartsRecord = { files: { path: string; bytes: number }[] };

/** A file over the upload limit: made smaller here, sent in parts, or left to a person (`nemo.oversize`). */
export async function produceOversize(cloud: CloudContext, task: FileTask): Promise<Produced> {
  const { oversize } = cloud.settings;
  if (oversize === 'split' && cloud.local) return inParts(cloud, task, cloud.local);
  if (oversize === 'local' && cloud.local) {
    // Words may ask for more than this machine understands: then it only makes the file small enough to send.
    return task.order.instruction === undefined ? compressHere(cloud, task) : reduceAndSend(cloud, task, cloud.local);
  }
  throw tooLarge(cloud, task);
}

/** The whole job on this machine: what was asked for is a smaller file and nothing else. */
export async function compressHere(cloud: CloudContext, task: FileTask): Promise<Produced> {
  const { source, order, maxBytes, context, dir } = task;
  if (!cloud.local) throw tooLarge(cloud, task);
  await context.step('compress-here');
  const { path, bytes, how } = await cloud.local.shrink({
    ...localRequest(task, dir, fraction => task.onProgress(fraction, 'compressing here')),
    source: source.path,
    target: order.target,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const why = `${formatBytes(source.bytes)} is more than the cloud takes (${formatBytes(cloud.settings.maxUploadBytes)})`;
  return { path, bytes, how: `compressed here, because ${why}: ${how}`, notes: [] };
}

/** Of the limit, so that form fields and rounding never matter. */
const UPLOAD_SHARE = 0.97;

async function reduceAndSend(cloud: CloudContext, task: FileTask, local: LocalHelp): Promise<Produced> {
  const { source, order, memory, context, dir } = task;
  let reduced = memory.get<ReducedRecord>('reduced');
  if (!reduced || (await sizeOf(reduced.path)) !== reduced.bytes) {
    await context.step('shrink-to-upload');
    const { size: _, ...target } = order.target;
    const folder = await ownDir(join(dir, 'reduced'));
    reduced = await local.shrink({
      ...localRequest(task, folder, fraction => task.onProgress(0.2 * fraction, 'making it small enough to upload')),
      source: source.path,
      target,
      maxBytes: Math.floor(cloud.settings.maxUploadBytes * UPLOAD_SHARE),
    });
    await memory.set('reduced', reduced);
  }
  const name = `${basename(source.name, extname(source.name))}.mp4`;
  const produced = await produce(cloud, {
    ...task,
    source: { kind: 'file', path: reduced.path, name, bytes: reduced.bytes },
  });
  const note = `made smaller here before uploading: ${formatBytes(source.bytes)} to ${formatBytes(reduced.bytes)}`;
  return { ...produced, notes: [note, ...produced.notes] };
}

async function inParts(cloud: CloudContext, task: FileTask, local: LocalHelp): Promise<Produced> {
  const { order, memory, context, dir, maxBytes } = task;
  const parts = await partsOf(cloud, task, local);
  const total = parts.reduce((sum, part) => sum + part.bytes, 0);
  const made: Produced[] = [];
  for (const [n, part] of parts.entries()) {
    const prefix = `part.${n + 1}.`;
    made.push(
      await produce(cloud, {
        ...task,
        source: { kind: 'file', path: part.path, name: basename(part.path), bytes: part.bytes },
        // Each part has a session of its own, whatever the folder or an earlier version has.
        order: { ...order, job: `${order.job}.${n + 1}`, folder: undefined, previous: undefined } as typeof order,
        isWhole: false,
        maxBytes: maxBytes === undefined ? undefined : Math.floor((maxBytes * SHARE_FOR_PARTS * part.bytes) / total),
        memory: memoryOf(context, prefix),
        dir: await ownDir(join(dir, `part-${n + 1}`)),
        onProgress: (fraction, note) =>
          task.onProgress((n + fraction) / parts.length, `part ${n + 1} of ${parts.length}: ${note ?? ''}`),
      }),
    );
  }
  const path = join(dir, 'joined.mp4');
  await context.step('join-parts');
  await local.join({ ...localRequest(task, dir, () => {}), sources: made.map(one => one.path), path });
  const bytes = (await sizeOf(path)) ?? 0;
  await memory.set('joined', { bytes });
  const durations = made.map(one => one.durationS);
  const durationS = durations.every(one => one !== undefined)
    ? durations.reduce<number>((sum, one) => sum + (one ?? 0), 0)
    : undefined;
  return {
    path,
    bytes,
    how: `in the cloud in ${parts.length} parts, joined here without re-encoding`,
    notes: made.flatMap((one, n) => one.notes.map(note => `part ${n + 1}: ${note}`)),
    ...(durationS === undefined
      ? {}
      : { durationS, durationToleranceS: Math.max(0.5 * parts.length, durationS * 0.01) }),
  };
}

/** What joining adds: the tables of the whole, less than those of its parts. */
const SHARE_FOR_PARTS = 0.99;

async function partsOf(cloud: CloudContext, task: FileTask, local: LocalHelp): Promise<PartsRecord['files']> {
  const { memory, context, dir, source } = task;
  const stored = memory.get<PartsRecord>('parts');
  const here = stored && (await Promise.all(stored.files.map(async file => (await sizeOf(file.path)) === file.bytes)));
  if (stored && here?.every(Boolean)) return stored.files;
  await context.step('split');
  const paths = await local.split({
    ...localRequest(task, await ownDir(join(dir, 'parts')), () => {}),
    source: source.path,
    maxBytes: Math.floor(cloud.settings.maxUploadBytes * UPLOAD_SHARE),
  });
  const files = await Promise.all(paths.map(async path => ({ path, bytes: (await sizeOf(path)) ?? 0 })));
  await memory.set('parts', { files });
  return files;
}

function tooLarge(cloud: CloudContext, { source }: FileTask): ShrinkError {
  const limit = formatBytes(cloud.settings.maxUploadBytes);
  return new ShrinkError('file-too-large', `the file has ${formatBytes(source.bytes)}; the cloud takes ${limit}`, {
    doing: 'checking the file before uploading',
    subject: source.path,
    hint: `Compress or trim it to less than ${limit}, or set nemo.oversize to local or split, or engine: local; then retry.`,
  });
}

function localRequest(
  { order, context }: CloudTask,
  dir: string,
  onProgress: (fraction: number) => void,
): LocalRequest {
  return { job: order.job, dir, signal: context.signal, gate: context.gate, log: context.log, onProgress };
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

async function ownDir(path: string): Promise<string> {
  try {
    await makePrivateDir(path, { recursive: true });
    return path;
  } catch (error) {
    throw fileError(error, 'preparing the working folder', path);
  }
}
