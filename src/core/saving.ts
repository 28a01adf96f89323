import type { Job } from './job.ts';
import { formatBytes } from './units.ts';

/** Whether a file only holds the address of a video: its size says nothing about the video's. */
export function isLinkName(name: string): boolean {
  return /\.(?:url|webloc|url\.txt)$/i.test(name);
}

/** Bytes of source and result, as far as they can be compared: none for a link. */
export function comparable(name: string, before: number, after: number): { before: number; after: number } {
  return isLinkName(name) ? { before: 0, after: 0 } : { before, after };
}

/** Share of the source that was saved, whole percent; negative for a result that grew, `undefined` where nothing can be compared. */
export function savedPercent(name: string, before: number, after: number): number | undefined {
  return isLinkName(name) || before <= 0 ? undefined : Math.round(100 - (after / before) * 100);
}

/** `120 MB -> 48.2 MB (60 % smaller)`; the result's size alone where nothing can be compared. */
export function formatSaving(name: string, before: number, after: number): string {
  const share = savedPercent(name, before, after);
  if (share === undefined) return formatBytes(after);
  const change = share === 0 ? 'same size' : share > 0 ? `${share} % smaller` : `${-share} % larger`;
  return `${formatBytes(before)} -> ${formatBytes(after)} (${change})`;
}

/** What done jobs did to the disks. Making a file smaller frees nothing as long as its original is there. Bytes, but for `files`. */
export interface Space {
  /** Of the sources of the newest results, and of those results. */
  sourceBytes: number;
  outputBytes: number;
  /** What is free since: deleted originals less everything made of them. Negative where the results are larger. */
  freedBytes: number;
  /** Originals that were left in their inbox. */
  left: { files: number; bytes: number };
  archived: { files: number; bytes: number };
}

export function noSpace(): Space {
  return {
    sourceBytes: 0,
    outputBytes: 0,
    freedBytes: 0,
    left: { files: 0, bytes: 0 },
    archived: { files: 0, bytes: 0 },
  };
}

/** What the jobs of one place (an inbox and a path in it), oldest first, did. Versions of one file share one original. */
export function spaceAt(jobs: readonly Job[]): Space {
  const space = noSpace();
  for (const content of new Set(jobs.map(job => job.fingerprint))) {
    const versions = jobs.filter(job => job.fingerprint === content);
    const results = versions.flatMap(({ state }) => (state.name === 'done' ? state.outputBytes : []));
    const newest = versions.findLast(({ state }) => state.name === 'done');
    if (!newest || isLinkName(newest.relative)) continue;
    const { sizeBytes } = newest.pin;
    space.sourceBytes += sizeBytes;
    space.outputBytes += results.at(-1) ?? 0;
    const original = versions.findLast(job => job.original)?.original?.kind;
    if (original === 'deleted') space.freedBytes += sizeBytes - results.reduce((all, bytes) => all + bytes, 0);
    else if (original === 'archived') addFile(space.archived, sizeBytes);
    // Otherwise another file took its place in the inbox since.
    else if (jobs.at(-1)?.fingerprint === content) addFile(space.left, sizeBytes);
  }
  return space;
}

function addFile(to: { files: number; bytes: number }, bytes: number): void {
  to.files += 1;
  to.bytes += bytes;
}

/** Adds `more` to `space`, or takes it away. */
export function addSpace(space: Space, more: Space, step: 1 | -1): void {
  space.sourceBytes += step * more.sourceBytes;
  space.outputBytes += step * more.outputBytes;
  space.freedBytes += step * more.freedBytes;
  for (const key of ['left', 'archived'] as const) {
    space[key].files += step * more[key].files;
    space[key].bytes += step * more[key].bytes;
  }
}
