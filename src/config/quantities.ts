/** Sizes, durations and other quantities of the configuration, as people write them. */
import { parseResolution, type Resolution, type Target } from '../core/target.ts';
import { parseDuration, parsePercent, parseSize } from '../core/units.ts';
import { text, InvalidValue } from './fields.ts';
import { show } from './redact.ts';

const SIZE_PATTERN = '\\d+(\\.\\d+)? ?([kKMGT]i?B|B)';
const PERCENT_PATTERN = '\\d+(\\.\\d+)? ?%';
const DURATION_PATTERN = '\\d+(\\.\\d+)? ?(ms|s|m|h|d)';

/** Bytes. */
export const size = (examples = ['50MB', '10MiB']) =>
  text({
    what: 'a size',
    write: examples.join(' or '),
    pattern: `^${SIZE_PATTERN}$`,
    examples,
    parse: written => {
      const bytes = parseSize(written);
      return bytes === 0 ? new InvalidValue(`${show(written)} is zero; write ${examples.join(' or ')}`) : bytes;
    },
  });

/** Bytes, or a share of the source. */
export const targetSize = () =>
  text<NonNullable<Target['size']>>({
    what: 'a size',
    write: '50MB, 10MiB or 25%',
    pattern: `^(${SIZE_PATTERN}|${PERCENT_PATTERN})$`,
    examples: ['50MB', '10MiB', '25%'],
    parse: written => {
      const percent = parsePercent(written);
      if (percent !== undefined) {
        if (percent < 1 || percent > 100) return new InvalidValue(`${show(written)} is out of range; write 1% to 100%`);
        return { kind: 'share', share: percent / 100 };
      }
      const bytes = parseSize(written);
      if (bytes === undefined) return undefined;
      return bytes > 0
        ? { kind: 'bytes', bytes }
        : new InvalidValue(`${show(written)} is zero; write 50MB, 10MiB or 25%`);
    },
  });

/** A share (0..1), written in percent. */
export const share = (least: number, most: number) =>
  text({
    what: 'a percentage',
    write: `${least}% to ${most}%`,
    pattern: `^${PERCENT_PATTERN}$`,
    examples: ['5%'],
    parse: written => {
      const percent = parsePercent(written);
      return percent !== undefined && percent >= least && percent <= most ? percent / 100 : undefined;
    },
  });

export interface FreeSpace {
  /** At least this many bytes stay free. */
  bytes: number;
  /** At least this share of the disk stays free, 0..1. */
  share: number;
}

/** A size, a percentage, or both joined by `and`; a missing one is 0. */
export const freeSpace = () =>
  text<FreeSpace>({
    what: 'an amount of free space',
    write: '64MB, 1% or 1% and 64MB',
    pattern: `^(${SIZE_PATTERN}|${PERCENT_PATTERN})( and (${SIZE_PATTERN}|${PERCENT_PATTERN}))?$`,
    examples: ['1% and 64MB', '2GB', '5%'],
    parse: written => {
      const parts = written.split(/\s+and\s+/);
      const percents = parts.map(parsePercent).filter(part => part !== undefined);
      const sizes = parts.map(parseSize).filter(part => part !== undefined);
      if (parts.length > 2 || percents.length > 1 || sizes.length > 1) return undefined;
      if (percents.length + sizes.length !== parts.length || (percents[0] ?? 0) > 99) return undefined;
      return { bytes: sizes[0] ?? 0, share: (percents[0] ?? 0) / 100 };
    },
  });

/** Milliseconds, at least `leastMs`. */
export const duration = (leastMs = 1, examples = ['30s', '5m']) =>
  text({
    what: 'a duration',
    write: `${examples.join(' or ')} (ms, s, m, h, d)`,
    pattern: `^${DURATION_PATTERN}$`,
    examples,
    parse: written => {
      const ms = parseDuration(written);
      if (ms === undefined || ms >= leastMs) return ms;
      return new InvalidValue(
        `${show(written)} is too short; the minimum is ${leastMs >= 1000 ? `${leastMs / 1000}s` : `${leastMs}ms`}`,
      );
    },
  });

