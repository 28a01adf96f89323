import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { askName } from '../../src/platform/abstract-socket.ts';

it.runIf(process.platform === 'linux')('a holder that talks without end fills no memory', async () => {
  const name = `shrinkbox-test-${randomBytes(8).toString('hex')}`;
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  const server = createServer(socket => {
    const endless = Readable.from(
      (function* () {
        for (; ; sent += piece.length) yield piece;
      })(),
    );
    socket.on('error', () => endless.destroy());
    socket.on('close', () => endless.destroy());
    endless.on('error', () => {});
    endless.pipe(socket);
  });
  await new Promise<void>(resolve => server.listen(`\0${name}`, resolve));
  onTestFinished(() => void server.close());
  expect(await askName(name)).toBeUndefined();
  expect(sent).toBeLessThan(8_000_000);
});
