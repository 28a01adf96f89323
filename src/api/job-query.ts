/** Which jobs a caller wants, and in which order. Pure. */
import { STATE_NAMES, type StateName } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { JobView } from './types.ts';

export interface JobQuery {
  /** If absent: all. */
  states?: readonly StateName[];
  /** Part of the source's path, in upper or lower case. */
  words?: string;
  /** `newest` and `oldest` by arrival, `updated` by the last change. */
  order: SortOrder;
  limit: number;
  offset: number;
  /** Everything about each job instead of one line. */
  detail: boolean;
}

type SortOrder = 'newest' | 'oldest' | 'updated';

/** Jobs in one answer unless `limit` says otherwise. */
const MAX_JOBS = 100_000;
const MAX_DETAILED = 200;
const ORDERS: readonly string[] = ['newest', 'oldest', 'updated'];

/** The request in the parameters, or what is wrong with them. */
export function parseJobQuery(
  parameter: (name: string) => string | undefined,
): JobQuery | { message: Sentence; hint?: Sentence } {
  const states = parameter('state')?.split(',');
  const unknown = states?.find(state => !STATE_NAMES.includes(state as StateName));
  if (unknown !== undefined) {
    const hint = say('api.known-states', { states: STATE_NAMES.join(', ') });
    return { message: say('api.unknown-state', { state: unknown }), hint };
  }
  const order = parameter('order') ?? 'newest';
  if (!ORDERS.includes(order)) {
    return {
      message: say('api.unknown-order', { order }),
      hint: say('api.known-orders', { orders: ORDERS.join(', ') }),
    };
  }
  const detail = parameter('detail') === '1';
  const limit = count(parameter('limit'), MAX_JOBS);
  const offset = count(parameter('offset'), 0);
  if (limit === undefined || offset === undefined) return { message: say('api.not-a-count') };
  return {
    states: states as StateName[] | undefined,
    words: parameter('q')?.trim().toLowerCase() || undefined,
    order: order as SortOrder,
    limit: detail ? Math.min(limit, MAX_DETAILED) : limit,
    offset,
    detail,
  };
}

/** The part of `found` (newest first) that the query wants, and how many match in all. */
export function pageOf(found: readonly JobView[], query: JobQuery): { total: number; page: JobView[] } {
  const { words } = query;
  const states = query.states && new Set(query.states);
  const matching = found.filter(
    job => (!states || states.has(job.state)) && (words === undefined || job.source.toLowerCase().includes(words)),
  );
  if (query.order === 'oldest') matching.reverse();
  if (query.order === 'updated') matching.sort((a, b) => b.updated_at - a.updated_at);
  return { total: matching.length, page: matching.slice(query.offset, query.offset + query.limit) };
}

function count(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
