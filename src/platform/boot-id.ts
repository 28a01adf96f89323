import { readFileSync } from 'node:fs';

/** The same until the machine starts anew; empty where it does not say (not Linux). */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
