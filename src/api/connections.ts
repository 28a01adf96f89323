/** Keeps one address from taking every connection, so that others, and whoever checks the health, are still answered. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';

/** Connections in all: beyond it an idle one of whoever has most makes room, so that a new one can still ask /healthz. */
const MAX_CONNECTIONS = 512;
const PER_ADDRESS = 128;
/** Requests under way, in all and from one address; what is left of the connections is for /healthz. */
const MAX_REQUESTS = 384;
const REQUESTS_PER_ADDRESS = 96;
/** Event streams: each open tab of the page has one. They end only when the tab is closed. */
const EVENT_STREAMS: StreamLimits = { total: 192, perAddress: 32 };

/** How many answers without an end in sight there may be at once, in all and for one address. */
export interface StreamLimits {
  total: number;
  perAddress: number;
}

/** How many there are of each key. */
export class Tally {
  readonly #counts = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Counts one until the returned function is called. */
  add(key: string): () => void {
    this.#counts.set(key, this.of(key) + 1);
    this.#total += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#total -= 1;
      const left = this.of(key) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
}

/** Long answers of one kind: by default the event streams of the page and of others. */
export class Streams {
  readonly #open = new Tally();
  readonly #limits: StreamLimits;

  constructor(limits = EVENT_STREAMS) {
    this.#limits = limits;
  }

  /** Counts one until the returned function is called; `undefined`: there are too many, from this address or from all. */
  open(address: string): (() => void) | undefined {
    const { total, perAddress } = this.#limits;
    const isFull = this.#open.total >= total || this.#open.of(address) >= perAddress;
    return isFull ? undefined : this.#open.add(address);
  }
}

/** The connections of one listener. */
export class Connections {
  /** Oldest first. */
  readonly #open = new Map<string, Set<Socket>>();
  readonly #busy = new Set<Socket>();
  readonly #requests = new Tally();
  #total = 0;

  /** Over the limit of an address or of all, a connection that asks nothing has to go, or else the new one. */
  limit(server: Server): void {
    server.on('connection', socket => {
      const address = addressOf(socket);
      const leaving = this.#leaving(address, socket);
      if (leaving !== socket) this.#add(address, socket);
      leaving?.destroy();
    });
  }

  /** Counts a request until its answer is sent; returns whether it is one too many. */
  began({ socket }: IncomingMessage, outgoing: ServerResponse): boolean {
    const address = addressOf(socket);
    const end = this.#requests.add(address);
    this.#busy.add(socket);
    outgoing.once('close', () => {
      end();
      this.#busy.delete(socket);
    });
    return this.#requests.total > MAX_REQUESTS || this.#requests.of(address) > REQUESTS_PER_ADDRESS;
  }

  #add(address: string, socket: Socket): void {
    const open = this.#open.get(address) ?? new Set();
    this.#open.set(address, open.add(socket));
    this.#total += 1;
    socket.once('close', () => {
      open.delete(socket);
      this.#total -= 1;
      if (open.size === 0) this.#open.delete(address);
    });
  }

  #leaving(address: string, socket: Socket): Socket | undefined {
    const own = this.#open.get(address);
    if (own && own.size >= PER_ADDRESS) return this.#oldestIdle(own) ?? socket;
    if (this.#total < MAX_CONNECTIONS) return undefined;
    const crowded = [...this.#open.values()].sort((a, b) => b.size - a.size);
    for (const open of crowded) {
      const idle = this.#oldestIdle(open);
      if (idle) return idle;
    }
    return socket;
  }

  #oldestIdle(open: ReadonlySet<Socket>): Socket | undefined {
    return [...open].find(each => !this.#busy.has(each) && !each.destroyed);
  }
}

/**
 * Any local user may use all of 127.0.0.0/8, so that is one address. IPv6 gives a household a whole network, so its first half
 * counts; link-local addresses differ in the second half only.
 */
export function addressOf({ remoteAddress = '' }: Socket): string {
  const address = remoteAddress.replace(/^::ffff:/i, '').replace(/%.*$/, '');
  if (address.startsWith('127.')) return '127.0.0.1';
  if (!isIPv6(address) || /^fe80:/i.test(address) || address === '::1') return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  return [...groups, ...(tail === undefined ? [] : ['0', '0', '0', '0'])].slice(0, 4).join(':');
}
