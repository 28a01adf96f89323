import { existsSync } from 'node:fs';

/** Whether this is a container: by what Docker and podman leave there, and by the variable that says so to systemd. */
export function isInContainer(): boolean {
  return Boolean(process.env['container']) || existsSync('/.dockerenv') || existsSync('/run/.containerenv');
}
