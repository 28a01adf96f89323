/**
 * Abstract unix sockets (Linux): names without a file. The kernel gives a name to one process and frees it when that process ends,
 * however it ends. Whoever connects gets a text. Another network namespace, such as a container's, has names of its own.
 */
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';

/** How long to wait for the text of a holder that is stopped or busy. */
const ANSWER_MS = 1000;

export interface HeldName {
  /** Frees the name; safe to call twice. */
  release(): Promise<void>;
}

/** Takes a name, and sends `words` to everybody who connects. `undefined` if another process has it. */
export function holdName(name: string, words: string): Promise<HeldName | undefined> {
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.unref();
    socket.end(words, () => socket.destroy());
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => {
      // The name stays ours even if a caller could not be accepted (no file descriptor left).
      server.on('error', () => {});
      resolve({ release: () => close(server) });
    });
  });
}

/** The text of a name's holder; `undefined` if nobody answers. */
export async function askName(name: string): Promise<string | undefined> {
  const socket = connect(`\0${name}`);
  const giveUp = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_MS);
  try {
    return await text(socket);
  } catch {
    return undefined;
  } finally {
    clearTimeout(giveUp);
  }
}

/** Names with this prefix that are in use, as far as the kernel lists them. */
export async function namesHeld(prefix: string): Promise<string[]> {
  const list = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const names = list
    .split('\n')
    .map(line => line.split(/\s+/, 8)[7] ?? '')
    .filter(path => path.startsWith(`@${prefix}`))
    // NUL bytes are shown as @: the first one, and those that fill up the address.
    .map(path => path.slice(1).replace(/@+$/, ''));
  return [...new Set(names)];
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
  });
}
