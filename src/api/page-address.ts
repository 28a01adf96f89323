/** The address at which people reach the page, where nobody configured one. */
import type { AddressInfo } from 'node:net';
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { isInContainer } from '../platform/container.ts';

/** What decides which address others can use. */
export interface Machine {
  interfaces: NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>[]>;
  hostname: string;
  isContainer: boolean;
}

export function thisMachine(): Machine {
  return { interfaces: networkInterfaces(), hostname: hostname(), isContainer: isInContainer() };
}

/** In a container with a network of its own, neither its name nor its address mean anything outside. */
export const UNKNOWN_HOST = 'ADDRESS-OF-THIS-MACHINE';

export function pageAddress(
  { address, port, family }: Pick<AddressInfo, 'address' | 'port' | 'family'>,
  machine: Machine,
): string {
  const isEverywhere = address === '0.0.0.0' || address === '::';
  const host = isEverywhere ? hostOf(machine) : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}/`;
}

/** A phone finds an address more surely than a name, which its router may not know. */
function hostOf({ interfaces, hostname: name, isContainer }: Machine): string {
  const addresses = Object.entries(interfaces)
    .filter(([device]) => !BETWEEN_PROGRAMS.test(device))
    .flatMap(([, all = []]) => all)
    .filter(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))
    .map(({ address }) => address)
    .filter(address => !(isContainer && OF_CONTAINERS.test(address)));
  return addresses.find(address => AT_HOME.test(address)) ?? addresses[0] ?? (isContainer ? UNKNOWN_HOST : name);
}

/** Networks of containers, virtual machines and tunnels. */
const BETWEEN_PROGRAMS =
  /^(docker|br-|veth|virbr|vnet|vmnet|vboxnet|lxc|lxdbr|cni|flannel|podman|tun|tap|wg|utun|zt|tailscale)/;
const AT_HOME = /^(192\.168\.|10\.|172\.(1[6-9]|2\d|3[01])\.)/;
/** What Docker and podman give by themselves; with the network of the host, a container sees the host's. */
const OF_CONTAINERS = /^(172\.(1[6-9]|2\d|3[01])\.|10\.88\.)/;
