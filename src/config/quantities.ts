/** Sizes, durations and other quantities of the configuration, as people write them. */
import { parseResolution, type Resolution, type Target } from '../core/target.ts';
import { parseDuration, parsePercent, parseSize } from '../core/units.ts';
import { InvalidValue, text } from './fields.ts';
import { show } from './redact.ts';
import { either, saidBy, tell } from './told.ts';

const SIZE_PATTERN = '\\d+(\\.\\d+)? ?([kKMGT]i?B|B)';
const PERCENT_PATTERN = '\\d+(\\.\\d+)? ?%';
const DURATION_PATTERN = '\\d+(\\.\\d+)? ?(ms|s|m|h|d)';

const SIZES = ['50MB', '10MiB', '25%'];

function isZero(written: string, write: string): InvalidValue {
  return new InvalidValue(tell('config.zero', { value: show(written), write: saidBy(write) }));
}

function isOutside(written: string, least: string, most: string): InvalidValue {
  const write = saidBy(tell('config.to', { least, most }));
  return new InvalidValue(tell('config.out-of-range', { value: show(written), write }));
}

function isTooShort(written: string, leastMs: number): InvalidValue {
  const least = leastMs >= 1000 ? `${leastMs / 1000}s` : `${leastMs}ms`;
  return new InvalidValue(tell('config.too-short', { value: show(written), least }));
}

/** Bytes. */
export const size = (examples = ['50MB', '10MiB']) =>
  text({
    what: tell('config.a-size'),
    write: either(examples),
    pattern: `^${SIZE_PATTERN}$`,
    examples,
    parse: written => {
      const bytes = parseSize(written);
      return bytes === 0 ? isZero(written, either(examples)) : bytes;
    },
  });

/** Bytes, or a share of the source. */
export const targetSize = () =>
  text<NonNullable<Target['size']>>({
    what: tell('config.a-size'),
    write: either(SIZES),
    pattern: `^(${SIZE_PATTERN}|${PERCENT_PATTERN})$`,
    examples: SIZES,
    parse: written => {
      const percent = parsePercent(written);
      if (percent !== undefined) {
        if (percent < 1 || percent > 100) return isOutside(written, '1%', '100%');
        return { kind: 'share', share: percent / 100 };
      }
      const bytes = parseSize(written);
      if (bytes === undefined) return undefined;
      return bytes > 0 ? { kind: 'bytes', bytes } : isZero(written, either(SIZES));
    },
  });

/** A share (0..1), written in percent. */
export const share = (least: number, most: number) =>
  text({
    what: tell('config.a-percentage'),
    write: tell('config.to', { least: `${least}%`, most: `${most}%` }),
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
    what: tell('config.a-free-space'),
    write: either(['64MB', '1%', '1% and 64MB']),
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
    what: tell('config.a-duration'),
    write: tell('config.units', { examples: saidBy(either(examples)) }),
    pattern: `^${DURATION_PATTERN}$`,
    examples,
    parse: written => {
      const ms = parseDuration(written);
      if (ms === undefined || ms >= leastMs) return ms;
      return isTooShort(written, leastMs);
    },
  });

/** Milliseconds, or `undefined` for `auto`. */
export const durationOrAuto = (leastMs: number) =>
  text<number | 'auto'>({
    what: tell('config.a-duration'),
    write: either(['auto', '60s', '5m']),
    pattern: `^(auto|${DURATION_PATTERN})$`,
    examples: ['auto', '60s', '5m'],
    parse: written => {
      if (written === 'auto') return 'auto';
      const ms = parseDuration(written);
      if (ms === undefined || ms >= leastMs) return ms;
      return isTooShort(written, leastMs);
    },
  });

/** Bytes per second, written as a size with or without `/s`. */
export const rate = () =>
  text({
    what: tell('config.a-rate'),
    write: either(['5MB/s', '500kB/s']),
    pattern: `^${SIZE_PATTERN}(/s)?$`,
    examples: ['5MB/s', '500kB/s'],
    parse: written => parseSize(written.replace(/ ?\/ ?s$/, '')) || undefined,
  });

/** `undefined` for `keep`. */
export const resolution = () =>
  text<Resolution | 'keep'>({
    what: tell('config.a-resolution'),
    write: either(['1080p', '720p', '1280x720', 'keep']),
    pattern: '^(keep|\\d{3,4}p|\\d{2,5}x\\d{2,5})$',
    examples: ['1080p', '720p', '1280x720', 'keep'],
    parse: written => {
      if (written === 'keep') return 'keep';
      const parsed = parseResolution(written);
      const sides = parsed?.kind === 'lines' ? [parsed.lines] : parsed ? [parsed.width, parsed.height] : [];
      const fits = sides.every(side => side >= 16 && side <= 16384);
      return fits ? parsed : new InvalidValue(tell('config.sides', { value: show(written) }));
    },
  });

export const audio = () =>
  text<Target['audio']>({
    what: tell('config.an-audio-setting'),
    write: tell('config.audio-write'),
    pattern: '^(keep|mute|\\d{2,3}k)$',
    examples: ['keep', 'mute', '96k', '128k'],
    parse: written => {
      if (written === 'keep' || written === 'mute') return { kind: written };
      const match = /^(\d+) ?k(?:b\/s|bps|bit\/s)?$/.exec(written);
      if (!match) return undefined;
      const kilobits = Number(match[1]);
      if (kilobits < 16 || kilobits > 512) return isOutside(written, '16k', '512k');
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
    what: tell('config.hours'),
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
        return new InvalidValue(tell('config.no-hours', { value: show(written) }));
      }
      return span;
    },
  });
