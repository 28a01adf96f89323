/**
 * Waits for a fact that can be observed from outside (a file, a job's state): checks again and again until `look` gives
 * something other than `undefined` or `false`. Throws what was seen last when the time is up, so that a failure says more than
 * "timeout".
 */
export async function eventually<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  {
    withinMs = 120_000,
    everyMs = 25,
    what = 'the expected fact',
  }: { withinMs?: number; everyMs?: number; what?: string } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}; last seen: ${String(last)}`);
    // Through the event loop: checks that take longer than their interval would otherwise keep Node from seeing a child end.
    await new Promise(resolve => setTimeout(() => setImmediate(resolve), everyMs));
  }
}
