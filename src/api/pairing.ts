/**
 * Codes that let one more device in. A phone cannot be asked to type the access token, and the token never stands in an address: so a
 * link carries such a code behind its `#`, where it stays in the browser, and the page exchanges it for the token.
 *
 * A code is signed with the token, so that a command can make one before the daemon runs.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';

const LIFETIME_MS = 10 * 60_000;
/** Of seconds until it ends, of chance, of signature. */
const BYTES = { until: 4, nonce: 4, signature: 12 } as const;
const SIGNED = BYTES.until + BYTES.nonce;

export interface PairingCode {
  code: string;
  /** Until when it works, epoch ms. */
  until: number;
}

export function issueCode(token: string, now: number): PairingCode {
  const seconds = Math.ceil((now + LIFETIME_MS) / 1000);
  const signed = Buffer.alloc(SIGNED);
  signed.writeUInt32BE(seconds, 0);
  randomBytes(BYTES.nonce).copy(signed, BYTES.until);
  return { code: Buffer.concat([signed, sign(token, signed)]).toString('base64url'), until: seconds * 1000 };
}

/** The address that a camera or a person opens. */
export function pairingLink(page: string, { code }: Pick<PairingCode, 'code'>): string {
  return `${page}#pair=${code}`;
}

function sign(token: string, signed: Buffer): Buffer {
  return createHmac('sha256', token).update('shrinkbox pairing\n').update(signed).digest().subarray(0, BYTES.signature);
}

/** Where it is kept which codes were taken, so that they stay taken after a restart. */
export interface TakenCodes {
  /** Those kept before, with the time they end, epoch ms. */
  load(): Iterable<readonly [fingerprint: string, until: number]>;
  save(taken: ReadonlyMap<string, number>): Promise<void>;
}

/** The daemon's side: takes each code once. */
export class Pairing {
  readonly #token: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #kept: TakenCodes;
  readonly #taken: Map<string, number>;

  constructor(token: string, clock: Pick<Clock, 'now'>, kept: TakenCodes) {
    this.#token = token;
    this.#clock = clock;
    this.#kept = kept;
    this.#taken = new Map(kept.load());
  }

  issue(): PairingCode {
    return issueCode(this.#token, this.#clock.now());
  }

  /** The token, for a code that is ours, has not ended and was not taken before. */
  async take(code: string): Promise<string | undefined> {
    const now = this.#clock.now();
    for (const [old, until] of this.#taken) if (until <= now) this.#taken.delete(old);
    const bytes = Buffer.from(code, 'base64url');
    if (bytes.length !== SIGNED + BYTES.signature || bytes.toString('base64url') !== code) return undefined;
    const signed = bytes.subarray(0, SIGNED);
    const until = signed.readUInt32BE(0) * 1000;
    if (!timingSafeEqual(sign(this.#token, signed), bytes.subarray(SIGNED))) return undefined;
    const fingerprint = createHash('sha256').update(code).digest('hex');
    if (until <= now || until > now + LIFETIME_MS + 1000 || this.#taken.has(fingerprint)) return undefined;
    this.#taken.set(fingerprint, until);
    await this.#kept.save(this.#taken);
    return this.#token;
  }
}
