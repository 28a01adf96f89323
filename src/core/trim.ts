/** A part of a video, as people ask for it and as it is found in one. Pure. Times in seconds. */

/**
 * The part of a source that a result shows, counted from the source's first picture; negative counts back from its end, as in
 * Array.slice. The first picture shown is the first at or after `from`, the last one the last before `to`.
 */
export interface Trim {
  /** Absent: from the beginning. */
  from?: number;
  /** Absent: to the end. */
  to?: number;
}

/** What a Trim means for a video of a certain length. */
export type Part =
  /** `isShort`: it was asked for more than there is. `isWhole`: nothing is cut. */
  | { kind: 'part'; fromS: number; toS: number; isShort: boolean; isWhole: boolean }
  /** The video ends before the part begins, or the part ends before it begins. */
  | { kind: 'nothing' };

/** @param durationS from the first picture to the end of the last */
export function partOf({ from = 0, to = Number.POSITIVE_INFINITY }: Trim, durationS: number): Part {
  const at = (moment: number) => (moment < 0 ? durationS + moment : moment);
  const fromS = Math.max(0, at(from));
  const toS = Math.min(durationS, at(to));
  if (!(toS > fromS)) return { kind: 'nothing' };
  const isShort = at(from) < 0 || (Number.isFinite(to) && at(to) > durationS);
  return { kind: 'part', fromS, toS, isShort, isWhole: fromS === 0 && toS === durationS };
}

/** Seconds of `0:10`, `12:34.5` or `1:02:03`; `undefined` for anything else (`0:75`). */
export function parseClock(text: string): number | undefined {
  const match = /^(?:(\d{1,2}):)?(\d{1,3}):(\d{2}(?:\.\d{1,3})?)$/.exec(text.trim());
  if (!match) return undefined;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(1).map(part => Number(part ?? 0));
  if (seconds >= 60 || (match[1] !== undefined && minutes >= 60)) return undefined;
  return Math.round((hours * 3600 + minutes * 60 + seconds) * 1000) / 1000;
}

/** `0:10`, `1:02:03`, `0:10.5`. */
export function formatClock(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const [whole, rest] = [Math.floor(ms / 1000), ms % 1000];
  const pad = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(3, '0').replace(/0+$/, '')}`;
  return `${hours > 0 ? `${hours}:${pad(minutes)}` : minutes}:${pad(whole % 60)}${fraction}`;
}
