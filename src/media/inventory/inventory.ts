/**
 * Everything a media file holds, from what ffprobe reports about it. Pure. A new kind needs a row in FINDERS (or in the tables it is
 * made of), a fate in `engine/local/plan/fates.ts`, and words; the compiler asks for each.
 */
import { type Item, type Kind, KINDS } from '../../core/inventory.ts';
import { MARKS } from './marks.ts';
import { PICTURE } from './picture.ts';
import type { Finder, Probed } from './probed.ts';
import { TRACKS } from './tracks.ts';

export const FINDERS: Readonly<Record<Kind, Finder>> = { ...TRACKS, ...PICTURE, ...MARKS };

/** A file with thousands of tracks was crafted; the journal keeps no more. */
const MAX_ITEMS = 500;

/** Every item of a file, in the order of KINDS. */
export function inventory(source: Probed): Item[] {
  return KINDS.flatMap(kind => FINDERS[kind].find(source).map(found => ({ kind, ...found }))).slice(0, MAX_ITEMS);
}
