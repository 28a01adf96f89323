import { say } from '../../messages/say.ts';
import { PAIR_PATH } from '../authorize.ts';
import type { Pairing } from '../pairing.ts';
import { failure, json, type RequestContext } from '../responses.ts';
import { type Route, route } from '../route.ts';
import { accessToken, pairingCode } from '../schemas.ts';

interface PairingRoutesOptions {
  /** If absent, there is no token: whoever reaches the page is in. */
  pairing: Pairing | undefined;
  /** A wrong code came from this address. @returns how long its sender should wait, ms */
  onWrongCode(address: string): number;
}

/** How one more device gets in. */
export function pairingRoutes({ pairing, onWrongCode }: PairingRoutesOptions): Route[] {
  return [
    route('POST', '/api/pairing', { about: ISSUE, answer: pairingCode }, c =>
      pairing ? json(c, pairing.issue()) : noToken(c),
    ),
    route('POST', PAIR_PATH, { about: TAKE, answer: accessToken }, async c => {
      const code = /^Pairing +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
      const token = await pairing?.take(code);
      if (token !== undefined) return json(c, { token });
      const waitMs = code === '' ? 0 : onWrongCode(c.env.address);
      if (waitMs > 0) c.header('Retry-After', String(Math.ceil(waitMs / 1000)));
      return failure(c, {
        status: waitMs > 0 ? 429 : 401,
        code: 'unauthorized',
        message: say('api.pairing-over'),
        hint: say('api.pairing-over-hint'),
      });
    }),
  ];
}

const ISSUE = 'A code that lets one more device in, once, within ten minutes.';
const TAKE = 'Exchanges such a code for the access token. The code is sent as `Authorization: Pairing CODE`.';

function noToken(c: RequestContext): Response {
  return failure(c, {
    status: 409,
    code: 'unavailable',
    message: say('api.pairing-without-token'),
    hint: say('api.pairing-without-token-hint'),
  });
}
