/** The sound of a result beside its source's: tracks, channels, loudness, and when it is heard. Pure. */
import type { Said, Wrong } from './compare.ts';
import { SILENCE_DB } from './levels.ts';
import { correlation } from './picture.ts';
import { RASTER_BYTES, type Seen, type SeenPicture, type SeenSound, WINDOW_S } from './seen.ts';

export interface ComparedSounds {
  wrong: Wrong[];
  sync: string;
  channels: string;
}

export function compareSounds(source: Seen, result: Seen, said: Said): ComparedSounds {
  const before = source.sounds.filter(({ decodable }) => decodable);
  const { pairs, lost } = pairUp(before, result.sounds);
  const wrong: Wrong[] = pairs.flatMap(([one, other], n) => comparePair(`sound ${n + 1}`, one, other, said));
  const unknown = source.sounds.length - before.length;
  if (lost.length > 0 && !said(/sound/i))
    wrong.push({ column: 'inventory', text: `${lost.length} of ${before.length} sound tracks lost without a word` });
  if (unknown > 0 && !said(/sound|dropped: .*decode/i))
    wrong.push({ column: 'inventory', text: `${unknown} sound tracks that cannot be decoded lost without a word` });
  if (result.sounds.length > source.sounds.length)
    wrong.push({ column: 'inventory', text: `${source.sounds.length} sound tracks became ${result.sounds.length}` });
  const sync = compareSync(source, result, pairs);
  const channels = pairs.map(([one, other]) =>
    one.channels === other.channels ? String(one.channels) : `${one.channels}>${other.channels}`,
  );
  return {
    wrong: [...wrong, ...sync.wrong],
    sync: sync.shown,
    channels: [...channels, ...lost.map(({ channels }) => `${channels}>0`)].join(' ') || 'none',
  };
}

type Pair = readonly [SeenSound, SeenSound];

/** In their order; where some are gone, by language first. */
function pairUp(before: readonly SeenSound[], after: readonly SeenSound[]): { pairs: Pair[]; lost: SeenSound[] } {
  if (before.length === after.length) return { pairs: before.map((one, n) => [one, after[n] as SeenSound]), lost: [] };
  const left = [...before];
  const pairs = after.flatMap((other): Pair[] => {
    const one = left.find(({ language }) => language === other.language) ?? left[0];
    if (!one) return [];
    left.splice(left.indexOf(one), 1);
    return [[one, other]];
  });
  return { pairs, lost: left };
}

/** Decibels by which the loudness of a track may change; a fold-down cannot keep it exactly. */
const LOUDNESS_TOLERANCE_DB = 2;
const MIXED_TOLERANCE_DB = 6;

function comparePair(name: string, one: SeenSound, other: SeenSound, said: Said): Wrong[] {
  const wrong: Wrong[] = [];
  const isMixed = one.channels !== other.channels;
  if (isMixed && !said(/channel|stereo|mono|mixed/i))
    wrong.push({
      column: 'channels',
      text: `${name}: ${one.channels} channels became ${other.channels} without a word`,
    });
  else if (!isMixed && one.layout !== '' && other.layout !== '' && one.layout !== other.layout && one.channels > 2)
    wrong.push({ column: 'channels', text: `${name}: layout ${one.layout} became ${other.layout}` });
  if (one.language !== other.language)
    wrong.push({ column: 'inventory', text: `${name}: language ${one.language} became ${other.language}` });
  if (isNamed(one) && other.title !== one.title && !said(/name|title/i))
    wrong.push({ column: 'inventory', text: `${name}: its name “${one.title}” is lost` });
  const [was, is] = [loudness(one), loudness(other)];
  const most = isMixed ? MIXED_TOLERANCE_DB : LOUDNESS_TOLERANCE_DB;
  if (was > SILENCE_DB + 10 && Math.abs(was - is) > most)
    wrong.push({ column: 'channels', text: `${name}: loudness ${was.toFixed(1)} dB became ${is.toFixed(1)} dB` });
  if (!isMixed) wrong.push(...swapped(name, one, other));
  return wrong;
}

function isNamed({ title }: SeenSound): boolean {
  return title !== '' && !/handler|^(mono|stereo|surround)$|GPAC|Core Media|Alias/i.test(title);
}

function power(db: number): number {
  return 10 ** (db / 10);
}

