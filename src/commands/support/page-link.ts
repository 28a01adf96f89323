/** The address of the page with a code that lets one more device in, for people and for the camera of a phone. */
import { encode } from 'uqr';
import type { ControlClient } from '../../api/client.ts';
import type { StatusView } from '../../api/types.ts';
import { pageAddress, thisMachine, UNKNOWN_HOST } from '../../api/page-address.ts';
import { issueCode, type PairingCode, pairingLink } from '../../api/pairing.ts';
import type { Config } from '../../config/load.ts';
import { isLoopback } from '../../config/loopback.ts';
import { isWeakToken, type Secret, WEAK_TOKEN, WEAK_TOKEN_FIX } from '../../config/secrets.ts';
import { ShrinkError } from '../../core/errors.ts';
import { escapeForTerminal } from '../../core/escape.ts';
import type { Context } from './context.ts';

interface Link {
  page: string;
  link: string;
  /** Epoch ms. */
  until: number;
}

/** @throws ShrinkError `unavailable` where no other device reaches the page */
export async function linkOf(daemon: ControlClient): Promise<Link> {
  const { page, page_unavailable: why } = await daemon.status();
  if (page === null) throw notReachable(why ?? 'the page is off (http.listen)');
  return linkTo(page, await daemon.pair());
}

/** The daemon is not running: the token is read here, if this user may. */
export async function linkWithout(context: Context, config: Config): Promise<Link> {
  const { httpToken } = await context.loadSecrets(config);
  if (!httpToken) throw notReachable('the page has no access token');
  return linkWith(httpToken, config, context.io.clock.now());
}

/** A link for a daemon that is started now. */
export function linkWith(token: Secret, config: Config, now: number): Link {
  const { listen, publicUrl } = config.http;
  if (isWeakToken(token)) throw new ShrinkError('unavailable', WEAK_TOKEN, { hint: WEAK_TOKEN_FIX });
  if (listen === 'off') throw notReachable('the page is off (http.listen)');
  const address = { address: listen.host, port: listen.port, family: listen.host.includes(':') ? 'IPv6' : 'IPv4' };
  return linkTo(publicUrl ?? pageAddress(address, thisMachine()), issueCode(token.reveal(), now));
}

function linkTo(page: string, made: PairingCode): Link {
  if (URL.canParse(page) && isLoopback(new URL(page).hostname)) {
    throw notReachable(`the page is only at ${page}, on this machine`);
  }
  return { page, link: pairingLink(page, made), until: made.until };
}

function notReachable(why: string): ShrinkError {
  return new ShrinkError('unavailable', `${why}: no phone can open it`, {
    hint: '`shrinkbox init --lan` opens it to your network, with an access token. Behind a reverse proxy, set http.public_url.',
  });
}

/** For people. The picture only on a terminal: nothing else shows it to a camera. */
export function linkLines({ io, paint }: Context, { page, link }: Link): string[] {
  const isKnown = !page.includes(UNKNOWN_HOST);
  return [
    ...(io.stdout.isTTY && isKnown ? ['', ...pictureLines(link), ''] : []),
    `  on a phone          ${paint('cyan', escapeForTerminal(link))}`,
    '                      lets one device in, within ten minutes; it stays signed in',
    `  elsewhere           ${escapeForTerminal(page)} with the token, or another link`,
    ...(isKnown ? [] : ['  A container does not know its address: set SHRINKBOX_URL, or http.public_url.']),
  ];
}

/** Two rows of the picture in one of text, black on white whatever the terminal's colours are. */
function pictureLines(link: string): string[] {
  const { data } = encode(link, { border: 2 });
  const at = (y: number, x: number) => data[y]?.[x] ?? false;
  return data.flatMap((row, y) => {
    if (y % 2 === 1) return [];
    const cells = row.map((_, x) => HALVES[`${Number(at(y, x))}${Number(at(y + 1, x))}` as keyof typeof HALVES]);
    return [`  \u001b[30;107m${cells.join('')}\u001b[0m`];
  });
}

/** Upper and lower half, 1 for dark. */
const HALVES = { '00': ' ', '10': '▀', '01': '▄', '11': '█' } as const;

const SAY_ADDRESS = 'to have your address here, set SHRINKBOX_URL (http.public_url)';

/** Where the page is, or why it is nowhere. */
export function pageLines({ paint }: Context, config: Config, status: StatusView): string[] {
  const { page, page_unavailable: why } = status;
  if (page === null) return why ? [`  web page            ${paint('yellow', escapeForTerminal(why))}`] : [];
  const { listen } = config.http;
  const isOpen = config.http.publicUrl !== undefined || (listen !== 'off' && !isLoopback(listen.host));
  return [
    `  web page            ${paint('cyan', escapeForTerminal(page))}`,
    ...(page.includes(UNKNOWN_HOST) ? [`                      ${SAY_ADDRESS}`] : []),
    ...(isOpen ? ['  on a phone          shrinkbox link'] : []),
  ];
}
