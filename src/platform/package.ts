import { readFileSync } from 'node:fs';

interface PackageJson {
  version: string;
  /** How this program identifies itself to the cloud service. */
  skill: { source: string; version: string };
}

/** Our own package.json, beside dist/ wherever it is installed. */
function packageJson(): PackageJson {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as PackageJson;
}

export function version(): string {
  return packageJson().version;
}

export function skill(): PackageJson['skill'] {
  return packageJson().skill;
}
