import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A line to the server that can be cut: what is on it ends, and nobody is at the other end until it is mended. */
export async function cuttable() {
  let target = 0;
  const open = new Set<Socket>();
  const line = createServer(near => {
    const far = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  const listen = (port: number) => new Promise<void>(resolve => line.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = line.address() as AddressInfo;
  const cut = () =>
    new Promise<void>(resolve => {
      line.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  onTestFinished(cut);
  const to = async (address: string) => {
    target = Number(new URL(address).port);
    return `http://127.0.0.1:${port}/`;
  };
  return { to, cut, mend: () => listen(port) };
}
