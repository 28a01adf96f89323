/**
 * Abstract unix sockets (Linux): names without a file. The kernel gives a name to one process and frees it when that process ends,
 * however it ends. Whoever connects gets a text. Another network namespace, such as a container's, has names of its own.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';

/** How long to wait for the text of a holder that is stopped or busy. */
const ANSWER_MS = 1000;
/** Characters; ours has a few hundred. */
const MAX_WORDS = 64 * 1024;

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

/** The text of a name's holder; `undefined` if nobody answers, or without end. */
export async function askName(name: string): Promise<string | undefined> {
  const socket = connect(`\0${name}`);
  const giveUp = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_MS);
  try {
    let words = '';
    for await (const piece of socket.setEncoding('utf8')) {
      words += piece;
      if (words.length > MAX_WORDS) return undefined;
    }
    return words;
  } catch {
    return undefined;
  } finally {
    clearTimeout(giveUp);
  }
}

export interface SeenName {
  name: string;
  /** Whether a process of our own user or of root has it. Everybody can bind any name and answer anything at all. */
  isOurs: boolean;
}

/** Names with this prefix that are in use, as far as the kernel lists them. */
export async function namesHeld(prefix: string): Promise<SeenName[]> {
  const listening = listeningNames(await readFile('/proc/net/unix', 'utf8').catch(() => '')).filter(({ name }) =>
    name.startsWith(prefix),
  );
  const ours = ourSockets(new Set(listening.map(({ inode }) => inode)));
  const foreign = new Set(listening.filter(({ inode }) => !ours.has(inode)).map(({ name }) => name));
  return [...new Set(listening.map(({ name }) => name))].map(name => ({ name, isOurs: !foreign.has(name) }));
}

/** The flag __SO_ACCEPTCON: a socket that is listened at. */
const LISTENS = '00010000';

/**
 * The abstract names in /proc/net/unix. A name may contain line breaks and so forge a whole line, but no socket that is
 * listened at can hide its own: a name is somebody's only if all its lines are. Pure.
 */
export function listeningNames(text: string): { name: string; inode: string }[] {
  return text.split('\n').flatMap(line => {
    const [, , , flags, , , inode = '', path = ''] = line.trim().split(/\s+/, 8);
    // NUL bytes are shown as @: the first one, and those that fill up the address.
    return flags === LISTENS && path.startsWith('@') ? [{ name: path.slice(1).replace(/@+$/, ''), inode }] : [];
  });
}

/** Those of these sockets that a process of our user or of root has open. Without rights, only our own processes show theirs. */
function ourSockets(inodes: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  if (inodes.size === 0) return found;
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    if (!isOurProcess(pid)) continue;
    for (const inode of socketsOf(pid)) if (inodes.has(inode)) found.add(inode);
    if (found.size === inodes.size) break;
  }
  return found;
}

/** By all its user ids: the owner of /proc/PID is root for every process that hides from debuggers. */
function isOurProcess(pid: string): boolean {
  const uids = /^Uid:\s+(.+)$/m.exec(unlessGone(() => readFileSync(`/proc/${pid}/status`, 'utf8')) ?? '')?.[1];
  return uids !== undefined && uids.split(/\s+/).every(uid => uid === '0' || Number(uid) === process.geteuid?.());
}

function socketsOf(pid: string): string[] {
  const fds = unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return fds.flatMap(fd => {
    const target = unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '';
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
}

/** Processes come and go, and those of others keep their files to themselves. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
  });
}
