import { readlinkSync } from 'node:fs';

/** What a path below a descriptor (`/proc/self/fd/N/name`, as held folders are used by) is called by a person. */
export function namedPath(path: string): string {
  return path.replace(/^\/proc\/self\/fd\/\d+/, descriptor => readlinkSync(descriptor));
}
