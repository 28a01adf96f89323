/** The server's time; a factor over 1 makes hours pass in seconds. Has the shape of the product's Clock. */
export interface ServerClock {
  now(): number;
  monotonic(): number;
  after(ms: number, callback: () => void): () => void;
}

/** Time that runs `factor` times as fast as real time, from now on. Client and server of one test share one. */
export function scaledClock(factor: number): ServerClock {
  const start = Date.now();
  const real = performance.now();
  const elapsed = () => (performance.now() - real) * factor;
  return {
    now: () => start + elapsed(),
    monotonic: elapsed,
    after(ms, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, ms / factor), 2 ** 31 - 1));
      return () => clearTimeout(timer);
    },
  };
}
