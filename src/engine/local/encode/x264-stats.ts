/**
 * The statistics x264 leaves after its first pass, as text. Its second pass spends bit rate times the sum of the durations in there,
 * so they are what a size is asked for with. All pure.
 */

/** `in:0 out:0 type:I dur:6006 cpbdur:6006 ...`, twice the ticks of the time base in the first line. */
const DURATION = /^(in:\d+ out:\d+ type:\S+ dur:)(\d+)/gm;

/**
 * Seconds the encoder believes the picture lasts; `undefined` where the text is not understood. Not always what the source says: one
 * whose last frame an edit list cuts short (a phone's, clip 01) is 0.8 % longer for it, and so were the bytes that came out.
 */
export function secondsIn(log: string): number | undefined {
  const base = /^#options:.* timebase=(\d+)\/(\d+) /m.exec(log);
  const tick = Number(base?.[1]) / Number(base?.[2]);
  let ticks = 0;
  for (const [, , duration] of log.matchAll(DURATION)) ticks += Number(duration);
  const seconds = (ticks * tick) / 2;
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}

/**
 * The same log with every frame `factor` times as long. x264 takes whole kilobits a second (at 22 of them sizes are 4.5 % apart), but
 * durations in ticks: like this it can be asked for anything. How bits are shared out follows the frames' lengths relative to each
 * other, which stay.
 */
export function stretched(log: string, factor: number): string {
  let owed = 0;
  return log.replace(DURATION, (_, head: string, duration: string) => {
    const exact = Number(duration) * factor + owed;
    const ticks = Math.max(1, Math.round(exact));
    owed = exact - ticks;
    return `${head}${ticks}`;
  });
}
