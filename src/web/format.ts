/** Numbers and times as people read them. Pure except for the time zone. */
import type { JobView } from '../api/types.ts';
import { isLinkName } from '../core/saving.ts';
import { formatBytes } from '../core/units.ts';
import type { Language } from './words.ts';

export { formatBytes };

/** `−82 %` for 100 → 18; a result that grew shows a plus; empty for a link, whose video was never here. */
export function formatSaving(
  job: Pick<JobView, 'source' | 'source_bytes' | 'output_bytes'>,
  language: Language,
): string {
  const { source, source_bytes: before, output_bytes: after } = job;
  if (before <= 0 || after === null || isLinkName(source)) return '';
  const change = after / before - 1;
  return new Intl.NumberFormat(language, { style: 'percent', signDisplay: 'exceptZero' }).format(change);
}

/** `10,000`. */
export function formatCount(count: number, language: Language): string {
  return new Intl.NumberFormat(language).format(count);
}

export function formatPercent(fraction: number, language: Language): string {
  return new Intl.NumberFormat(language, { style: 'percent' }).format(Math.floor(fraction * 100) / 100);
}

/** An approximate duration in the largest units that matter: `2 h 5 min`, `12 min`, `40 s`. */
export function formatSpan(ms: number, language: Language): string {
  const unit = (value: number, name: 'hour' | 'minute' | 'second') =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 60) return unit(seconds < 10 ? seconds : Math.round(seconds / 5) * 5, 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, 'minute');
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return rest === 0 ? unit(hours, 'hour') : `${unit(hours, 'hour')} ${unit(rest, 'minute')}`;
}

/** The time if it was today, otherwise with the date. */
export function formatWhen(at: number, now: number, language: Language): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date(now).toDateString();
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  const day: Intl.DateTimeFormatOptions = sameYear
    ? { month: 'short', day: 'numeric' }
    : { year: 'numeric', month: 'short', day: 'numeric' };
  return new Intl.DateTimeFormat(language, {
    ...(today ? {} : day),
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(date);
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.split('/').at(-1) || path;
}
