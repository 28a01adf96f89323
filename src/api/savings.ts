import type { z } from 'zod';
import { comparable, type Space } from '../core/saving.ts';
import type { dayView } from './schemas.ts';
import type { JobView, StatusView } from './types.ts';

/** One day: jobs done, and bytes before and after. */
export type DayView = z.infer<typeof dayView>;

/** The account of space, as the status has it. */
export function totalsView(done: number, space: Space): StatusView['totals'] {
  const { sourceBytes, outputBytes, freedBytes, left, archived } = space;
  return {
    done,
    source_bytes: sourceBytes,
    output_bytes: outputBytes,
    saved_bytes: sourceBytes - outputBytes,
    freed_bytes: freedBytes,
    originals_left: left,
    originals_archived: archived,
  };
}

/** Days on which jobs were done, oldest first. Pure except for the machine's time zone. */
export function daysOf(jobs: Iterable<JobView>): DayView[] {
  const days = new Map<string, DayView>();
  for (const job of jobs) {
    if (job.state !== 'done' || job.output_bytes === null) continue;
    const name = dayOf(job.updated_at);
    const day = days.get(name) ?? { day: name, done: 0, source_bytes: 0, output_bytes: 0, saved_bytes: 0 };
    day.done += 1;
    const { before, after } = comparable(job.source, job.source_bytes, job.output_bytes);
    day.source_bytes += before;
    day.output_bytes += after;
    day.saved_bytes += before - after;
    days.set(name, day);
  }
  return [...days.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
}

function dayOf(at: number): string {
  const date = new Date(at);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}
