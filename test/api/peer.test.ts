import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { isSameUser, uidOfPeer } from '../../src/api/peer.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2254 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 1
   1: 0100007F:9C40 0100007F:2254 01 00000000:00000000 00:00000000 00000000  1000        0 2
   2: 0100007F:2254 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   999        0 3
   3: 0200007F:9C41 0100007F:2254 01 00000000:00000000 00:00000000 00000000  1001        0 4
   4: 0100007F:9C44 0100007F:2254 05 00000000:00000000 00:00000000 00000000     0        0 0
   5: 0100007F:9C45 0100007F:2254 01 00000000:00000000 00:00000000 00000000     0        0 0
   6: 0100007F:9C46 0100007F:2254 06 00000000:00000000 03:00000176 00000000     0        0 0
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:9C42 00000000000000000000000001000000:2254 01 00000000:00000000 00:00000000 00000000  1002        0 5
   1: 0000000000000000FFFF00000100007F:9C43 0000000000000000FFFF00000100007F:2254 01 00000000:00000000 00:00000000 00000000  1003        0 6`;

it.each([
  ['127.0.0.1', 40_000, '127.0.0.1', 1000],
  ['127.0.0.2', 40_001, '127.0.0.1', 1001],
  ['::1', 40_002, '::1', 1002],
  ['::ffff:127.0.0.1', 40_003, '::ffff:127.0.0.1', 1003],
  ['127.0.0.1', 40_001, '127.0.0.1', undefined],
  // Was: whoever closed his end at once passed for root, and changed the rules.
  ['127.0.0.1', 40_004, '127.0.0.1', undefined],
  ['127.0.0.1', 40_005, '127.0.0.1', undefined],
  ['127.0.0.1', 40_006, '127.0.0.1', undefined],
  ['192.168.1.7', 40_000, '192.168.1.2', undefined],
  ['fe80::1', 40_002, '::1', undefined],
])('%s, port %i, belongs to %s', (remoteAddress, remotePort, localAddress, uid) => {
  expect(uidOfPeer({ remoteAddress, remotePort, localAddress, localPort: 8788 }, TABLE)).toBe(uid);
});

it.runIf(process.platform === 'linux')('a connection of our own is of the same user', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = await accepted;
  onTestFinished(() => void client.destroy());
  expect(await isSameUser(socket)).toBe(true);
});
