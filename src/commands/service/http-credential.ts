import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where administrators and `service install` put units; a drop-in is in a folder of its own. */
const UNITS = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system'];

/** As in the unit that comes with the program. */
const CREDENTIAL = /^(?:Load|Set)Credential(?:Encrypted)?=http-token\b/m;

/**
 * A unit that hands the daemon the token for the page, if there is one: only the daemon itself can read a credential, so
 * whoever checks a configuration beforehand has to look there.
 */
export function unitWithHttpToken(folders: readonly string[] = UNITS): string | undefined {
  const files = folders.flatMap(folder => [
    ...namesIn(folder, '.service').map(name => join(folder, name)),
    ...namesIn(folder, '.service.d').flatMap(name => dropIns(join(folder, name))),
  ]);
  return files.find(file => CREDENTIAL.test(textOf(file)));
}

function dropIns(folder: string): string[] {
  return namesIn(folder, '.conf').map(name => join(folder, name));
}

function namesIn(folder: string, ending: string): string[] {
  try {
    return readdirSync(folder).filter(name => name.endsWith(ending));
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
