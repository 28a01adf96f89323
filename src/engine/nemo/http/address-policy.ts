import { lookup as dnsLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';

/**
 * Where a result may be fetched from: the public internet, and the API's own host (which may be a test server on this machine). A reply
 * of the service must not make this machine send requests into the home network.
 */
export interface AddressPolicy {
  /** @throws ShrinkError `bad-answer` for an address that is not http(s), or whose host is a private literal address. */
  check(url: string): void;
  /** For the connection: names that resolve only to private addresses are refused when connecting. */
  lookup: LookupFunction;
}

export function createAddressPolicy(apiUrl: string, resolve: typeof dnsLookup = dnsLookup): AddressPolicy {
  const apiHost = bareHost(new URL(apiUrl));
  const allowed = (address: string, host: string) => host === apiHost || address === apiHost || !isPrivate(address);
  return {
    check(url) {
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
        throw refusal(say('nemo.address-not-http'));
      }
      const host = bareHost(parsed);
      if (isIP(host) !== 0 && !allowed(host, host)) throw refusal(say('nemo.address-private', { host }));
    },
    lookup(hostname, options, callback) {
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error) return callback(error, '', 0);
        const good = (Array.isArray(found) ? found : []).filter(one => allowed(one.address, hostname));
        const first = good[0];
        if (!first) {
          return callback(refusal(say('nemo.host-private', { host: hostname })) as NodeJS.ErrnoException, '', 0);
        }
        if (options.all) return callback(null, good);
        callback(null, first.address, first.family);
      });
    },
  };
}

/** Loopback, link-local, private, shared, benchmarking, documentation, multicast and reserved ranges (RFC 6890 and successors). */
export function isPrivate(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  ranges ??= buildRanges();
  return ranges.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

let ranges: BlockList | undefined;

const IPV4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

const IPV6: readonly [string, number][] = [
  ['::', 96],
  ['64:ff9b::', 96],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

function buildRanges(): BlockList {
  const list = new BlockList();
  for (const [net, bits] of IPV4) list.addSubnet(net, bits, 'ipv4');
  for (const [net, bits] of IPV6) list.addSubnet(net, bits, 'ipv6');
  return list;
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function refusal(message: Sentence): ShrinkError {
  return new ShrinkError('bad-answer', message, {
    doing: say('nemo.doing-download'),
    hint: say('nemo.address-refused-hint'),
  });
}
