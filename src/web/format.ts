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
  return signed(new Intl.NumberFormat(language, { style: 'percent', signDisplay: 'exceptZero' }).format(change));
}

/** A minus sign, where English number formats have a hyphen. */
function signed(text: string): string {
  return text.replace('-', '−');
}

/** Share of the source by which a result may differ and still counts as the same size. */
const SAME = 0.015;

/** Whether a result is about as large as its source was: it fitted, and was copied or only made playable. */
export function isSameSize({ source, source_bytes: before, output_bytes: after }: JobView): boolean {
  return after !== null && before > 0 && !isLinkName(source) && Math.abs(after / before - 1) < SAME;
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
  if (seconds < 60) return whole(unit(seconds < 10 ? seconds : Math.round(seconds / 5) * 5, 'second'));
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return whole(unit(minutes, 'minute'));
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return whole(rest === 0 ? unit(hours, 'hour') : `${unit(hours, 'hour')} ${unit(rest, 'minute')}`);
}

/** With spaces that no line breaks at: `Dec 31, 20:40` is read at once. */
function whole(text: string): string {
  return text.replaceAll(' ', '\u00A0');
}

/** The time if it was today, otherwise with the date; to the minute, or the second. */
export function formatWhen(at: number, now: number, language: Language, to: 'minutes' | 'seconds' = 'minutes'): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date(now).toDateString();
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  const day: Intl.DateTimeFormatOptions = sameYear
    ? { month: 'short', day: 'numeric' }
    : { year: 'numeric', month: 'short', day: 'numeric' };
  const format = new Intl.DateTimeFormat(language, {
    ...(today ? {} : day),
    hour: '2-digit',
    minute: '2-digit',
    ...(to === 'seconds' && { second: '2-digit' }),
    hourCycle: 'h23',
  });
  return whole(format.format(date));
}

/** The folder inside its inbox that a source lies in; empty for the inbox itself. */
export function subfolderOf({ source, folder }: Pick<JobView, 'source' | 'folder'>): string {
  if (!source.startsWith(`${folder}/`)) return '';
  return source.slice(folder.length + 1, Math.max(folder.length + 1, source.lastIndexOf('/')));
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.split('/').at(-1) || path;
}

/** `1:05` and `1:02:05`: a place in a film. */
export function formatClock(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.floor(seconds) : 0;
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A note that begins as the step does adds its rest to it: `pass 1 of 2, attempt 2, 1.8x`. `undefined` if it is about something else. */
export function stepWithNote(step: string, note: string): string | undefined {
  const end = note.search(/[,，]/);
  const head = end === -1 ? note : note.slice(0, end);
  return head !== '' && step.startsWith(head) ? step + note.slice(head.length) : undefined;
}
