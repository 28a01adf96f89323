import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { ShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import { textOf } from '../../core/message.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { makePrivateDir, ownFile } from '../../platform/files/files.ts';
import type { LocalHelp, LocalRequest } from '../engine.ts';
import type { PartsRecord } from './checkpoints.ts';
import type { CloudTask, FileSource } from './context.ts';
import { CloudJob, type Produced } from './job.ts';
import { withoutPart } from './content.ts';
import { languageFor, partWords } from './message/prompt.ts';

type FileTask = CloudTask<FileSource>;

/** A file over the upload limit: made smaller on this machine, sent in parts, or left to a person (`nemo.oversize`). */
export async function produceOversize(task: FileTask): Promise<Produced> {
  const { cloud, order } = task;
  const { oversize } = cloud.settings;
  if (oversize === 'split' && cloud.local) {
    if (order.target.trim) throw cannotSplit(task);
    return sendInParts(task, cloud.local);
  }
  if (oversize === 'local' && cloud.local) {
    // An instruction may ask for more than this machine understands: then it only makes the file small enough to send.
    return order.instruction === undefined ? compressHere(task) : reduceAndSend(task, cloud.local);
  }
  throw tooLarge(task);
}

/** Each part would be asked for its own first ten seconds. */
function cannotSplit({ source }: FileTask): ShrinkError {
  return new ShrinkError('cannot-do', say('nemo.part-of-parts', { name: source.name }), {
    subject: source.name,
    hint: say('nemo.part-of-parts-hint'),
  });
}

/** The whole job on this machine: the request is for a smaller file and nothing else. */
export async function compressHere(task: FileTask): Promise<Produced> {
  const { cloud, source, order, maxBytes, context, dir, onProgress } = task;
  if (!cloud.local) throw tooLarge(task);
  await context.step('compress-here');
  const { path, bytes, how } = await cloud.local.shrink({
    ...localRequest(task, dir, fraction => onProgress(fraction, say('nemo.compressing-here'))),
    source: source.file,
    target: order.target,
    maxBytes,
  });
  const limit = cloud.settings.maxUpload;
  const said = say('nemo.how-compressed-here', { bytes: source.bytes, limit, how });
  return { path, bytes, how: said, notes: [], madeHere: true };
}

/** Share of the limit that is used, so that form fields and rounding never matter. */
const UPLOAD_SHARE = 0.97;

function uploadBytes({ cloud }: FileTask): number {
  return Math.floor(cloud.settings.maxUpload * UPLOAD_SHARE);
}

async function reduceAndSend(task: FileTask, local: LocalHelp): Promise<Produced> {
  const { source, order, checkpoints, context, dir, onProgress } = task;
  let reduced = checkpoints.reduced.get();
  if (!reduced || (await sizeOf(reduced.path)) !== reduced.bytes) {
    await context.step('shrink-to-upload');
    const { size: _, ...target } = withoutPart(order.target);
    const folder = await ownDir(join(dir, 'reduced'));
    const { path, bytes, how } = await local.shrink({
      ...localRequest(task, folder, fraction => onProgress(0.2 * fraction, say('nemo.reducing-for-upload'))),
      source: source.file,
      target,
      maxBytes: uploadBytes(task),
    });
    reduced = { path, bytes, how: textOf(how) };
    await checkpoints.reduced.set(reduced);
  }
  const { path, bytes } = reduced;
  const name = `${basename(source.name, extname(source.name))}.mp4`;
  const produced = await new CloudJob({ ...task, source: { kind: 'file', file: ownFile(path), name, bytes } }).run();
  const note = say('nemo.reduced-before-upload', { from: source.bytes, to: bytes });
  return { ...produced, notes: [note, ...produced.notes] };
}

/** What joining adds: the tables of the whole, minus those of its parts. */
const SHARE_FOR_PARTS = 0.99;

async function sendInParts(task: FileTask, local: LocalHelp): Promise<Produced> {
  const { checkpoints, context, dir } = task;
  const parts = await partsOf(task, local);
  const produced: Produced[] = [];
  for (const n of parts.keys()) produced.push(await new CloudJob(await partTask(task, parts, n)).run());
  const path = join(dir, 'joined.mp4');
  await context.step('join-parts');
  await local.join({ ...localRequest(task, dir, () => {}), sources: produced.map(one => one.path), path });
  const bytes = (await sizeOf(path)) ?? 0;
  await checkpoints.joined.set({ bytes });
  return {
    path,
    bytes,
    how: say('nemo.how-in-parts', { parts: parts.length }),
    notes: produced.flatMap(({ notes }, n) => notes.map(note => say('nemo.part-note', { part: n + 1, note }))),
    ...durationOf(produced),
  };
}

/** Part `n` (0-based), with its share of the requested size. */
async function partTask(task: FileTask, parts: PartsRecord['files'], n: number): Promise<CloudTask> {
  const { cloud, order, checkpoints, dir, maxBytes, onProgress } = task;
  const { path, bytes } = parts[n] ?? { path: '', bytes: 0 };
  const totalBytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const part = n + 1;
  const share = maxBytes === undefined ? undefined : Math.floor((maxBytes * SHARE_FOR_PARTS * bytes) / totalBytes);
  const wordsForPart =
    order.instruction === undefined
      ? {}
      : {
          instruction: partWords(order.instruction, {
            part,
            parts: parts.length,
            wholeBytes: maxBytes,
            maxBytes: share,
            language: languageFor(order.instruction, cloud.settings.language, cloud.readWords),
          }),
        };
  return {
    ...task,
    source: { kind: 'file', file: ownFile(path), name: basename(path), bytes },
    // Each part has a session of its own, whatever session the folder or an earlier version has.
    order: { ...order, ...wordsForPart, job: `${order.job}.${part}`, folder: undefined, previous: undefined },
    isWhole: false,
    maxBytes: share,
    checkpoints: checkpoints.part(part),
    dir: await ownDir(join(dir, `part-${part}`)),
    onProgress: (fraction, note, waitsSince) => {
      const sentence = say('nemo.part-of', { part, parts: parts.length, note: note ?? '' });
      onProgress((n + fraction) / parts.length, sentence, waitsSince);
    },
  };
}

function durationOf(parts: Produced[]): Pick<Produced, 'durationS' | 'durationToleranceS'> {
  let durationS = 0;
  for (const part of parts) {
    if (part.durationS === undefined) return {};
    durationS += part.durationS;
  }
  return { durationS, durationToleranceS: Math.max(0.5 * parts.length, durationS * 0.01) };
}

async function partsOf(task: FileTask, local: LocalHelp): Promise<PartsRecord['files']> {
  const { checkpoints, context, dir, source } = task;
  const stored = checkpoints.parts.get();
  if (stored && (await areThere(stored.files))) return stored.files;
  await context.step('split');
  const paths = await local.split({
    ...localRequest(task, await ownDir(join(dir, 'parts')), () => {}),
    source: source.file,
    maxBytes: uploadBytes(task),
  });
  const files = await Promise.all(paths.map(async path => ({ path, bytes: (await sizeOf(path)) ?? 0 })));
  await checkpoints.parts.set({ files });
  return files;
}

async function areThere(files: PartsRecord['files']): Promise<boolean> {
  const checks = await Promise.all(files.map(async ({ path, bytes }) => (await sizeOf(path)) === bytes));
  return checks.every(Boolean);
}

function tooLarge({ cloud, source }: FileTask): ShrinkError {
  const limit = cloud.settings.maxUpload;
  return new ShrinkError('file-too-large', say('nemo.over-upload-limit', { bytes: source.bytes, limit }), {
    doing: say('nemo.doing-check-file'),
    subject: source.file.path,
    hint: say('nemo.over-upload-limit-hint', { limit }),
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
    throw fileError(error, say('nemo.doing-work-folder'), path);
  }
}
