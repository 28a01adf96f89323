/**
 * A TCP proxy on loopback that can do to a connection what networks do: delay, starve, freeze, reset, refuse. It knows nothing
 * of what it carries, so it can break a request, an answer or a stream anywhere.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Toxics {
  /** Every piece is held back this long, each way. */
  latencyMs?: number;
  /** Bytes a second, each way. */
  bytesPerSecond?: number;
  /** Only what the service sends is starved. */
  answersOnly?: boolean;
  /** Connections are closed as soon as they are made. */
  refuse?: boolean;
}

interface Pair {
  client: Socket;
  service: Socket;
  /** Nothing passes any more in either direction, and neither side notices. */
  frozen: boolean;
}

export class ChaosProxy {
  toxics: Toxics = {};
  /** Connections accepted so far. */
  accepted = 0;
  readonly #upstream: URL;
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;

  constructor(upstream: string) {
    this.#upstream = new URL(upstream);
  }

  async start(): Promise<this> {
    this.#server = createServer({ pauseOnConnect: true }, client => this.#accept(client));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server?.address() as AddressInfo | undefined)?.port}`;
  }

  get live(): number {
    return this.#pairs.size;
  }

  /** Every connection there is dies at once with a reset; returns how many. */
  reset(): number {
    const pairs = [...this.#pairs];
    for (const { client, service } of pairs) {
      client.resetAndDestroy();
      service.destroy();
    }
    return pairs.length;
  }

  /** Every connection there is goes silent for good, half open: nobody notices. New ones work. */
  freeze(): number {
    let n = 0;
    for (const pair of this.#pairs) {
      if (!pair.frozen) n += 1;
      pair.frozen = true;
      // What the service still sends is taken and lost, as if the client's host had gone.
      pair.client.pause();
    }
    return n;
  }

  /** Traffic of every connection stops for a while, as with packets lost and sent again, and then continues. */
  async stall(ms: number): Promise<void> {
    const pairs = [...this.#pairs];
    for (const { client, service } of pairs) {
      client.pause();
      service.pause();
    }
    await new Promise(resolve => setTimeout(resolve, ms));
    for (const { client, service, frozen } of pairs) {
      if (frozen) continue;
      client.resume();
      service.resume();
    }
  }

  async stop(): Promise<void> {
    for (const { client, service } of this.#pairs) {
      client.destroy();
      service.destroy();
    }
    this.#server?.close();
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    if (this.toxics.refuse) return void client.resetAndDestroy();
    const service = connect(Number(this.#upstream.port), this.#upstream.hostname);
    const pair: Pair = { client, service, frozen: false };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      if (pair.frozen) return;
      client.destroy();
      service.destroy();
    };
    for (const socket of [client, service]) socket.on('error', end).on('close', end);
    this.#carry(pair, client, service, false);
    this.#carry(pair, service, client, true);
    client.resume();
  }

  #carry(pair: Pair, from: Socket, to: Socket, isAnswer: boolean): void {
    let last: Promise<void> = Promise.resolve();
    const pass = async (chunk: Buffer) => {
      const { latencyMs, bytesPerSecond, answersOnly } = this.toxics;
      if (latencyMs) await pause(latencyMs);
      const starved = bytesPerSecond !== undefined && (isAnswer || !answersOnly);
      const step = starved ? Math.max(1, Math.ceil(bytesPerSecond / 10)) : chunk.length;
      for (let at = 0; at < chunk.length && !to.destroyed && !pair.frozen; at += step) {
        to.write(chunk.subarray(at, at + step));
        if (starved) await pause(100);
      }
    };
    from.on('data', (chunk: Buffer) => {
      const busy = this.toxics.bytesPerSecond !== undefined;
      if (busy) from.pause();
      last = last.then(() => pass(chunk)).then(() => void (busy && !pair.frozen && from.resume()));
    });
    from.on('end', () => void last.then(() => void (pair.frozen || to.end())));
  }
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));
