/**
 * The statistics x264 writes in its first pass, as text. Its second pass spends the bit rate times the sum of the durations in
 * there, so a size is requested through both. Pure. docs/encoding.md, First pass and Second pass
 */

/** `in:0 out:0 type:I dur:6006 cpbdur:6006 ...`, twice the ticks of the time base in the first line. */
const DURATION = /^(in:\d+ out:\d+ type:\S+ dur:)(\d+)/gm;

/**
 * Seconds the encoder believes the picture lasts; `undefined` if the text is not understood. A source whose last frame is cut
 * short by an edit list seems longer to the encoder, which would then write too many bytes.
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
 * The same log with every frame `factor` times as long. x264 takes whole kilobits per second, but durations in ticks: this allows
 * any size to be requested. The distribution of bits follows the frames' relative lengths, which stay the same.
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
