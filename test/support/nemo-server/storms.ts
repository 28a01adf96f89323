/** Trouble that lasts: from when it begins, every matching request gets the same refusal. */
export interface Storm {
  /** On the server's clock, milliseconds. */
  forMs: number;
  /** 429, 500, 502, 503, ... */
  status: number;
  /** Seconds, or how a 429 says when to come back; without it nothing is said. */
  retryAfter?: number | 'when-it-ends';
  body?: string;
  headers?: Record<string, string>;
  match?: { method?: string; path?: RegExp };
}

export interface StormAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export class Storms {
  readonly #now: () => number;
  readonly #begun: { storm: Storm; endsAt: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(storm: Storm): void {
    this.#begun.push({ storm, endsAt: this.#now() + storm.forMs });
  }

  clear(): void {
    this.#begun.length = 0;
  }

  /** The refusal of a request that comes in now; `undefined` in good weather. */
  answerFor(method: string, path: string): StormAnswer | undefined {
    const now = this.#now();
    const found = this.#begun.find(({ storm: { match = {} }, endsAt }) => {
      const isMeant = (match.method ?? method) === method && (match.path?.test(path) ?? true);
      return isMeant && now < endsAt;
    });
    if (!found) return undefined;
    const { status, retryAfter, body, headers } = found.storm;
    const seconds = retryAfter === 'when-it-ends' ? Math.ceil((found.endsAt - now) / 1000) : retryAfter;
    const words = status === 429 ? 'too many requests' : 'service is unavailable';
    return {
      status,
      headers: { ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }), ...headers },
      body: body ?? JSON.stringify({ code: status, message: words }),
    };
  }
}
