import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the folder of problem files is, which are other people's and never committed; absent on most machines. */
const FOLDER = process.env['SHRINKBOX_CASES'];

/** The path of a problem file; `undefined` where SHRINKBOX_CASES is not set, or has no such file. */
export function caseFile(name: string): string | undefined {
  const path = FOLDER === undefined ? undefined : join(FOLDER, name);
  return path !== undefined && existsSync(path) ? path : undefined;
}
