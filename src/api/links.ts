/**
 * Addresses that open one file for a while. A `<video>` and a download cannot send the access token, and the token never stands in
 * an address; such a link is good for one result only, until it ends or the daemon does.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';

/** A long film with a night's sleep in between; after it the page asks for another. */
const LIFETIME_MS = 12 * 60 * 60_000;

export class Links {
  readonly #key = randomBytes(32);
  readonly #clock: Pick<Clock, 'now'>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** The ticket that opens `path` (as routes are written: `/api/jobs/abc/result`), and until when, epoch ms. */
  issue(path: string): { ticket: string; until: number } {
    const until = this.#clock.now() + LIFETIME_MS;
    return { ticket: `${until.toString(36)}.${this.#sign(path, until).toString('base64url')}`, until };
  }

  /** Whether the ticket was issued for this very path, and has not ended. */
  opens(path: string, ticket: string | undefined): boolean {
    const [, end = '', signature = ''] = /^([0-9a-z]{1,11})\.([\w-]{43})$/.exec(ticket ?? '') ?? [];
    const until = Number.parseInt(end, 36);
    if (!(until > this.#clock.now())) return false;
    const given = Buffer.from(signature, 'base64url');
    // The last letter has bits to spare: one spelling only.
    return timingSafeEqual(this.#sign(path, until), given) && given.toString('base64url') === signature;
  }

  #sign(path: string, until: number): Buffer {
    return createHmac('sha256', this.#key).update(`${until}\n${path}`).digest();
  }
}
