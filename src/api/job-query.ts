/** Which jobs a caller wants to see, and in which order. Pure. */
import { STATE_NAMES, type StateName } from '../core/job.ts';
import type { JobView } from './types.ts';

export interface Wanted {
  /** Absent: all. */
  states?: readonly StateName[];
  /** Part of the source's path, upper and lower case alike. */
  words?: string;
  /** `newest` and `oldest` by arrival, `updated` by what changed last. */
  order: Order;
  limit: number;
  offset: number;
  /** Everything about each job instead of a line. */
  detail: boolean;
}

type Order = 'newest' | 'oldest' | 'updated';

/** Jobs in one answer unless `limit` says otherwise. */
const MAX_JOBS = 100_000;
const MAX_DETAILED = 200;
const ORDERS: readonly string[] = ['newest', 'oldest', 'updated'];

/** What the query asks for, or what is wrong with it. */
export function wantedIn(query: (name: string) => string | undefined): Wanted | { message: string; hint?: string } {
  const states = query('state')?.split(',');
  if (states?.some(state => !STATE_NAMES.includes(state as StateName))) {
    return { message: 'there is no such state', hint: `States are: ${STATE_NAMES.join(', ')}.` };
  }
  const order = query('order') ?? 'newest';
  if (!ORDERS.includes(order)) return { message: 'there is no such order', hint: `Orders are: ${ORDERS.join(', ')}.` };
  const detail = query('detail') === '1';
  const limit = count(query('limit'), MAX_JOBS);
  const offset = count(query('offset'), 0);
  if (limit === undefined || offset === undefined) return { message: 'limit and offset are whole numbers from 0' };
  const words = query('q')?.trim().toLowerCase();
  return {
    ...(states ? { states: states as StateName[] } : {}),
    ...(words ? { words } : {}),
    order: order as Order,
    limit: detail ? Math.min(limit, MAX_DETAILED) : limit,
    offset,
    detail,
  };
}

/** The part of `found` (newest first) that is wanted, and how many there are in all. */
export function pageOf(found: readonly JobView[], wanted: Wanted): { total: number; page: JobView[] } {
  const { words } = wanted;
  const states = wanted.states && new Set(wanted.states);
  const matching = found.filter(
    job => (!states || states.has(job.state)) && (words === undefined || job.source.toLowerCase().includes(words)),
  );
  if (wanted.order === 'oldest') matching.reverse();
  if (wanted.order === 'updated') matching.sort((a, b) => b.updated_at - a.updated_at);
  return { total: matching.length, page: matching.slice(wanted.offset, wanted.offset + wanted.limit) };
}

function count(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
