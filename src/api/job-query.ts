import { z } from 'zod';
import { STATE_NAMES, type StateName } from '../core/job.ts';
import { comparable } from '../core/saving.ts';
import { say } from '../messages/say.ts';
import { refuse } from './route.ts';
import type { JobView } from './types.ts';

/** Jobs in one answer unless `limit` says otherwise. */
const MAX_JOBS = 100_000;
const MAX_DETAILED = 200;
const ORDERS = ['newest', 'oldest', 'updated', 'queue', 'saving'] as const;
type SortOrder = (typeof ORDERS)[number];

/** The parameters of a list of jobs. */
export const jobQuery = z.object({
  state: z
    .string()
    .transform((given, context): readonly StateName[] => {
      const states = given.split(',');
      const unknown = states.find(state => !STATE_NAMES.includes(state as StateName));
      if (unknown === undefined) return states as StateName[];
      const hint = say('api.known-states', { states: STATE_NAMES.join(', ') });
      return refuse(context, say('api.unknown-state', { state: unknown }), hint);
    })
    .optional()
    .describe('only jobs in these states, separated by commas'),
  q: z
    .string()
    .transform(given => given.trim().toLowerCase() || undefined)
    .optional()
    .describe('part of the path of the source, in upper or lower case'),
  folder: z.string().optional().describe('only jobs of this inbox'),
  rule: z.string().optional().describe('only jobs of this rule'),
  order: z
    .string()
    .transform((given, context): SortOrder => {
      const order = ORDERS.find(each => each === given);
      const hint = say('api.known-orders', { orders: ORDERS.join(', ') });
      return order ?? refuse(context, say('api.unknown-order', { order: given }), hint);
    })
    .default('newest')
    .describe(
      '`newest` and `oldest` by arrival, `updated` by the last change, `queue` by who is next, `saving` by what was saved',
    ),
  limit: count(MAX_JOBS).describe(`at most this many, and at most ${MAX_DETAILED} with \`detail=1\``),
  offset: count(0).describe('how many to leave out from the beginning'),
  detail: z
    .string()
    .optional()
    .transform(given => given === '1')
    .describe('1: everything about each job'),
});

export type JobQuery = z.output<typeof jobQuery>;

/**
 * The part of `found` (newest first) that the query wants, and how many match in all.
 * @param line ids in the order of the queue; what stands in no line comes after them, oldest first
 */
export function pageOf(
  found: readonly JobView[],
  query: JobQuery,
  line: readonly string[] = [],
): { total: number; page: JobView[] } {
  const { state: states, q: words, order, offset, folder, rule } = query;
  const wanted = states && new Set(states);
  const matching = found.filter(
    job =>
      (!wanted || wanted.has(job.state)) &&
      (folder === undefined || job.folder === folder) &&
      (rule === undefined || job.rule === rule) &&
      (words === undefined || job.source.toLowerCase().includes(words)),
  );
  if (order === 'oldest') matching.reverse();
  if (order === 'updated') matching.sort((a, b) => b.updated_at - a.updated_at);
  if (order === 'saving') matching.sort((a, b) => savingOf(b) - savingOf(a));
  if (order === 'queue') {
    const turns = new Map(line.map((id, turn) => [id, turn]));
    const turnOf = ({ id }: JobView) => turns.get(id) ?? Number.MAX_SAFE_INTEGER;
    matching.reverse().sort((a, b) => turnOf(a) - turnOf(b));
  }
  const limit = query.detail ? Math.min(query.limit, MAX_DETAILED) : query.limit;
  return { total: matching.length, page: matching.slice(offset, offset + limit) };
}

/** Bytes; what has no result saved nothing yet. */
function savingOf({ source, source_bytes, output_bytes }: JobView): number {
  if (output_bytes === null) return Number.NEGATIVE_INFINITY;
  const { before, after } = comparable(source, source_bytes, output_bytes);
  return before - after;
}

function count(otherwise: number) {
  return z
    .string()
    .transform((given, context) => (/^\d{1,9}$/.test(given) ? Number(given) : refuse(context, say('api.not-a-count'))))
    .default(otherwise);
}
