/** How loud each channel is, window by window, measured while the samples stream by. */
import { WINDOW_S } from './seen.ts';

/** Quieter counts as silence. */
export const SILENCE_DB = -70;

export function levelMeter(channels: number, rate: number) {
  const perWindow = Math.round(rate * WINDOW_S);
  const frame = channels * 4;
  const loud: number[][] = Array.from({ length: channels }, () => []);
  const high: number[][] = Array.from({ length: channels }, () => []);
  const sum = new Float64Array(channels);
  const rough = new Float64Array(channels);
  const last = new Float64Array(channels);
  let left: Buffer = Buffer.alloc(0);
  let counted = 0;
  const close = () => {
    for (let channel = 0; channel < channels; channel += 1) {
      loud[channel]?.push(inDb((sum[channel] ?? 0) / perWindow));
      high[channel]?.push(inDb((rough[channel] ?? 0) / perWindow));
    }
    sum.fill(0);
    rough.fill(0);
    counted = 0;
  };
  return {
    /** 32-bit floats, channels interleaved. */
    add(piece: Buffer): void {
      const bytes = left.length > 0 ? Buffer.concat([left, piece]) : piece;
      let at = 0;
      for (; at + frame <= bytes.length; at += frame) {
        for (let channel = 0; channel < channels; channel += 1) {
          const value = bytes.readFloatLE(at + 4 * channel);
          const step = value - (last[channel] ?? 0);
          sum[channel] = (sum[channel] ?? 0) + value * value;
          rough[channel] = (rough[channel] ?? 0) + step * step;
          last[channel] = value;
        }
        counted += 1;
        if (counted === perWindow) close();
      }
      left = Buffer.from(bytes.subarray(at));
    },
    levels: () => loud.map((values, channel) => ({ loud: values, high: high[channel] ?? [] })),
  };
}

function inDb(power: number): number {
  return Math.max(SILENCE_DB, 10 * Math.log10(power + 1e-12));
}
