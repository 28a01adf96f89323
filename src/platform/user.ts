/** Who runs this process. A numeric user (a container, setpriv) may have no entry in the system's list of users. */
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
