import { homedir } from 'node:os';

/** The three headers that identify this client; without them the service refuses an export (402). */
export interface Attribution {
  source: string;
  version: string;
  platform: string;
}

/**
 * The platform as the service's own skills name it: `SKILL_SOURCE`, else derived from where this program is installed, else
 * `unknown`. `installPath` is absolute.
 */
export function platformOf(skillSource: string | undefined, installPath: string, home: string = homedir()): string {
  const named = headerSafe(skillSource ?? '');
  if (named !== '') return named;
  const path = installPath.replaceAll('\\', '/');
  const below = (folder: string) => path.startsWith(`${home.replaceAll('\\', '/')}/${folder}/`);
  if (below('.clawhub')) return 'clawhub';
  if (below('.cursor/skills')) return 'cursor';
  return 'unknown';
}

export function attributionHeaders(attribution: Attribution): Record<string, string> {
  return {
    'X-Skill-Source': headerSafe(attribution.source) || 'unknown',
    'X-Skill-Version': headerSafe(attribution.version) || 'unknown',
    'X-Skill-Platform': headerSafe(attribution.platform) || 'unknown',
  };
}

/** Printable ASCII, at most 64 characters: safe for a header whatever its origin. */
function headerSafe(value: string): string {
  return value
    .replace(/[^\x20-\x7E]/g, '')
    .trim()
    .slice(0, 64);
}
