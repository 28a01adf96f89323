/** Where a plan for a folder looks, and with what; the same for the daemon and for the command without one. */
import { lstatSync, realpathSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { asFolder, rulesOf } from '../config/libraries.ts';
import type { Config, Library } from '../config/load.ts';
import { ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { Engine } from '../engine/engine.ts';
import { findTools } from '../media/ffmpeg/tools.ts';
import { procUsers } from '../inbox/open-files.ts';
import type { LeftAlone } from '../library/plan/look.ts';
import type { Eyes } from '../library/plan/inspect.ts';
import type { LibraryPlan } from '../library/plan/outcome.ts';
import { makePlan, type PlanProgress } from '../library/plan/plan.ts';
import { planKey, PlanStore } from '../library/plan/store.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { type Files, nodeFiles } from '../platform/files/files.ts';
import { diskSpace, roomIn } from '../platform/files/space.ts';
import { silentLogger } from '../platform/log.ts';
import type { Ledger } from '../queue/ledger.ts';
import { decide } from '../rules/decide.ts';
import { createEngines } from './engines.ts';
import { samePlace } from './library-history.ts';

export interface PlanPlace {
  library: Library;
  /** Below the library, or empty. */
  under: string;
}

const WEEK_MS = 7 * 86_400_000;

/** Which library of the configuration a folder is in, whether it exists or not; `undefined` for any other path. */
export function placeIn(dir: string, { libraries }: Pick<Config, 'libraries'>): PlanPlace | undefined {
  const path = resolve(dir);
  const inside = libraries.find(({ library }) => isWithin(library, path) || isWithin(library, realOf(path)));
  if (!inside) return undefined;
  const real = isWithin(inside.library, path) ? path : realOf(path);
  return { library: inside, under: relative(inside.library, real).split(sep).join('/') };
}

/** @throws ShrinkError `usage` where there is no such folder */
export function mustBeFolder(dir: string): void {
  const path = resolve(dir);
  if (lstatSync(realOf(path), { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new ShrinkError('usage', say('library.no-folder', { path }), { subject: path });
}

/** Any folder can be planned, but only one of the configuration started. */
function placeAnywhere(dir: string, config: Pick<Config, 'libraries'>): PlanPlace {
  const place = placeIn(dir, config);
  if (place) return place;
  return { library: { library: realOf(resolve(dir)), originals: 'archive', minAge: WEEK_MS, rules: [] }, under: '' };
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

export interface PlanningTools {
  config: Config;
  engine: Pick<Engine, 'forecast'>;
  files: Files;
  ledger: Pick<Ledger, 'atPlace'>;
}

export function eyesFor(library: Library, { config, engine, files, ledger }: PlanningTools): Eyes {
  const rules = rulesOf(asFolder(library), config);
  return {
    library: library.library,
    files,
    engine,
    users: procUsers,
    decide: ({ relative: name, pin }) =>
      decide({ sighting: { relative: name, sizeBytes: pin.sizeBytes }, rules, defaults: { engine: 'local' } }).decision,
    known: ({ relative: name, pin }): LeftAlone | undefined => samePlace(ledger.atPlace(library.library, name), pin),
  };
}

/** Plans of the same folder with the same rules go on where the last one was stopped. */
export function keyFor({ library, under }: PlanPlace, config: Config): string {
  return planKey([library.library, under, rulesOf(asFolder(library), config), config.local.effort]);
}

export function storeFor(place: PlanPlace, config: Config): PlanStore {
  return new PlanStore(config.stateDir, keyFor(place, config));
}

/**
 * How large an original the archive has room for; endless where it costs none, because the archive is on the disk of the library or
 * nothing is kept, and where nobody can say. What jobs have reserved is not known here.
 */
export async function archiveRoom(
  { library, archive, originals }: Library,
  { config, files }: { config: Pick<Config, 'limits'>; files: Files },
): Promise<number> {
  if (originals !== 'archive' || archive === undefined) return Infinity;
  try {
    const [from, to] = await Promise.all([files.stat(library), files.stat(archive)]);
    return from.dev === to.dev ? Infinity : roomIn(await diskSpace(archive, files), config.limits.minFree);
  } catch {
    return Infinity;
  }
}

export function planFolder(
  place: PlanPlace,
  tools: PlanningTools,
  options: { now: number; id: string; signal: AbortSignal; onProgress?: (progress: PlanProgress) => void },
): Promise<LibraryPlan> {
  return makePlan({
    ...options,
    eyes: eyesFor(place.library, tools),
    store: storeFor(place, tools.config),
    under: place.under,
    minAge: place.library.minAge,
    archiveRoom: () => archiveRoom(place.library, tools),
    user: process.geteuid?.() ?? 0,
  });
}

/** A plan without a daemon: by this process, with what the journal says. */
export async function planAlone(
  dir: string,
  config: Config,
  options: Parameters<typeof planFolder>[2] & { clock: Clock; ledger: Ledger },
): Promise<LibraryPlan> {
  mustBeFolder(dir);
  const place = placeAnywhere(dir, config);
  const tools = await findTools({ ...config.local, hardware: 'off' });
  const { local } = await createEngines({ config, secrets: {}, clock: options.clock, log: silentLogger, tools });
  return planFolder(place, { config, engine: local, files: nodeFiles, ledger: options.ledger }, options);
}