/** Milliseconds, or `undefined` for `auto`. */
export const durationOrAuto = (leastMs: number) =>
  text<number | 'auto'>({
    what: 'a duration',
    write: 'auto, 60s or 5m',
    pattern: `^(auto|${DURATION_PATTERN})$`,
    examples: ['auto', '60s', '5m'],
    parse: written => {
      if (written === 'auto') return 'auto';
      const ms = parseDuration(written);
      if (ms === undefined || ms >= leastMs) return ms;
      return new InvalidValue(`${show(written)} is too short; the minimum is ${leastMs / 1000}s`);
    },
  });

/** Bytes per second, written as a size with or without `/s`. */
export const rate = () =>
  text({
    what: 'a rate',
    write: '5MB/s or 500kB/s',
    pattern: `^${SIZE_PATTERN}(/s)?$`,
    examples: ['5MB/s', '500kB/s'],
    parse: written => parseSize(written.replace(/ ?\/ ?s$/, '')) || undefined,
  });

/** `undefined` for `keep`. */
export const resolution = () =>
  text<Resolution | 'keep'>({
    what: 'a resolution',
    write: '1080p, 720p, 1280x720 or keep',
    pattern: '^(keep|\\d{3,4}p|\\d{2,5}x\\d{2,5})$',
    examples: ['1080p', '720p', '1280x720', 'keep'],
    parse: written => {
      if (written === 'keep') return 'keep';
      const parsed = parseResolution(written);
      const sides = parsed?.kind === 'lines' ? [parsed.lines] : parsed ? [parsed.width, parsed.height] : [];
      const fits = sides.every(side => side >= 16 && side <= 16384);
      return fits
        ? parsed
        : new InvalidValue(`${show(written)} is out of range; each side must have 16 to 16384 pixels`);
    },
  });

export const audio = () =>
  text<Target['audio']>({
    what: 'an audio setting',
    write: 'keep, mute or a bitrate like 96k',
    pattern: '^(keep|mute|\\d{2,3}k)$',
    examples: ['keep', 'mute', '96k', '128k'],
    parse: written => {
      if (written === 'keep' || written === 'mute') return { kind: written };
      const match = /^(\d+) ?k(?:b\/s|bps|bit\/s)?$/.exec(written);
      if (!match) return undefined;
      const kilobits = Number(match[1]);
      if (kilobits < 16 || kilobits > 512)
        return new InvalidValue(`${show(written)} is out of range; write 16k to 512k`);
      return { kind: 'bitrate', bitsPerSecond: kilobits * 1000 };
    },
  });

/** Minutes after midnight, local time; `from` may be later than `to`: over midnight. */
export interface DayHours {
  fromMinute: number;
  toMinute: number;
}

export const dayHours = () =>
  text<DayHours>({
    what: 'a span of hours',
    write: '22:00-07:00',
    pattern: '^\\d{1,2}:\\d{2} ?- ?\\d{1,2}:\\d{2}$',
    examples: ['22:00-07:00'],
    parse: written => {
      const match = /^(\d{1,2}):(\d{2}) ?[-–] ?(\d{1,2}):(\d{2})$/.exec(written);
      if (!match) return undefined;
      const [fromHour = 0, fromMinutes = 0, toHour = 0, toMinutes = 0] = match.slice(1).map(Number);
      if (fromHour > 23 || toHour > 24 || fromMinutes > 59 || toMinutes > 59) return undefined;
      const span = { fromMinute: fromHour * 60 + fromMinutes, toMinute: toHour * 60 + toMinutes };
      if (span.toMinute > 24 * 60) return undefined;
      if (span.fromMinute === span.toMinute % (24 * 60)) {
        return new InvalidValue(`${show(written)} starts and ends at the same time; remove the line to allow all day`);
      }
      return span;
    },
  });
