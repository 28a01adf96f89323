/** The grep for secrets that the whole suite goes through: whatever a test leaves behind is searched before it is removed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { everyToken } from './nemo-server/world.ts';

/** @throws Error naming where a token stands in `text` */
export function mustSayNoSecret(text: string, where: string): void {
  for (const token of everyToken) {
    const at = text.indexOf(token);
    if (at < 0) continue;
    throw new Error(`a token stands in ${where}, after "${text.slice(Math.max(0, at - 60), at)}"`);
  }
}

/**
 * Looks through every file below `dir`, core files among them. Where secrets are kept is no leak: identity.json (what a kill
 * left of its next version is swept by the next start, which the torture of crashes looks at).
 * @throws Error naming the file
 */
export function mustHoldNoSecret(dir: string): void {
  if (everyToken.size === 0) return;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('identity.json')) continue;
    const path = join(entry.parentPath, entry.name);
    mustSayNoSecret(readFileSync(path, 'latin1'), path);
  }
}