/** Mean power of all channels together, dB; one channel is played by two loudspeakers. */
function loudness({ levels }: SeenSound): number {
  const speakers = levels.length === 1 ? 2 : 1;
  const all = levels.map(({ loud }) => loud.reduce((sum, db) => sum + power(db), 0) / Math.max(1, loud.length));
  return 10 * Math.log10(speakers * all.reduce((a, b) => a + b, 0) + 1e-12);
}

/** A channel clearly more like another's than like its own: dB per window. */
const SWAPPED_DB = 3;

function swapped(name: string, one: SeenSound, other: SeenSound): Wrong[] {
  const far = (a: number, b: number) => distance(one.levels[a], other.levels[b]);
  for (let a = 0; a < one.channels; a += 1) {
    for (let b = a + 1; b < one.channels; b += 1) {
      const straight = far(a, a) + far(b, b);
      const crossed = far(a, b) + far(b, a);
      if (straight - crossed > 2 * SWAPPED_DB)
        return [{ column: 'channels', text: `${name}: channels ${a + 1} and ${b + 1} are swapped` }];
    }
  }
  return [];
}

type Levels = SeenSound['levels'][number];

/** Over a second at a time, so that no sync is needed. */
function distance(one: Levels | undefined, other: Levels | undefined): number {
  if (!one || !other) return 0;
  const per = Math.round(1 / WINDOW_S);
  const means = (values: readonly number[]) =>
    Array.from({ length: Math.max(1, Math.floor(values.length / per)) }, (_, n) => {
      const part = values.slice(n * per, (n + 1) * per);
      return part.reduce((a, b) => a + b, 0) / Math.max(1, part.length);
    });
  const between = (a: readonly number[], b: readonly number[]) => {
    const [x, y] = [means(a), means(b)];
    const length = Math.min(x.length, y.length);
    return x.slice(0, length).reduce((sum, value, n) => sum + Math.abs(value - (y[n] ?? 0)), 0) / Math.max(1, length);
  };
  return between(one.loud, other.loud) + between(one.high, other.high);
}

/** What nobody hears: a frame of sound and a frame of picture. */
const SYNC_TOLERANCE_S = 0.045;
const START_TOLERANCE_S = 0.15;
const END_TOLERANCE_S = 0.5;

function compareSync(source: Seen, result: Seen, pairs: readonly Pair[]): { wrong: Wrong[]; shown: string } {
  if (pairs.length === 0) return { wrong: [], shown: '-' };
  const wrong: Wrong[] = [];
  const shown: number[] = [];
  pairs.forEach(([one, other], n) => {
    const lag = clapLag(source.picture, one, result.picture, other) ?? lagOf(one, other);
    if (lag !== undefined) shown.push(lag);
    if (lag !== undefined && Math.abs(lag) > SYNC_TOLERANCE_S) {
      const text = `sound ${n + 1} is ${Math.abs(lag).toFixed(3)} s ${lag > 0 ? 'late' : 'early'}`;
      wrong.push({ column: 'sync', text });
    }
    if (!source.picture?.jumps) wrong.push(...cutSound(`sound ${n + 1}`, one, other));
  });
  const worst = shown.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0];
  return { wrong, shown: worst === undefined ? 'no marks' : `${worst < 0 ? '' : '+'}${Math.round(worst * 1000)} ms` };
}

/** When it is heard for the first and for the last time. */
function cutSound(name: string, one: SeenSound, other: SeenSound): Wrong[] {
  const [before, after] = [heard(one), heard(other)];
  if (!before) return [];
  if (!after) return [{ column: 'channels', text: `${name} is silent` }];
  const wrong: Wrong[] = [];
  const times = (at: 0 | 1) => `at ${after[at].toFixed(2)} s instead of ${before[at].toFixed(2)} s`;
  if (Math.abs(after[0] - before[0]) > START_TOLERANCE_S)
    wrong.push({ column: 'sync', text: `${name} begins ${times(0)} after the picture` });
  if (Math.abs(after[1] - before[1]) > END_TOLERANCE_S)
    wrong.push({ column: 'sync', text: `${name} ends ${times(1)}` });
  return wrong;
}

function heard(sound: SeenSound): [number, number] | undefined {
  const loud = envelope(sound).map(db => db > AUDIBLE_DB);
  const first = loud.indexOf(true);
  return first < 0
    ? undefined
    : [sound.fromS + first * WINDOW_S, sound.fromS + (loud.lastIndexOf(true) + 1) * WINDOW_S];
}

