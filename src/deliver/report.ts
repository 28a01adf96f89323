/**
 * The words left beside the results: what happened to one file, why, and what to do. For people who see only the outbox.
 * A report of ours ends in a marker line with its job; a file without it is never touched.
 */
import { join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import type { EngineName, Reason } from '../core/job.ts';
import { ownTempName } from '../core/file-names.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import { syncDir, writeAll } from '../platform/files/durable.ts';
import { type Files, lstatIfThere, unlinkQuietly } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { ensureFolder, type FolderIdentity, inFolder } from './output-folder.ts';
import { numbered, safeParts, stemOf } from './safe-names.ts';
import { moveWithoutOverwriting, unlinkIfThere } from './atomic-publish.ts';

interface ReportFacts {
  job: string;
  /** Absolute path of the source. */
  source: string;
  sourceBytes: number;
  rule?: string | undefined;
  engine?: EngineName | undefined;
  /** Epoch ms. */
  at: number;
  /** IANA name; absent: the machine's own. */
  timeZone?: string | undefined;
  /** Where a person can look at it elsewhere, by what each place is called. */
  links?: Readonly<Record<string, string>> | undefined;
}

export interface FailureFacts extends ReportFacts {
  /** `held`: a person must act before it goes on; `failed`: it will not go on. */
  state: 'held' | 'failed';
  reason: Reason;
  /** What it was doing then: `encoding, pass 2 of 2`. */
  step?: string | undefined;
  attempts?: number | undefined;
  /** Last words of the tool or service, oldest first. */
  lastLines?: readonly string[] | undefined;
}

export interface SuccessFacts extends ReportFacts {
  output: string;
  outputBytes: number;
  /** One sentence: what was done and why. */
  how: string;
  notes: readonly string[];
  /** What was checked: `decoded 432 frames, 14.41 s`. */
  evidence: string;
  tookMs?: number | undefined;
  original?: string | undefined;
}

/** Most lines of a tool's output that help anybody. */
const LAST_LINES = 20;

export function failureReport(facts: FailureFacts): string {
  const { reason, job } = facts;
  const verdict = facts.state === 'held' ? 'is waiting for you' : 'could not be made smaller';
  const lines = [
    `${nameOf(facts.source)} ${verdict}.`,
    '',
    `Why         ${printable(reason.text)}`,
    ...(reason.hint ? [`What to do  ${printable(reason.hint)}`] : []),
    `Try again   shrinkbox retry ${job}`,
    'Original    not touched',
    '',
    ...factLines(facts),
    ...(facts.step ? [`Step        ${printable(facts.step)}`] : []),
    ...(facts.attempts ? [`Tries       ${facts.attempts}`] : []),
  ];
  const last = (facts.lastLines ?? []).slice(-LAST_LINES).map(line => `  ${printable(line)}`);
  if (last.length > 0) lines.push('', 'Last lines of its output:', ...last);
  return closed(lines, job);
}

export function successReport(facts: SuccessFacts): string {
  const share = facts.sourceBytes > 0 ? `, ${Math.round((facts.outputBytes / facts.sourceBytes) * 100)} % of it` : '';
  const lines = [
    `${nameOf(facts.source)} was made smaller: ${nameOf(facts.output)}, ${formatBytes(facts.outputBytes)}${share}.`,
    '',
    `How         ${printable(facts.how)}`,
    `Checked     ${printable(facts.evidence)}`,
    ...facts.notes.map(note => `Note        ${printable(note)}`),
    '',
    ...factLines(facts),
    `Result      ${printable(facts.output)}`,
    ...(facts.original ? [`Original    ${printable(facts.original)}`] : []),
    ...(facts.tookMs === undefined ? [] : [`Took        ${formatDuration(facts.tookMs)}`]),
  ];
  return closed(lines, facts.job);
}

function factLines(facts: ReportFacts): string[] {
  return [
    `File        ${printable(facts.source)} (${formatBytes(facts.sourceBytes)})`,
    `When        ${localTime(facts.at, facts.timeZone)}`,
    ...(facts.rule ? [`Rule        ${printable(facts.rule)}`] : []),
    ...(facts.engine ? [`Engine      ${facts.engine}`] : []),
    `Job         ${facts.job}`,
    ...Object.entries(facts.links ?? {}).map(([name, url]) => `Link        ${printable(url)} (${printable(name)})`),
  ];
}

function closed(lines: string[], job: string): string {
  return `${lines.join('\n')}\n\n${marker(job)}\n`;
}

function marker(job: string): string {
  return `-- report by shrinkbox about job ${job}; it is replaced or removed by itself`;
}

const MARKER = /(?:^|\n)-- report by shrinkbox about job ([0-9a-z]+);[^\n]*\s*$/;

/** `2026-11-22 14:03 GMT+1`. */
function localTime(at: number, timeZone: string | undefined): string {
  // Swedish writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'shortOffset',
    timeZone,
  }).format(at);
}

