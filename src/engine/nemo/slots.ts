/** At most `count` at a time, in the order of asking. Who waits may leave at any time; who works is waited for. */
export function createSlots(count: number): <T>(signal: AbortSignal, act: () => Promise<T>) => Promise<T> {
  let free = Math.max(1, count);
  const line: (() => void)[] = [];

  async function take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        line.splice(line.indexOf(turn), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(turn);
    });
  }

  function giveBack(): void {
    const next = line.shift();
    if (next) next();
    else free += 1;
  }

  return async (signal, act) => {
    await take(signal);
    try {
      return await act();
    } finally {
      giveBack();
    }
  };
}
