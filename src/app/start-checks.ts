/**
 * What keeps the daemon from starting although the file is a valid configuration. One list: `run` refuses to start with it,
 * a reload refuses to switch to it, and `check` and `doctor` say it beforehand.
 */
import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Comparison, findConflicts } from '../config/conflicts.ts';
import type { Config } from '../config/load.ts';
import { isLoopback } from '../config/loopback.ts';
import { ConfigError, formatPath, type KeyPath, type Problem } from '../config/problems.ts';
import { isShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import { checkStateDir } from '../journal/state-dir.ts';
import type { Files } from '../platform/files/files.ts';
import { kindOfType } from '../platform/files/fs-types.ts';
import { type Mount, mountOf, readMounts, throughLinks } from '../platform/files/mounts.ts';

export { whyNotTrusted } from '../journal/state-dir.ts';

/** What the list is made from. */
export interface StartFacts {
  config: Config;
  /** Whether the daemon will have a token for `http.listen`. */
  hasHttpToken: boolean;
  /** Whether it will listen: `run --once` does not. */
  listens: boolean;
  /** By configured path. */
  places: ReadonlyMap<string, Place>;
  /** Why no journal can be kept in `state_dir`. */
  stateDir?: string;
}

/** Where a configured folder really is: one folder can have many paths, by links, by mounts, or by case. */
export interface Place {
  /** The path with links resolved. */
  real: string;
  /** `dev:ino`; absent where the folder is missing, or its share does not answer. */
  id?: string;
  /** The same of the folder and all those around it, as far as they exist and answer. */
  lineage: readonly string[];
  /** The same place on its disk; absent where the mounts are not known. */
  onDisk?: DiskPlace;
  /** What is mounted below the folder, by its place on its own disk. */
  mounted: readonly DiskPlace[];
}

interface DiskPlace {
  disk: string;
  path: string;
}

/** The refusals, each with the key whose value is to be changed. Pure. */
export function refusals({ config, hasHttpToken, listens, places, stateDir }: StartFacts): Problem[] {
  const { listen } = config.http;
  const refused: { path: KeyPath; message: string }[] = findConflicts(
    {
      stateDir: config.stateDir,
      folders: [
        ...config.folders.map(({ inbox, outbox, archive }) => ({ inbox, outbox, archive })),
        ...config.libraries.map(({ library, archive }) => ({ library, archive })),
      ],
    },
    comparing(places),
  ).map(conflict => ({
    ...conflict,
    message: `through a link or a mount, it ${conflict.message}`,
  }));
  if (stateDir !== undefined) refused.push({ path: ['state_dir'], message: stateDir });
  if (listens && listen !== 'off' && !hasHttpToken && !isLoopback(listen.host)) {
    refused.push({ path: ['http', 'listen'], message: `other machines can reach ${listen.host}, ${NEEDS_TOKEN}` });
  }
  const file = config.source ?? 'built-in defaults';
  return refused.map(({ path, message }) => ({ file, line: 0, column: 0, path: formatPath(path), message }));
}

const NEEDS_TOKEN =
  'and there is no token to keep them out: set http.token_file (or the systemd credential http-token), or listen on 127.0.0.1';

/** @throws ConfigError with all refusals at once. */
export function mustNotBeRefused(facts: StartFacts): void {
  const refused = refusals(facts);
  if (refused.length > 0) throw new ConfigError(refused);
}

export interface FactsOptions {
  config: Config;
  hasHttpToken: boolean;
  listens?: boolean;
  files: Pick<Files, 'stat'>;
  mounts?: readonly Mount[];
}

/** Gathers the facts. A folder that is missing or does not answer counts as being where its path says. */
export async function startFacts(options: FactsOptions): Promise<StartFacts> {
  const { config, hasHttpToken, listens = true, files, mounts = readMounts() } = options;
  const folders = [
    ...config.folders.flatMap(({ inbox, outbox }) => [inbox, outbox]),
    ...config.libraries.map(({ library }) => library),
    ...[...config.folders, ...config.libraries].flatMap(({ archive }) => archive ?? []),
  ];
  const paths = [...new Set([config.stateDir, ...folders])];
  const found = paths.map(async path => [path, await placeOf(path, files, mounts)] as const);
  const places = new Map(await Promise.all(found));
  return { config, hasHttpToken, listens, places, stateDir: await whyNoJournal(config.stateDir) };
}

async function whyNoJournal(stateDir: string): Promise<string | undefined> {
  try {
    await checkStateDir(stateDir);
    return undefined;
  } catch (error) {
    // Whatever else it is (a permission), only the daemon's own user can tell.
    return isShrinkError(error, 'config-invalid') ? error.message : undefined;
  }
}

async function placeOf(path: string, files: FactsOptions['files'], mounts: readonly Mount[]): Promise<Place> {
  const apparent = throughLinks(path, mounts);
  // Links on a share are only followed once it has answered.
  const self = await files.stat(apparent).catch(() => undefined);
  // It may have gone, or been closed to us, since it was asked.
  const real = self ? await realpath(apparent).catch(() => apparent) : apparent;
  const mount = mountOf(mounts, real);
  const below = mounts.filter(each => each.point !== real && isWithin(real, each.point));
  return {
    real,
    id: self && `${self.dev}:${self.ino}`,
    lineage: await lineageOf(real, files),
    onDisk: mount && onDisk(mount, real),
    mounted: below.filter(each => mountOf(mounts, each.point) === each).map(each => onDisk(each, each.point)),
  };
}

async function lineageOf(path: string, files: FactsOptions['files']): Promise<string[]> {
  const ids: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    try {
      const { dev, ino } = await files.stat(at);
      ids.push(`${dev}:${ino}`);
    } catch (error) {
      // A share that does not answer would be waited for again at each folder around.
      if (isShrinkError(error, 'unavailable')) return [];
    }
    if (at === dirname(at)) return ids;
  }
}

/** Several exports of a server can have one device number, each with a root of its own. */
function onDisk({ device, source, type, root = '/', point }: Mount, path: string): DiskPlace {
  const disk = kindOfType(type).network ? `${device} ${source}` : device;
  return { disk, path: join(root, relative(point, path)) };
}

function comparing(places: ReadonlyMap<string, Place>): Comparison {
  const at = (path: string): Place => places.get(path) ?? { real: path, lineage: [], mounted: [] };
  const holds = (outer: DiskPlace | undefined, inner: DiskPlace | undefined) =>
    outer !== undefined && inner !== undefined && outer.disk === inner.disk && isWithin(outer.path, inner.path);
  const holdsPlace = (outer: Place, inner: Place) =>
    isWithin(outer.real, inner.real) ||
    (outer.id !== undefined && inner.lineage.includes(outer.id)) ||
    holds(outer.onDisk, inner.onDisk) ||
    outer.mounted.some(mounted => holds(mounted, inner.onDisk) || holds(inner.onDisk, mounted));
  return {
    isWithin: (outer, inner) => holdsPlace(at(outer), at(inner)),
    isSame: (a, b) => holdsPlace(at(a), at(b)) && holdsPlace(at(b), at(a)),
  };
}
