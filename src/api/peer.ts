/** Who is at the other end of a connection on this machine, as Linux lists its own sockets. */
import { readFile } from 'node:fs/promises';

export interface Connection {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
  localAddress?: string | undefined;
  localPort?: number | undefined;
}

/** Whether the program at the other end runs as this user or root; false where nobody can say. */
export async function isSameUser(connection: Connection): Promise<boolean> {
  const own = process.geteuid?.();
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map(path => readFile(path, 'utf8').catch(() => '')),
  );
  const uid = uidOfPeer(connection, tables.join('\n'));
  return uid !== undefined && own !== undefined && (uid === own || uid === 0);
}

/** Of a connection that both sides have open. Once one is closed, the kernel no longer knows whose it was and lists root. */
const ESTABLISHED = '01';

/** The user of the socket at the other end; `undefined` if it is not of this machine, or no longer open. Pure. */
export function uidOfPeer(connection: Connection, table: string): number | undefined {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = connection;
  const [theirs, ours] = [ipv4Of(remoteAddress), ipv4Of(localAddress)];
  const ends = [theirs, ours].map(address => (address ? [hexOf(address), MAPPED + hexOf(address)] : [LOOPBACK6]));
  const port = (n: number) => n.toString(16).toUpperCase().padStart(4, '0');
  if (!theirs && remoteAddress !== '::1') return undefined;
  for (const line of table.split('\n')) {
    const [, from = '', to = '', state, , , , uid, , inode = '0'] = line.trim().split(/\s+/);
    const isFrom = ends[0]?.some(address => from === `${address}:${port(remotePort)}`);
    const isTo = ends[1]?.some(address => to === `${address}:${port(localPort)}`);
    if (isFrom && isTo) return state === ESTABLISHED && inode !== '0' && uid !== undefined ? Number(uid) : undefined;
  }
  return undefined;
}

const MAPPED = '0000000000000000FFFF0000';
const LOOPBACK6 = '00000000000000000000000001000000';

function ipv4Of(address: string): string | undefined {
  return /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
}

/** In the byte order of the machine, which is little-endian wherever Node runs. */
function hexOf(address: string): string {
  return address
    .split('.')
    .toReversed()
    .map(part => Number(part).toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}
