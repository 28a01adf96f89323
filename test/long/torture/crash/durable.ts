/** What of the acts of a life would be lost if the power were cut before one of them. */
import { dirname } from 'node:path';

/**
 * Bytes (by file) and names (by folder, with `/` at the end) put on the disk before the point `before` and not synced by then. Of a
 * file made and synced only its folder is left, and of a folder that was synced nothing.
 * @throws Error when the point is not among them: then nothing was looked at
 */
export function unsafeBefore(points: readonly string[], before: string): string[] {
  const end = points.indexOf(before);
  if (end < 0) throw new Error(`there is no point "${before}" in\n${points.join('\n')}`);
  const bytes = new Set<string>();
  const names = new Set<string>();
  const folderOf = (path: string) => `${dirname(path)}/`;
  const moved = (from: string, to: string) => {
    if (bytes.has(from)) bytes.add(to);
    names.add(folderOf(to));
  };
  for (const point of points.slice(0, end)) {
    const [, act = '', from = '', to = ''] = ACT.exec(point) ?? [];
    if (act.startsWith('write')) bytes.add(from);
    if (/^(create|mkdir|unlink|rmdir|write file)$/.test(act)) names.add(folderOf(from));
    if (/^(link|rename)$/.test(act)) moved(from, to);
    if (/^(unlink|rename)$/.test(act)) bytes.delete(from);
    if (act === 'rename') names.add(folderOf(from));
    if (!act.endsWith('sync')) continue;
    bytes.delete(from);
    names.delete(`${from}/`);
  }
  return [...bytes, ...names].sort();
}

/** An act that was carried out, the path it was about, and where that went. */
const ACT =
  /^after (write file|write|create|mkdir|unlink|rmdir|link|rename|sync|datasync|fsync|fdatasync) (.+?)(?: -> (.+?))?(?: \[.*\])? #\d+$/;
