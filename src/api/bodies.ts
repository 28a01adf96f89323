/** The small bodies of requests, read before their routes. */

/** Bytes; the bodies of our requests are empty or nearly so, except for uploads. */
export const MAX_BODY = 64 * 1024;
/** A body comes along with its head; many that do not keep others of their address from being answered. */
const LATE_PER_ADDRESS = 16;

export type Body = 'large' | 'slow' | { text: string };

/** Reads bodies up to a limit of bytes and time; of those of one address that are under way, only the newest are waited for. */
export class Bodies {
  readonly #limitMs: number;
  /** Of each address, oldest first: what gives a body up. */
  readonly #late = new Map<string, Set<() => void>>();

  /** @param limitMs any body must arrive within this time */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  async read(request: Request, address: string): Promise<Body> {
    if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return 'large';
    // These have no body here. Asking for it builds a whole Request around the connection, a quarter of what an answer costs.
    if (request.method === 'GET' || request.method === 'HEAD' || !request.body) return { text: '' };
    const reading = readAll(request.body as unknown as AsyncIterable<Uint8Array>);
    let end = () => {};
    const late = new Promise<'slow'>(resolve => {
      end = this.#add(address, () => resolve('slow'));
    });
    return Promise.race([reading, late]).finally(end);
  }

  #add(address: string, giveUp: () => void): () => void {
    const late = this.#late.get(address) ?? new Set();
    this.#late.set(address, late.add(giveUp));
    const [oldest] = late;
    if (late.size > LATE_PER_ADDRESS) oldest?.();
    const timer = setTimeout(giveUp, this.#limitMs);
    return () => {
      clearTimeout(timer);
      late.delete(giveUp);
      if (late.size === 0) this.#late.delete(address);
    };
  }
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<'large' | { text: string }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY) return 'large';
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString('utf8') };
}
