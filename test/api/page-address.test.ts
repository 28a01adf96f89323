import { expect, it } from 'vitest';
import { type Machine, pageAddress } from '../../src/api/page-address.ts';

const v4 = (address: string, internal = false) => [{ address, family: 'IPv4' as const, internal }];
const nas: Machine = {
  interfaces: {
    lo: v4('127.0.0.1', true),
    docker0: v4('172.17.0.1'),
    tailscale0: v4('100.64.0.7'),
    eth0: v4('192.168.1.20'),
  },
  hostname: 'nas',
  isContainer: false,
};
const everywhere = { address: '0.0.0.0', port: 8788, family: 'IPv4' };

it.each<[string, Parameters<typeof pageAddress>, string]>([
  ['one address is that address', [{ ...everywhere, address: '10.0.0.5' }, nas], 'http://10.0.0.5:8788/'],
  ['an IPv6 address is in brackets', [{ address: '::1', port: 80, family: 'IPv6' }, nas], 'http://[::1]:80/'],
  ['everywhere is the address at home', [everywhere, nas], 'http://192.168.1.20:8788/'],
  ['everywhere of IPv6 is, too', [{ ...everywhere, address: '::', family: 'IPv6' }, nas], 'http://192.168.1.20:8788/'],
  [
    'a public address is better than a name',
    [everywhere, { ...nas, interfaces: { eth0: v4('203.0.113.9') } }],
    'http://203.0.113.9:8788/',
  ],
  [
    'without a network there is the name',
    [everywhere, { ...nas, interfaces: { lo: v4('127.0.0.1', true) } }],
    'http://nas:8788/',
  ],
  [
    'an address nobody gave it is none',
    [everywhere, { ...nas, interfaces: { eth0: v4('169.254.3.4') } }],
    'http://nas:8788/',
  ],
  [
    'a container with a network of its own knows no address',
    [everywhere, { ...nas, interfaces: { eth0: v4('172.18.0.2') }, isContainer: true }],
    'http://ADDRESS-OF-THIS-MACHINE:8788/',
  ],
  ['one with that of the host does', [everywhere, { ...nas, isContainer: true }], 'http://192.168.1.20:8788/'],
])('%s', (_, args, address) => expect(pageAddress(...args)).toBe(address));
