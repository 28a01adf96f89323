import { isIPv4 } from 'node:net';

/** Whether a host name or address (an IPv6 one with or without brackets) reaches this machine only. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIPv4(bare)) return bare.startsWith('127.');
  return bare === 'localhost' || bare === '::1';
}
