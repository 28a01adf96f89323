/** Surround sound that becomes fewer channels: how they are mixed, and how loud the mix may be. Pure. docs/encoding.md, Sound */
import type { AudioTrack } from '../../../core/media-info.ts';
import { FOLD_PEAK_DB } from '../tuning.ts';

/** Layouts of more than two channels that AAC has a number for, so that phones, televisions and browsers play them. */
const KNOWN_LAYOUTS: ReadonlySet<string> = new Set(['3.0', '4.0', '5.0', '5.0(side)', '5.1', '5.1(side)']);
const SIX = 6;
/** Layouts with six channels or more whose places are known; the others are a bundle of microphones. */
const HAS_PLACES = /^[567]\.1/;

type Channels = Pick<AudioTrack, 'channels' | 'layout'>;

/** The most channels of a track that a result can have: its own, 5.1, or two. */
export function playableChannels({ channels, layout = '' }: Channels): number {
  if (channels <= 2 || KNOWN_LAYOUTS.has(layout)) return channels;
  return HAS_PLACES.test(layout) ? SIX : 2;
}

/**
 * The filter that mixes a track down to one channel, two, or six. `<` makes the parts of each channel add up to one, so that
 * nothing can clip; channels a layout lacks count for nothing. Weights: ITU-R BS.775. The low-frequency channel is left out, as
 * every player does.
 */
export function foldFilter({ channels, layout }: Channels, to: number): string {
  if (layout === undefined || layout === 'unknown' || /^\d+ channels/.test(layout)) return foldUnknown(channels, to);
  const side = (s: 'L' | 'R') => `F${s}<F${s}+0.707*FC+0.707*B${s}+0.707*S${s}+0.5*BC+0.707*F${s}C`;
  if (to === 1) return 'pan=mono|FC<FL+FR+1.414*FC+0.707*BL+0.707*BR+0.707*SL+0.707*SR+BC';
  if (to === SIX) return 'pan=5.1|FL<FL+0.707*FLC|FR<FR+0.707*FRC|FC=FC|LFE=LFE|BL<BL+SL+0.707*BC|BR<BR+SR+0.707*BC';
  return `pan=stereo|${side('L')}|${side('R')}`;
}

/** Channels without places: every other one on each side. */
function foldUnknown(channels: number, to: number): string {
  const every = (from: number, step: number) =>
    Array.from({ length: Math.ceil((channels - from) / step) }, (_, n) => `c${from + n * step}`).join('+');
  return to === 1 ? `pan=mono|c0<${every(0, 1)}` : `pan=stereo|c0<${every(0, 2)}|c1<${every(1, 2)}`;
}

/** Levels of a track and of its mix, in dB below full scale; -Infinity for silence. */
export interface Levels {
  /** Root mean square of each channel of the source. */
  source: readonly number[];
  mix: readonly number[];
  mixPeak: number;
}

/**
 * The gain, in dB, that makes the mix as loud as all channels of the source were together, without its highest sample passing
 * FOLD_PEAK_DB. @param layout tells which channel only rumbles: it doesn't count for loudness (ITU-R BS.1770)
 */
export function foldGainDb({ source, mix, mixPeak }: Levels, layout: string | undefined): number {
  const power = (levels: readonly number[]) => levels.reduce((sum, level) => sum + 10 ** (level / 10), 0);
  const rumble = layout === undefined ? -1 : layout.startsWith('2.1') ? 2 : /^\d\.1/.test(layout) ? 3 : -1;
  // One channel is played by both speakers.
  const wanted = power(source.filter((_, at) => at !== rumble));
  const had = power(mix) * (mix.length === 1 ? 2 : 1);
  if (!(wanted > 0 && had > 0)) return 0;
  return Math.min(10 * Math.log10(wanted / had), FOLD_PEAK_DB - mixPeak);
}
