/** Who can use the page and the API, and who can read the tokens. */
import { type Stats, statSync } from 'node:fs';
import type { Config } from '../../config/load.ts';
import { isLoopback } from '../../config/loopback.ts';
import { isWeakToken, type Secrets, WEAK_TOKEN, WEAK_TOKEN_FIX } from '../../config/secrets.ts';
import type { CheckResult } from './check-result.ts';

export function checkAccess(config: Config, { httpToken }: Secrets): CheckResult[] {
  const { listen, tokenFile, publicUrl } = config.http;
  const files = [tokenFile, config.nemo.tokenFile].flatMap(path => (path ? openFile(path) : []));
  if (listen === 'off') return files;
  const about = 'page';
  if (httpToken) {
    if (!isWeakToken(httpToken)) return files;
    return [...files, { about, result: 'warn', said: WEAK_TOKEN, fix: WEAK_TOKEN_FIX }];
  }
  // Anywhere else the daemon does not start without a token: app/start-checks.ts says so.
  if (!isLoopback(listen.host)) return files;
  const fix = 'Set http.token_file; the page then asks for the token.';
  if (publicUrl !== undefined) {
    const said = `there is no token: everybody who reaches ${publicUrl} can use the page, unless the proxy asks for a password`;
    return [...files, { about, result: 'warn', said, fix }];
  }
  const said = 'every user of this machine can use the page; other machines cannot reach it';
  return [...files, { about, result: 'ok', said, fix: `Where others log in: ${fix}` }];
}

function openFile(path: string): CheckResult[] {
  const found = statOf(path);
  if (!found || (found.mode & 0o007) === 0) return [];
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  const said = `every user of this machine can read or change the token in ${path} (mode ${mode})`;
  return [{ about: 'credentials', result: 'warn', said, fix: `chmod 600 ${path}, and use another token from now on.` }];
}

/** A token file that cannot be looked at is reported under "credentials". */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
