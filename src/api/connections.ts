/** Keeps one address from taking every connection, so that others, and whoever checks the health, are still answered. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';

const MAX_CONNECTIONS = 512;
const PER_ADDRESS = 128;
/** Requests under way from one address; what is left of its connections is for /healthz. */
export const MAX_REQUESTS = 96;
/** Event streams of one address: each open tab of the page has one. They end only when the tab is closed. */
export const MAX_STREAMS = 32;

/** How many there are of each key. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Counts one until the returned function is called. */
  add(key: string): () => void {
    this.#counts.set(key, this.of(key) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = this.of(key) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
}

/** The connections of one listener. */
export class Connections {
  /** Oldest first. */
  readonly #open = new Map<string, Set<Socket>>();
  readonly #busy = new Set<Socket>();
  readonly #requests = new Tally();

  /** Over an address's limit, its oldest connection that asks nothing has to go, or else the new one. */
  limit(server: Server): void {
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', socket => {
      const address = addressOf(socket);
      const open = this.#open.get(address) ?? new Set();
      this.#open.set(address, open);
      socket.once('close', () => {
        open.delete(socket);
        if (open.size === 0) this.#open.delete(address);
      });
      const leaving = open.size < PER_ADDRESS ? undefined : ([...open].find(each => !this.#busy.has(each)) ?? socket);
      if (leaving !== socket) open.add(socket);
      leaving?.destroy();
    });
  }

  /** Counts a request until its answer is sent; returns where it comes from and how many there are from there. */
  began({ socket }: IncomingMessage, outgoing: ServerResponse): { address: string; requests: number } {
    const address = addressOf(socket);
    const end = this.#requests.add(address);
    this.#busy.add(socket);
    outgoing.once('close', () => {
      end();
      this.#busy.delete(socket);
    });
    return { address, requests: this.#requests.of(address) };
  }
}

/** IPv6 gives a household a whole network, so its first half counts; link-local addresses differ in the second half only. */
function addressOf({ remoteAddress = '' }: Socket): string {
  const address = remoteAddress.replace(/^::ffff:/i, '').replace(/%.*$/, '');
  if (!isIPv6(address) || /^fe80:/i.test(address) || address === '::1') return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  return [...groups, ...(tail === undefined ? [] : ['0', '0', '0', '0'])].slice(0, 4).join(':');
}
