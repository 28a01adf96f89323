/** Who runs this process. A numeric user (a container, setpriv) may have no entry in the system's list of users. */
import { existsSync, readlinkSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';

/** The home folder; `/` where neither HOME nor the system knows one. HOME then says so too, because libraries ask for it. */
export function homeFolder(env: NodeJS.ProcessEnv): string {
  try {
    return homedir();
  } catch {
    env['HOME'] = '/';
    return '/';
  }
}

/** `maria`, or `uid 12345` for a user without a name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** The number of the first PID namespace of every Linux. */
const FIRST_NAMESPACE = 'pid:[4026531836]';
/** The kernel's own servers: what they have open belongs to no process. */
const KERNEL_SERVERS = ['/proc/fs/nfsd/versions', '/sys/class/ksmbd-control'];

/**
 * Whether /proc shows every program of this machine that may have a file open: to root, outside of containers. Whose the file
 * is says nothing: a Samba server writes as root into files of others.
 */
export function seesEveryWriter(system: System = HERE): boolean {
  if (system.euid() !== 0 || KERNEL_SERVERS.some(system.exists)) return false;
  try {
    return system.readlink('/proc/self/ns/pid') === FIRST_NAMESPACE;
  } catch {
    return false;
  }
}

interface System {
  euid(): number | undefined;
  exists(path: string): boolean;
  readlink(path: string): string;
}

const HERE: System = { euid: () => process.geteuid?.(), exists: existsSync, readlink: path => readlinkSync(path) };
