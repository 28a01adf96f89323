/** Separate from hang-guard.ts because every command asks for it at its end, and should not load the rest for that. */

let underWay = 0;

/** Guarded calls of this process that have not returned. Each holds a thread, and Node ends only after its threads. */
export function callsUnderWay(): number {
  return underWay;
}

/** Counts the call until it returns. */
export async function counted<T>(call: Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await call;
  } finally {
    underWay -= 1;
  }
}
