/**
 * Sizes and durations as people write them in the config, in instructions and on the command line.
 * Strict on purpose: `10M`, `10 mb/s` and a bare `5` are refused instead of guessed (npm's `bytes` reads `10MiB` as 10).
 */

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** Bytes of `50MB` (kB, MB, GB: powers of 1000) or `10MiB` (KiB, MiB, GiB: of 1024); `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB|KiB|MiB|GiB)$/.exec(text.trim());
  const factor = match && SIZE_UNITS[match[2] ?? ''];
  if (!match || !factor) return undefined;
  const bytes = Math.floor(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The number in `25%` or `2.5 %`, 0 or more; the caller checks the range; `undefined` for anything else. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?%$/.exec(text.trim());
  return match ? Number(match[1]) : undefined;
}

/** Milliseconds of `250ms`, `30s`, `5m`, `2h` or `7d`; `undefined` when the text is anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text.trim());
  const factor = match && DURATION_UNITS[match[2] ?? ''];
  if (!match || !factor) return undefined;
  const ms = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** `12.3 MB`: decimal units, three significant figures, as file managers and upload limits count. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${bytes < 0 ? '-' : ''}${value.toFixed(digits)} ${units[unit]}`;
}

/** A limit as it was written if that was a round number (`10 MiB`, `50 MB`); otherwise like `formatBytes`. */
export function formatLimit(bytes: number): string {
  for (const unit of ['GiB', 'MiB'] as const) {
    const factor = SIZE_UNITS[unit] ?? 1;
    if (bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return formatBytes(bytes).replace(/\.0+(?= )|(\.\d*?)0+(?= )/, '$1');
}

/** `1h 02m`, `3m 05s`, `4.2s`: for people; never parsed back. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const pad = (n: number) => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  const hours = Math.floor(whole / 3600);
  if (hours < HOURS_IN_DAYS) return `${hours}h ${pad(Math.floor((whole % 3600) / 60))}m`;
  return hours % 24 === 0 ? `${hours / 24}d` : `${Math.floor(hours / 24)}d ${pad(hours % 24)}h`;
}

/** From so many hours on, days are easier to read. */
const HOURS_IN_DAYS = 48;

/** `12:50:39`, local time. @param at epoch ms */
export function formatClockTime(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(n => String(n).padStart(2, '0')).join(':');
}

/** `1 file`, `3 files`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `604 kb/s`, `1.21 Mb/s`. */
export function formatBitrate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(2)} Mb/s` : `${Math.round(bitsPerSecond / 1000)} kb/s`;
}

/** `22:05` of minutes since midnight. */
export function formatTimeOfDay(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/** `22:00-07:00`, from minutes since midnight. */
export function formatHours({ fromMinute, toMinute }: { fromMinute: number; toMinute: number }): string {
  return `${formatTimeOfDay(fromMinute)}-${formatTimeOfDay(toMinute)}`;
}
