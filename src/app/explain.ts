import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Explanation } from '../api/types.ts';
import { detailOf } from '../api/views.ts';
import { isShrinkError } from '../core/errors.ts';
import type { EngineName, Job, Order, Sighting } from '../core/job.ts';
import type { Rulebook } from './rulebook.ts';
import type { Engine } from '../engine/engine.ts';
import type { Folders } from './folders.ts';
import { type Files, fingerprint, pinOf } from '../platform/files/files.ts';
import { isWithin } from '../platform/files/mounts.ts';
import type { Ledger } from '../queue/ledger.ts';
import { reasonToIgnoreFile, reasonToIgnoreFolder } from '../inbox/ignored-names.ts';
import { readSidecar } from '../inbox/sidecar.ts';

export interface ExplainOptions {
  folders: Folders;
  ledger: Ledger;
  rulebook: Pick<Rulebook, 'trace'>;
  engines: Partial<Record<EngineName, Engine>>;
  files: Files;
  /** Why a path is not taken yet, where the watcher waits for it; absent without a daemon. */
  arriving?(path: string): string | undefined;
}

/** Answers "why": which rule a file gets, what its engine would do, and what happened to it before. */
export function createExplain({
  folders,
  ledger,
  rulebook,
  engines,
  files,
  arriving = () => undefined,
}: ExplainOptions): (path: string) => Promise<Explanation> {
  const placeOf = (path: string) => {
    const place = folders.containing(path);
    return { place, none: { path, folder: place?.folder.inbox ?? null, rules: [], plan: [], arriving: null } };
  };
  return async written => {
    // Asked first with patience: what follows would hold up the whole daemon where a share hangs.
    const silent = await files.lstat(written).catch((error: unknown) => error);
    if (isShrinkError(silent, 'unavailable')) return { ...placeOf(written).none, verdict: silent.message, before: [] };
    const path = real(written);
    const { place, none } = placeOf(path);
    const before = place ? ledger.atPlace(place.folder.inbox, place.relative) : [];
    const pin = await pinOf(path, files).catch(() => undefined);
    if (!pin) return { ...none, verdict: 'there is no such file', before: views(before) };
    const leftAlone = place ? whyLeftAlone(place, path) : undefined;
    if (leftAlone !== undefined) return { ...none, verdict: leftAlone, before: views(before) };
    const isFile = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
    const content = isFile ? await fingerprint(path, pin.sizeBytes, files).catch(() => '') : '';
    const known = [...new Set([...before, ...(content ? ledger.withContent(content) : [])])];
    if (!place) return { ...none, verdict: 'it is in no inbox, so nothing is done with it', before: views(known) };
    const sidecar = await readSidecar(path);
    const sighting: Sighting = {
      inbox: place.folder.inbox,
      path,
      relative: place.relative,
      pin,
      ...(sidecar ? { sidecar } : {}),
    };
    const { decision, looked } = rulebook.trace(sighting, 1);
    const plan =
      decision.kind === 'do'
        ? await planOf(engines[decision.engine], {
            job: 'explain',
            source: path,
            sourceBytes: pin.sizeBytes,
            target: decision.target,
            instruction: decision.instruction,
          })
        : [];
    const verdict =
      decision.kind === 'do' ? `rule ${decision.rule}, engine ${decision.engine}: ${decision.why}` : decision.reason;
    const notYet = arriving(path) ?? null;
    return {
      path,
      folder: place.folder.inbox,
      rules: looked,
      arriving: notYet,
      verdict,
      plan,
      before: views(known),
    };
  };
}

/** What the watcher never hands on, nor opens: reading from a named pipe would never end. */
function whyLeftAlone({ folder, relative }: { folder: { inbox: string }; relative: string }, path: string) {
  const parts = relative.split('/');
  const name = parts.pop() ?? '';
  for (const part of parts) {
    const why = reasonToIgnoreFolder(part);
    if (why !== undefined) return `left alone: the folder ${part}: ${why}`;
  }
  const why = reasonToIgnoreFile(name);
  if (why !== undefined) return `left alone: ${why}`;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return undefined;
  if (found.isDirectory()) return 'it is a folder; what lies in it is looked at file by file';
  if (!found.isSymbolicLink()) return 'left alone: it is a pipe, a socket or a device, not a file';
  const target = resolve(dirname(path), readlinkSync(path));
  const isInside = isWithin(folder.inbox, target);
  return `left alone: it is a link that ${isInside ? 'stays in' : 'leads out of'} the inbox (to ${target})`;
}

async function planOf(engine: Engine | undefined, order: Order): Promise<string[]> {
  if (!engine?.describe) return [];
  try {
    return await engine.describe(order, AbortSignal.timeout(60_000));
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    return [error.message, ...(error.hint ? [error.hint] : [])];
  }
}

function views(jobs: readonly Job[]) {
  return [...jobs].sort((a, b) => b.createdAt - a.createdAt).map(job => detailOf(job));
}

/** Inboxes are compared as they are written; only the folder part of a path is resolved, so that a link stays itself. */
function real(path: string): string {
  const absolute = resolve(path);
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch {
    return absolute;
  }
}
