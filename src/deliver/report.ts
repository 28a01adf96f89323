/**
 * Text files beside the results that say what happened to one file, why, and what to do: for people who only see the outbox.
 * Each ends in a marker line with its job; a file without one is never replaced or removed.
 */
import { basename } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/escape.ts';
import type { EngineName, Reason } from '../core/job.ts';
import { say } from '../messages/say.ts';
import { ownTempName } from '../core/file-names.ts';
import { isLinkName } from '../core/saving.ts';
import { formatBytes, formatDuration } from '../core/units.ts';
import { createDurably } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import type { Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import {
  type DeliveryRoot,
  ensureFolder,
  exchangedIn,
  type FolderIdentity,
  folderOf,
  inFolder,
  stillLeadsTo,
} from './output-folder.ts';
import { numbered, safeParts, stemOf } from './safe-names.ts';
import { moveWithoutOverwriting } from './atomic-publish.ts';

interface ReportFacts {
  job: string;
  /** Absolute path of the source. */
  source: string;
  sourceBytes: number;
  rule?: string | undefined;
  engine?: EngineName | undefined;
  /** Epoch ms. */
  at: number;
  /** Where else it can be seen, by each link's label. */
  links?: Readonly<Record<string, string>> | undefined;
}

export interface FailureFacts extends ReportFacts {
  /** `held`: it continues once a person acts; `waiting`: so do all jobs of its engine; `failed`: it is over. */
  state: 'held' | 'waiting' | 'failed';
  reason: Reason;
  /** What was being done at the time: `pass 2 of 2`. */
  step?: string | undefined;
  attempts?: number | undefined;
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

export function failureReport(facts: FailureFacts): string {
  const { reason, job } = facts;
  const verdict = facts.state === 'failed' ? 'could not be processed' : 'is waiting for you';
  const lines = [
    `${nameOf(facts.source)} ${verdict}.`,
    '',
    `Why         ${printable(reason.text)}`,
    ...(reason.hint ? [`What to do  ${printable(reason.hint)}`] : []),
    ...(reason.action?.link ? [`Open        ${printable(reason.action.link)}`] : []),
    `Try again   shrinkbox retry ${job}`,
    'Original    not touched',
    '',
    ...factLines(facts),
    ...(facts.step ? [`Step        ${printable(facts.step)}`] : []),
    ...(facts.attempts ? [`Attempts    ${facts.attempts}`] : []),
  ];
  return withMarker(lines, job);
}

export function successReport(facts: SuccessFacts): string {
  const { sourceBytes, outputBytes } = facts;
  const isComparable = sourceBytes > 0 && !isLinkName(facts.source);
  const share = isComparable ? `, ${Math.round((outputBytes / sourceBytes) * 100)} % of the original size` : '';
  const lines = [
    `${nameOf(facts.source)} is done: ${formatBytes(outputBytes)}${share}.`,
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
  return withMarker(lines, facts.job);
}

function factLines(facts: ReportFacts): string[] {
  return [
    `File        ${printable(facts.source)} (${formatBytes(facts.sourceBytes)})`,
    `When        ${localTime(facts.at)}`,
    ...(facts.rule ? [`Rule        ${printable(facts.rule)}`] : []),
    ...(facts.engine ? [`Engine      ${facts.engine}`] : []),
    `Job         ${facts.job}`,
    ...Object.entries(facts.links ?? {}).map(([name, url]) => `Link        ${printable(url)} (${printable(name)})`),
  ];
}

function withMarker(lines: string[], job: string): string {
  return `${lines.join('\n')}\n\n${marker(job)}\n`;
}

function marker(job: string): string {
  return `-- report by shrinkbox about job ${job}; shrinkbox replaces or removes this file`;
}

const MARKER = /(?:^|\n)-- report by shrinkbox about job ([0-9a-z]+);[^\n]*\s*$/;

/** `2026-11-22 14:03 GMT+1`. */
function localTime(at: number): string {
  // The Swedish locale writes dates in ISO 8601 format.
  return new Intl.DateTimeFormat('sv-SE', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'shortOffset',
  }).format(at);
}

function nameOf(path: string): string {
  return printable(path.slice(path.lastIndexOf('/') + 1));
}

/** A file name may contain newlines; every fact of a report stays on its line. What else is unsafe to show is escaped. */
function printable(text: string): string {
  return escapeForTerminal(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim());
}

export interface WriteReportOptions {
  job: string;
  kind: 'failed' | 'report';
  outbox: string;
  outboxIdentity?: FolderIdentity | undefined;
  /** Path of the source below its inbox: `holiday/clip.mp4` is reported in `holiday/clip.failed.txt`. */
  relative: string;
  text: string;
  /** The previous report of this job; replaced if it has the same name, otherwise removed. */
  previous?: string | undefined;
  forbidden?: readonly string[] | undefined;
  files: Files;
  log: Logger;
}

/** No more jobs than this ever need the same file name. */
const MAX_NAMES = 100;
/** No report is longer; a larger file is not ours. */
const MAX_BYTES = 64 * 1024;

/**
 * Writes the report in one step beside the results. An existing file of that name that is not this job's report stays, and
 * ours becomes `clip (2).failed.txt`.
 * @returns its path.
 * @throws ShrinkError `unavailable`, `denied`, `no-space`, ...
 */
export async function writeReport(options: WriteReportOptions): Promise<string> {
  const { log, job, previous } = options;
  const parts = safeParts(options.relative, { portable: true });
  const stem = stemOf(parts.pop() ?? 'file');
  const root = { path: options.outbox, identity: options.outboxIdentity };
  return holding(ensureFolder(root, parts, options), folder =>
    inFolder('reporting', folder.path, async () => {
      const temp = new Entry(folder, ownTempName(job));
      await temp.unlink();
      await createDurably(temp, options.text, { log });
      try {
        const { path } = await giveFreeName(temp, stem, root, options);
        await folder.sync(log);
        if (previous !== undefined && previous !== path) await removeReport(previous, options);
        return path;
      } catch (error) {
        await temp.unlinkQuietly();
        throw error;
      }
    }),
  );
}

/**
 * Removes a report of ours, of this job if one is given; `false` if the file is not one, or no longer there.
 * @throws ShrinkError `denied`, `io`, ...
 */
export async function removeReport(
  path: string,
  { job, outbox, files }: { job?: string; outbox: string; files: Files },
): Promise<boolean> {
  const folder = await reading(path, () => folderOf(path, { path: outbox }, files));
  if (!folder) return false;
  return holding(Promise.resolve(folder), async () => {
    const report = new Entry(folder, basename(path));
    const writtenAbout = await jobOfReport(report);
    if (writtenAbout === undefined || (job !== undefined && writtenAbout !== job)) return false;
    try {
      await report.unlink();
    } catch (error) {
      throw fileError(error, say('deliver.removing-report', { path }), path);
    }
    return true;
  });
}

async function giveFreeName(
  temp: Entry,
  stem: string,
  root: DeliveryRoot,
  { files, job, kind }: WriteReportOptions,
): Promise<Entry> {
  const { folder } = temp;
  const ending = `.${kind}.txt`;
  const leads = () => stillLeadsTo(folder, root, files);
  for (let n = 1; n <= MAX_NAMES; n++) {
    const report = new Entry(folder, numbered(stem + ending, n, ending));
    const moved = await moveWithoutOverwriting(temp, report, { leads });
    if (moved === 'exchanged') throw exchangedIn(temp.path, say('deliver.temp-exchanged', { path: temp.path }));
    if (moved === 'moved') return report;
    if ((await jobOfReport(report)) !== job) continue;
    await temp.rename(report);
    return report;
  }
  const message = say('deliver.names-used-up', { folder: folder.path, name: stem + ending, count: MAX_NAMES });
  throw new ShrinkError('denied', message, { subject: folder.path, hint: say('deliver.reports-used-up-hint') });
}

/** The job that a report of ours is about; `undefined` for any other file, or if there is none. */
async function jobOfReport(report: Entry): Promise<string | undefined> {
  return reading(report.path, async () => {
    const found = await report.lstat();
    if (!found?.isFile() || found.size > MAX_BYTES) return undefined;
    return holding(report.open(), async file => {
      const buffer = Buffer.alloc(Math.min(file.pin.sizeBytes, MAX_BYTES));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return MARKER.exec(buffer.toString('utf8', 0, bytesRead))?.[1];
    });
  });
}

async function reading<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileError(error, say('deliver.reading-report', { path }), path);
  }
}
