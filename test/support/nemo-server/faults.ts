/** What goes wrong with one request, and which one. */
export interface Fault {
  match: { method?: string; path?: RegExp | string };
  /** The n-th matching request from now on (1 by default), and how many from there. */
  nth?: number;
  times?: number;
  /** An answer of its own; the request is not carried out unless `carryOut` is set. */
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  carryOut?: boolean;
  /** Before anything else happens. */
  delayMs?: number;
  /**
   * Ends the connection: `before` the request is carried out, `after` it is but before the answer, or with the answer's body at a byte;
   * `uploadByte` while the request's body is coming in.
   */
  hangUp?: 'before' | 'after' | { atByte: number } | { uploadByte: number };
  /** Bytes that are no answer of any service. */
  garbage?: boolean;
  /** The answer comes in pieces of `bytes` every `everyMs`. */
  slowDrip?: { bytes: number; everyMs: number };
  /** What becomes of the usual answer's body. */
  mutate?: (body: string) => string;
  /** The answer's body ends early, as if that were all of it. */
  truncated?: number;
}

export class Faults {
  readonly #armed: { fault: Fault; seen: number }[] = [];

  add(fault: Fault): void {
    this.#armed.push({ fault, seen: 0 });
  }

  clear(): void {
    this.#armed.length = 0;
  }

  /** Faults that have not come up yet. */
  get unused(): number {
    return this.#armed.filter(({ fault, seen }) => seen < (fault.nth ?? 1)).length;
  }

  /** The fault for this request; counts it for every fault that matches. */
  take(method: string, path: string): Fault | undefined {
    let hit: Fault | undefined;
    for (const armed of this.#armed) {
      const { match, nth = 1, times = 1 } = armed.fault;
      if (match.method !== undefined && match.method !== method) continue;
      if (typeof match.path === 'string' ? !path.startsWith(match.path) : match.path && !match.path.test(path))
        continue;
      armed.seen += 1;
      if (armed.seen >= nth && armed.seen < nth + times) hit ??= armed.fault;
    }
    return hit;
  }
}