function nameOf(path: string): string {
  return printable(path.slice(path.lastIndexOf('/') + 1));
}

/** A file name may hold newlines; a report stays readable line by line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

export interface WriteReportOptions {
  job: string;
  kind: 'failed' | 'report';
  outbox: string;
  outboxIdentity?: FolderIdentity | undefined;
  /** Of the source, below its inbox: `holiday/clip.mp4` is reported in `holiday/clip.failed.txt`. */
  relative: string;
  text: string;
  /** The report this job had before; replaced where it has the same name, else removed. */
  previous?: string | undefined;
  forbidden?: readonly string[] | undefined;
  files: Files;
  log: Logger;
}

/** Enough for a file name wanted by that many jobs at once. */
const MAX_NAMES = 100;
/** No report of ours is longer; a larger file is somebody's own. */
const MAX_BYTES = 64 * 1024;

/**
 * Writes the report in one step beside the results and gives its path. A file of that name which is not this job's report
 * stays, and ours becomes `clip (2).failed.txt`.
 * @throws ShrinkError `unavailable`, `denied`, `no-space`, ...
 */
export async function writeReport(options: WriteReportOptions): Promise<string> {
  const { files, log, job, previous } = options;
  const parts = safeParts(options.relative, { portable: true });
  const stem = stemOf(parts.pop() ?? 'file');
  const folder = await ensureFolder({ path: options.outbox, identity: options.outboxIdentity }, parts, options);
  return inFolder('writing a report in', folder, async () => {
    const temp = join(folder, ownTempName(job));
    await unlinkIfThere(temp, files);
    await writeWhole(temp, options.text, files);
    try {
      const path = await place(temp, folder, stem, options);
      await syncDir(folder, files, log);
      if (previous !== undefined && previous !== path) await removeReport(previous, options);
      return path;
    } catch (error) {
      await unlinkQuietly(temp, files);
      throw error;
    }
  });
}

/**
 * Removes a report of ours, of this job where one is given; `false` where the file is not one, or not there any more.
 * @throws ShrinkError `denied`, `io`, ...
 */
export async function removeReport(path: string, { job, files }: { job?: string; files: Files }): Promise<boolean> {
  const writtenAbout = await jobOfReport(path, files);
  if (writtenAbout === undefined || (job !== undefined && writtenAbout !== job)) return false;
  try {
    await unlinkIfThere(path, files);
  } catch (error) {
    throw fileError(error, `removing the report ${path}`, path);
  }
  return true;
}

async function place(temp: string, folder: string, stem: string, options: WriteReportOptions): Promise<string> {
  const { files, job, kind } = options;
  const ending = `.${kind}.txt`;
  for (let n = 1; n <= MAX_NAMES; n++) {
    const path = join(folder, numbered(stem + ending, n, ending));
    if ((await moveWithoutOverwriting(temp, path, files)) === 'moved') return path;
    if ((await jobOfReport(path, files)) !== job) continue;
    await files.rename(temp, path);
    return path;
  }
  throw new ShrinkError('denied', `${folder} has ${MAX_NAMES} reports named like ${stem}${ending}`, {
    subject: folder,
    hint: 'Clear old reports from the outbox.',
  });
}

async function writeWhole(path: string, text: string, files: Files): Promise<void> {
  const handle = await files.open(path, 'wx', 0o666);
  try {
    await writeAll(handle, Buffer.from(text), 0);
    await handle.sync().catch(() => {});
  } catch (error) {
    await unlinkQuietly(path, files);
    throw error;
  } finally {
    await handle.close();
  }
}

/** The job a report of ours is about; `undefined` for any other file, and where there is none. */
async function jobOfReport(path: string, files: Files): Promise<string | undefined> {
  try {
    const found = await lstatIfThere(path, files);
    if (!found?.isFile() || found.size > MAX_BYTES) return undefined;
    const handle = await files.open(path, 'r');
    try {
      const buffer = Buffer.alloc(Number(found.size));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return MARKER.exec(buffer.toString('utf8', 0, bytesRead))?.[1];
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, `looking at the report ${path}`, path);
  }
}