const AUDIBLE_DB = -60;

/** All channels together, dB, window by window. */
function envelope({ levels }: SeenSound): number[] {
  return (levels[0]?.loud ?? []).map((_, n) => {
    const sum = levels.reduce((all, { loud }) => all + power(loud[n] ?? SILENCE_DB), 0);
    return Math.max(SILENCE_DB, 10 * Math.log10(sum / Math.max(1, levels.length)));
  });
}

/** A white flash is this many steps lighter than the frame before, a beep this much louder than the silence before it. */
const FLASH_STEPS = 60;
const BEEP_DB = 25;
const TOGETHER_S = 1.5;

/** How much later the beep follows the flash in the result; `undefined` where one has none. */
function clapLag(
  before: SeenPicture | undefined,
  one: SeenSound,
  after: SeenPicture | undefined,
  other: SeenSound,
): number | undefined {
  const [was, is] = [before && gap(before, one), after && gap(after, other)];
  return was === undefined || is === undefined ? undefined : is - was;
}

function gap(picture: SeenPicture, sound: SeenSound): number | undefined {
  const flash = flashOf(picture);
  if (flash === undefined) return undefined;
  const loud = envelope(sound);
  const beeps = loud.flatMap((db, n) => {
    const silent = n >= 10 && loud.slice(n - 10, n).every(earlier => earlier < db - BEEP_DB && earlier < -40);
    return silent && db > -35 ? [sound.fromS + n * WINDOW_S] : [];
  });
  const nearest = beeps.toSorted((a, b) => Math.abs(a - flash) - Math.abs(b - flash))[0];
  return nearest !== undefined && Math.abs(nearest - flash) < TOGETHER_S ? nearest - flash : undefined;
}

function flashOf({ times, rasters }: SeenPicture): number | undefined {
  let last: number | undefined;
  for (let n = 0; n < times.length; n += 1) {
    let sum = 0;
    for (let at = 0; at < RASTER_BYTES; at += 1) sum += rasters[n * RASTER_BYTES + at] ?? 0;
    const light = sum / RASTER_BYTES;
    if (last !== undefined && last < 80 && light - last > FLASH_STEPS) return times[n];
    last = light;
  }
  return undefined;
}

/** Sound is looked for so far away from where it should be. */
const MOST_LAG_S = 1;
/** Two curves this alike belong together; a steady tone has no curve. */
const ALIKE = 0.6;
const MARKED_DB = 1.5;

/** Of long sound, the first and the last minute: a clock that runs away shows at the end. */
const PART = 60 / WINDOW_S;

/** How much later the sound is, by the curve of its loudness; `undefined` where that has no marks. */
function lagOf(one: SeenSound, other: SeenSound): number | undefined {
  const [before, after] = [envelope(one), envelope(other)];
  const zero = Math.round((one.fromS - other.fromS) / WINDOW_S);
  const parts = before.length > 2 * PART ? [0, before.length - PART] : [0];
  const lags = parts.flatMap(from => lagOfPart(before.slice(from, from + 2 * PART), after, from + zero) ?? []);
  return lags.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0];
}

/** `at`: where in `after` the part should begin. */
function lagOfPart(before: readonly number[], after: readonly number[], at: number): number | undefined {
  const alike = (lag: number) => {
    const shift = at + lag;
    const from = Math.max(0, -shift);
    const to = Math.min(before.length, after.length - shift);
    if (to - from < 200) return -1;
    const [x, y] = [before.slice(from, to), after.slice(from + shift, to + shift)];
    return spreadOf(x) < MARKED_DB || spreadOf(y) < MARKED_DB ? -1 : correlation(x, y);
  };
  const most = Math.round(MOST_LAG_S / WINDOW_S);
  const now = alike(0);
  let best = { lag: 0, much: now };
  for (let lag = -most; lag <= most; lag += 1) {
    const much = alike(lag);
    if (much > best.much + 1e-9) best = { lag, much };
  }
  if (best.much < ALIKE) return undefined;
  // Neighbouring windows of a slow curve are all alike.
  return best.much - now < 0.03 ? 0 : best.lag * WINDOW_S;
}

function spreadOf(values: readonly number[]): number {
  const middle = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length);
}
