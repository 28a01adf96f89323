/** Work under way at once. When some of it fails, the rest is stopped. */
export interface Crowd {
  readonly size: number;
  start(work: (signal: AbortSignal) => Promise<void>): void;
  /** Waits until fewer than so many are under way. @throws what the first that failed did, once all others have ended */
  below(size: number): Promise<void>;
}

/** `lead` starts work and waits for it; when it returns or throws, nothing it started is left. */
export async function atOnce<T>(lead: (crowd: Crowd) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const running = new Set<Promise<void>>();
  let failed: { error: unknown } | undefined;
  const crowd: Crowd = {
    get size() {
      return running.size;
    },
    start(work) {
      const one = work(stop.signal)
        .catch((error: unknown) => {
          failed ??= { error };
          stop.abort();
        })
        .finally(() => running.delete(one));
      running.add(one);
    },
    async below(size) {
      while (running.size >= size && !failed) await Promise.race(running);
      if (!failed) return;
      await Promise.all(running);
      throw failed.error;
    },
  };
  try {
    const result = await lead(crowd);
    await crowd.below(1);
    return result;
  } finally {
    stop.abort();
    await Promise.all(running);
  }
}
