import { resolve } from 'node:path';

/** Makes a written path absolute. */
export type ResolvePath = (written: string) => string;

/** `~` is the home folder; other relative paths start at `base`. */
export function pathResolver(base: string, home: string): ResolvePath {
  return written =>
    resolve(
      base,
      written.replace(/^~(?=\/|$)/, () => home),
    );
}
